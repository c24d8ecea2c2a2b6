"""What this machine has, what it lacks, and how to get it."""

from __future__ import annotations

import os
import platform
import re
import sys
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rich.markup import escape
from rich.table import Table

from quant_core.cli._backends import default_backend, offered, open_backend
from quant_core.cli._console import print_json, results
from quant_core.clock import clock
from quant_core.context import current_settings
from quant_core.errors import QuantError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["Finding", "examine", "show"]

State = Literal["ok", "missing", "broken"]

_DISTRIBUTION = "quant-assets"
_EXTRA = re.compile(r"extra\s*==\s*['\"]([^'\"]+)")
_ALONE = frozenset({"sky"})  # its pins contradict those of another extra
_STYLES = {"ok": "green", "missing": "yellow", "broken": "red"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Parameters
    ----------
    area : str
        What it belongs to, for example ``"engines"`` for a package of that extra.
    name : str
        What it is.
    state : {"ok", "missing", "broken"}
        ``missing`` limits what can be done; ``broken`` is an error of the installation.
    found : str
        What was found.
    remedy : str
        How to get it, or what to do; empty if nothing is to be done.
    """

    area: str
    name: str
    state: State
    found: str
    remedy: str = ""


def examine(*, start_ray: bool = False) -> list[Finding]:
    """Look at the installation.

    Parameters
    ----------
    start_ray : bool
        Whether to start the ray backend, run one unit and stop it; takes seconds.
    """
    findings = [*_machine(), *_packages(), *_backends(), *_numerics(), *_folders()]
    if start_ray:
        findings.append(_ray())
    return findings


def show(findings: Sequence[Finding], *, as_json: bool) -> None:
    """Print findings as a table, or as JSON."""
    if as_json:
        print_json([asdict(finding) for finding in findings])
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("", "what", "state", "found", "what to do"):
        table.add_column(heading, overflow="fold")
    area = ""
    for finding in findings:
        state = f"[{_STYLES[finding.state]}]{finding.state}[/]"
        texts = (finding.name, state, escape(finding.found), escape(finding.remedy))
        table.add_row("" if finding.area == area else finding.area, *texts)
        area = finding.area
    results().print(table)


def _machine() -> Iterator[Finding]:
    yield Finding("machine", "python", "ok", f"{platform.python_version()} at {sys.executable}")
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    yield Finding("machine", "processors", "ok", str(count))
    if sys.dont_write_bytecode:
        yield Finding(
            "machine",
            "bytecode",
            "missing",
            "PYTHONDONTWRITEBYTECODE is set, so every start compiles every module",
            "unset PYTHONDONTWRITEBYTECODE",
        )


def _packages() -> Iterator[Finding]:
    try:
        yield Finding("packages", _DISTRIBUTION, "ok", version(_DISTRIBUTION))
        wanted = required_by_extra(requires(_DISTRIBUTION) or [])
    except PackageNotFoundError:
        found = "the packages run from a folder, without the metadata of an installation"
        yield Finding("packages", _DISTRIBUTION, "missing", found, "uv sync --all-extras")
        return
    for extra, names in wanted.items():
        yield from installed(extra, names)


def required_by_extra(lines: Sequence[str]) -> dict[str, list[str]]:
    """Return package names by extra, ``""`` for those that are always needed."""
    wanted: dict[str, list[str]] = {"": []}
    for line in lines:
        name = re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0]
        extra = _EXTRA.search(line)
        wanted.setdefault(extra.group(1) if extra else "", []).append(name)
    return wanted


def installed(extra: str, names: Sequence[str]) -> Iterator[Finding]:
    remedy = f"pip install '{_DISTRIBUTION}[{extra}]'" if extra else f"pip install {_DISTRIBUTION}"
    if extra in _ALONE:
        remedy += ", in an environment of its own"
    for name in sorted(set(names)):
        try:
            yield Finding(extra or "packages", name, "ok", version(name))
        except PackageNotFoundError:
            state: State = "missing" if extra else "broken"
            yield Finding(extra or "packages", name, state, "not installed", remedy)


def _backends() -> Iterator[Finding]:
    yield Finding("backends", "default", "ok", default_backend())
    for name in ("serial", *offered()):
        yield Finding("backends", name, "ok", "offered")
    if "ray" not in offered():
        yield Finding(
            "backends",
            "ray",
            "missing",
            "no installed package offers it",
            f"pip install '{_DISTRIBUTION}[platform]'",
        )


def _numerics() -> Iterator[Finding]:
    import numba  # noqa: F401, PLC0415 - its thread pool is looked at below
    import numpy as np  # noqa: PLC0415 - doctor looks at an installation that may lack it
    import scipy.linalg  # noqa: F401, PLC0415 - brings a BLAS of its own
    from threadpoolctl import threadpool_info  # noqa: PLC0415 - as above

    for pool in threadpool_info():
        library = Path(pool["filepath"]).name
        found = f"{pool['num_threads']} threads, {library}; units run with one"
        yield Finding("numerics", pool["internal_api"], "ok", found)
    yield Finding("numerics", "float64", "ok", f"eps {np.finfo(np.float64).eps:.3g}")
    yield numba_cache(os.environ)
    sample = find_spec("skfolio") is not None
    yield Finding(
        "data",
        "sample",
        "ok" if sample else "missing",
        "shipped with skfolio" if sample else "skfolio is not installed",
        "" if sample else f"pip install '{_DISTRIBUTION}[engines]'",
    )


def numba_cache(environment: Mapping[str, str]) -> Finding:
    given = environment.get("NUMBA_CACHE_DIR")
    package = find_spec("quant_core")
    places = list(package.submodule_search_locations or []) if package else []
    folder = Path(given) if given else Path(places[0])
    if _writable(folder):
        return Finding("numerics", "numba cache", "ok", f"writable, {folder}")
    remedy = "set NUMBA_CACHE_DIR to a folder that can be written, or every run compiles anew"
    return Finding("numerics", "numba cache", "missing", f"not writable, {folder}", remedy)


def _folders() -> Iterator[Finding]:
    yield _folder("lakehouse", current_settings().lakehouse, "TV_LAKEHOUSE")
    if given := os.environ.get("DAGSTER_HOME"):
        yield _folder("dagster home", given, "DAGSTER_HOME")


def _folder(name: str, place: str, variable: str) -> Finding:
    if "://" in place:
        return Finding("folders", name, "ok", f"{place}, no local folder: not looked at")
    if _writable(Path(place)):
        return Finding("folders", name, "ok", f"writable, {Path(place).resolve()}")
    remedy = f"point {variable} to a folder that can be written"
    return Finding("folders", name, "broken", f"not writable, {place}", remedy)


def _writable(folder: Path) -> bool:
    """Say whether a folder can be written, or made in the nearest one that exists."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder.is_dir() and os.access(folder, os.W_OK)


def _ray() -> Finding:
    started = clock().seconds()
    try:
        backend = open_backend("ray", 1)
        try:
            answers = dict(backend.map(_square, [3], shared={}))
        finally:
            backend.close()
    except QuantError as error:
        return Finding("backends", "ray start", "broken", str(error), "read the message")
    spent = clock().seconds() - started
    state: State = "ok" if answers == {0: 9} else "broken"
    return Finding(
        "backends", "ray start", state, f"started, computed and stopped in {spent:.1f} s"
    )


def _square(unit: int, _shared: object) -> int:
    return unit * unit
