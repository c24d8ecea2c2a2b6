"""Showing the records of a ledger."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table

from quant_core.cli._console import print_json, results
from quant_core.cli._ledger import trail_of
from quant_core.errors import LedgerError
from quant_core.ledger import Kind, records
from quant_core.replay import run_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from quant_core.ledger import Record

__all__ = ["show_ledger"]

_LIST = 3
_HEX = 32
_SHOWN = 12


def show_ledger(
    folder: Path, *, run_id: str | None, kind: str | None, last: int | None, as_json: bool
) -> None:
    """Print the records of a ledger, its chain checked on the way.

    Parameters
    ----------
    folder : pathlib.Path
        The folder of a run, or a ledger.
    run_id : str or None
        Only this run's, given by its whole id or the beginning of it.
    kind : str or None
        Only records of this kind, or actions of this name.
    last : int or None
        Only the last so many.
    as_json : bool
        Whether to print JSON, every field of every record.

    Raises
    ------
    LedgerError
        If there is no ledger, or it is broken.
    """
    file = trail_of(folder)
    found = deque(_matching(file, run_id, kind), maxlen=last)
    if not found:
        raise LedgerError(_nothing(file, run_id, kind))
    if as_json:
        print_json([_plain(record) for record in found])
        return
    table = Table("seq", "time", "what", "run", "where and what came of it", box=None)
    for record in found:
        table.add_row(*(escape(text) for text in _row(record)))
    results().print(table)


def _matching(file: Path, run_id: str | None, kind: str | None) -> Iterator[Record]:
    for record in records(file):
        own = run_id is None or run_of(record).startswith(run_id)
        if own and kind in (None, str(record.kind), record.body.get("name")):
            yield record


def _nothing(file: Path, run_id: str | None, kind: str | None) -> str:
    every = list(records(file))
    runs = list(dict.fromkeys(run_of(record) for record in every if run_of(record)))
    names = dict.fromkeys(str(one.body["name"]) for one in every if one.kind is Kind.ACTION)
    kinds = [*dict.fromkeys(str(record.kind) for record in every), *names]
    return (
        f"{file}: no record of run {run_id or '(any)'} and kind {kind or '(any)'}; runs: "
        f"{', '.join(runs[-_SHOWN:]) or 'none'}; kinds and actions: {', '.join(kinds) or 'none'}"
    )


def _plain(record: Record) -> dict[str, Any]:
    return {
        "seq": record.seq,
        "ts": record.ts,
        "kind": str(record.kind),
        "prev_hash": record.prev_hash,
        "hash": record.hash,
        **record.body,
    }


def _row(record: Record) -> tuple[str, ...]:
    body = record.body
    if record.kind is Kind.ACTION:
        what = f"{body['name']} {body['phase']}"
        parts = [body.get(name, {}) for name in ("context", "outcome", "outputs")]
    else:
        what, parts = str(record.kind), [_facts(record)]
    told = "  ".join(text for part in parts for text in _told(part))
    return str(record.seq), record.ts[:19].replace("T", " "), what, run_of(record), told


def _facts(record: Record) -> Mapping[str, Any]:
    body = record.body
    if record.kind is Kind.CANDIDATE:
        why = {} if body["passed"] else {"because": body.get("reason")}
        return {"cell": "/".join(body["cell"]), "passed": body["passed"], **why}
    hidden = ("run_id", "config", "code_versions")
    return {name: value for name, value in body.items() if name not in hidden}


def _told(part: Mapping[str, Any]) -> Iterator[str]:
    for name, value in part.items():
        if name != "run_id":
            yield f"{name} {_text(value)}"


def _text(value: Any) -> str:
    if isinstance(value, list) and len(value) > _LIST:
        return f"{len(value):,} of them"
    if isinstance(value, dict):
        return f"({'  '.join(_told(value))})" if len(value) <= _LIST else f"({len(value):,} fields)"
    text = str(value)
    whole = len(text) < _HEX or not all(letter in "0123456789abcdef" for letter in text)
    return text if whole else text[:_SHOWN]
