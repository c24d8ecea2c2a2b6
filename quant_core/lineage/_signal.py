"""A signal by its id, from the file of a runner or from a message of its topic."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from quant_core.cells import readable
from quant_core.errors import DataError
from quant_core.live import SIGNALS_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["find_signal"]


def find_signal(signal_id: str, path: str | Path) -> dict[str, Any]:
    """Return a signal as plain values.

    Parameters
    ----------
    signal_id : str
        Its id.
    path : str or pathlib.Path
        ``signals.parquet`` of a runner, or a file with one message of its topic a line.

    Returns
    -------
    dict of str to Any
        One value a field of `SIGNALS_SCHEMA`.

    Raises
    ------
    DataError
        If there is no such file or signal, or its fields are not those of a signal.
    """
    file = Path(path)
    if not file.is_file():
        raise DataError(
            f"{file}: expected the signals of a runner, signals.parquet or its messages as lines "
            "of JSON; there is no such file"
        )
    found = _in_messages(signal_id, file) if _is_text(file) else _in_parquet(signal_id, file)
    if found is None:
        raise DataError(
            f"{file}: no signal {signal_id!r}; ids have the form source/partition/offset/strategy, "
            "look them up in the column signal_id"
        )
    if missing := sorted(set(SIGNALS_SCHEMA.names) - found.keys()):
        raise DataError(f"{file}: signal {signal_id!r}: fields {', '.join(missing)} are missing")
    return found


def _is_text(file: Path) -> bool:
    return file.suffix in {".json", ".jsonl"}


def _in_parquet(signal_id: str, file: Path) -> dict[str, Any] | None:
    with readable(file):
        table: pa.Table = ds.dataset(file, format="parquet").to_table(
            filter=pc.field("signal_id") == signal_id
        )
    rows: list[dict[str, Any]] = table.slice(0, 1).to_pylist()
    if not rows:
        return None
    stamp = table["ts"][0].cast(pa.timestamp("ns"))
    return rows[0] | {"ts": f"{stamp.cast(pa.string()).as_py()}Z".replace(" ", "T")}


def _in_messages(signal_id: str, file: Path) -> dict[str, Any] | None:
    correlation, _, strategy = signal_id.rpartition("/")
    for message in _messages(file):
        strategies = message.get("strategy")
        if message.get("correlation_id") != correlation or not isinstance(strategies, list):
            continue
        if strategy in strategies:
            place = strategies.index(strategy)
            return {"signal_id": signal_id} | _row(message, place, len(strategies), file)
    return None


def _row(message: dict[str, Any], place: int, count: int, file: Path) -> dict[str, Any]:
    """Return the values of one signal: of the arrays its own, and what holds for all."""
    for name, value in message.items():
        if isinstance(value, list) and len(value) != count:
            raise DataError(
                f"{file}: message {message['correlation_id']!r}, {name}: expected {count} values, "
                f"one a strategy, found {len(value)}"
            )
    return {
        name: value[place] if isinstance(value, list) else value for name, value in message.items()
    }


def _messages(file: Path) -> Iterator[dict[str, Any]]:
    with file.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                message = json.loads(line)
            except ValueError as error:
                raise DataError(f"{file}, line {number}: expected JSON, {error}") from error
            if not isinstance(message, dict):
                raise DataError(f"{file}, line {number}: expected a message, found {line[:80]!r}")
            yield message
