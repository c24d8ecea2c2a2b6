"""What flows through the runner: ticks in, signals and dead letters out, as columns."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

__all__ = ["DEAD_LETTERS_SCHEMA", "SIGNALS_SCHEMA", "DeadLetter", "TickBatch"]

_TEXT = pa.dictionary(pa.int32(), pa.string())
_TIME = pa.timestamp("ns", tz="UTC")

SIGNALS_SCHEMA = pa.schema(
    [
        ("signal_id", pa.string()),
        ("correlation_id", pa.string()),
        ("ts", _TIME),
        ("instrument", _TEXT),
        ("strategy", _TEXT),
        ("model_version", _TEXT),
        ("feature_hash", _TEXT),
        ("mode", _TEXT),
        ("prediction", pa.float64()),
        ("signal", pa.float64()),
        ("seed", pa.int64()),
    ]
)
"""One row a signal.

``correlation_id`` is ``{source}/{partition}/{offset}`` of the tick, and ``signal_id`` is
``{correlation_id}/{strategy}``: the same tick and strategy always give the same id. ``ts`` is the
instant of the tick.
"""

DEAD_LETTERS_SCHEMA = pa.schema(
    [
        ("correlation_id", pa.string()),
        ("ts", _TIME),
        ("instrument", pa.string()),
        ("strategy", pa.string()),
        ("reason", _TEXT),
        ("detail", pa.string()),
        ("payload", pa.string()),
        ("dlq", pa.bool_()),
    ]
)
"""One row a tick, or the result of a strategy, that was refused; ``dlq`` is always true."""


@dataclass(frozen=True, slots=True)
class TickBatch:
    """Prices in the order of arrival, as columns of length R.

    Parameters
    ----------
    names : tuple of str
        Instruments that the codes stand for.
    instrument : numpy.ndarray of int32
        Index into ``names``.
    ts : numpy.ndarray of int64
        Instant of each tick, nanoseconds since 1970-01-01 UTC.
    price : numpy.ndarray of float64
        The price that features read: the last trade's, or the middle of the quote.
    bid, ask, size : numpy.ndarray of float64
        NaN where the source has none.
    partition : numpy.ndarray of int32
        Partition of the source.
    offset : numpy.ndarray of int64
        Place in the partition, ascending.
    received : numpy.ndarray of float64
        Reading of the clock's seconds when the tick reached the runner.
    """

    names: tuple[str, ...]
    instrument: np.ndarray = field(repr=False)
    ts: np.ndarray = field(repr=False)
    price: np.ndarray = field(repr=False)
    bid: np.ndarray = field(repr=False)
    ask: np.ndarray = field(repr=False)
    size: np.ndarray = field(repr=False)
    partition: np.ndarray = field(repr=False)
    offset: np.ndarray = field(repr=False)
    received: np.ndarray = field(repr=False)

    def __len__(self) -> int:
        return len(self.ts)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that could not become a tick, or a tick or result that was refused.

    Parameters
    ----------
    correlation_id : str
        Where it came from, as in `SIGNALS_SCHEMA`.
    reason : str
        Short and countable, for example ``out_of_order``.
    detail : str
        What was expected and what was found.
    ts : int or None
        Instant of the tick in nanoseconds, where it is known.
    instrument, strategy : str
        Where they are known, else empty.
    payload : str
        The message as it came, at most a few kilobytes of it.
    """

    correlation_id: str
    reason: str
    detail: str
    ts: int | None = None
    instrument: str = ""
    strategy: str = ""
    payload: str = ""


@cache
def no_dead_letters() -> pa.Table:
    """Return a table of no dead letters."""
    return DEAD_LETTERS_SCHEMA.empty_table()


def dead_letters_table(letters: Sequence[DeadLetter]) -> pa.Table:
    """Return dead letters as a table of `DEAD_LETTERS_SCHEMA`."""
    rows = [
        {name: getattr(letter, name) for name in DEAD_LETTERS_SCHEMA.names if name != "dlq"}
        | {"dlq": True}
        for letter in letters
    ]
    return pa.Table.from_pylist(rows, schema=DEAD_LETTERS_SCHEMA)
