"""``quant lakehouse``: probe the store, verify what it holds, compact it and clean it."""

# Imports inside the commands are meant: `quant --help` costs nothing that it does not use.
# ruff: noqa: PLC0415

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from quant_core.objects import Objects

__all__ = ["lakehouse"]

lakehouse = typer.Typer(no_args_is_help=True, help="Look after the stored partitions.")

Url = Annotated[str, typer.Option("--url", help="Root: path or s3://bucket/prefix.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]
Apply = Annotated[bool, typer.Option("--apply", help="Do it; without, say what would be done.")]
Days = Annotated[float, typer.Option("--older-than", help="Days that a leftover must be old.")]


@lakehouse.command("probe")
def probe_store(*, url: Url = "", as_json: Json = False) -> None:
    """Ask the store whether it keeps writers apart; exit code 1 if it does not."""
    from quant_core.objects import probe, writers
    from quant_core.objects._s3 import S3Objects

    objects = _objects(url)
    if not isinstance(objects, S3Objects):
        _show([{"url": objects.path(""), "found": objects.prepare()}], as_json=as_json)
        return
    found = probe(objects)
    facts = {**asdict(found), "safe": found.safe, "writers": writers()}
    _show([{"url": objects.path(""), **facts}], as_json=as_json)
    if not found.safe:
        typer.echo(
            "the store does not keep writers apart: use another one, or set "
            "TV_LAKEHOUSE_WRITERS=one and let one run write at a time",
            err=True,
        )
        raise typer.Exit(1)


@lakehouse.command("verify")
def verify_store(
    *,
    url: Url = "",
    every: Annotated[bool, typer.Option("--all", help="Show what is whole, too.")] = False,
    as_json: Json = False,
) -> None:
    """Read every partition; exit code 1 if one is lost, altered or damaged, or a file foreign."""
    from quant_core.lakehouse import verify

    found = verify(_objects(url))
    _show((asdict(item) for item in found if every or item.state != "whole"), as_json=as_json)
    counts: dict[str, int] = {}
    for item in found:
        counts[item.state] = counts.get(item.state, 0) + 1
    typer.echo(", ".join(f"{count} {state}" for state, count in sorted(counts.items())), err=True)
    if not all(item.sound for item in found):
        raise typer.Exit(1)


@lakehouse.command("compact")
def compact_store(*, url: Url = "", apply: Apply = False, as_json: Json = False) -> None:
    """Make one file of the partitions of each closed year; nothing changes for readers."""
    from quant_core.lakehouse import compact

    found = compact(_objects(url), dry_run=not apply)
    _show((asdict(item) for item in found), as_json=as_json)
    _tell(apply, f"{sum(item.files for item in found)} files", "packed")
    if any(item.text for item in found):
        raise typer.Exit(1)


@lakehouse.command("clean")
def clean_store(
    *, url: Url = "", days: Days = 7.0, apply: Apply = False, as_json: Json = False
) -> None:
    """Remove what nothing refers to any more."""
    from quant_core.lakehouse import clean

    found = clean(_objects(url), days=days, dry_run=not apply)
    shown = ({**asdict(item), "modified": item.modified.isoformat()} for item in found)
    _show(shown, as_json=as_json)
    _tell(apply, f"{len(found)} files, {sum(item.size for item in found):,} bytes", "removed")


def _objects(url: str) -> Objects:
    from quant_core.context import current_settings
    from quant_core.objects import open_objects

    return open_objects((url or current_settings().lakehouse).rstrip("/"))


def _show(rows: Iterable[dict[str, Any]], *, as_json: bool) -> None:
    found = list(rows)
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    for row in found:
        typer.echo("  ".join(f"{key}={value}" for key, value in row.items() if value != ""))


def _tell(apply: bool, what: str, done: str) -> None:  # noqa: FBT001 - the option of the command
    told = f"{what} {done}" if apply else f"{what} would be {done}; say --apply to do it"
    typer.echo(told, err=True)
