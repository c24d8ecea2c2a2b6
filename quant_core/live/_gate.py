"""Which ticks are accepted, and why the others are not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from quant_core.clock import clock
from quant_core.live._kernels import check
from quant_core.live._messages import DeadLetter

if TYPE_CHECKING:
    from collections.abc import Callable

    from quant_core.live._messages import TickBatch
    from quant_core.live._settings import Settings

__all__ = ["REASONS", "Admitted", "Gate", "correlation_id"]

_UNKNOWN, _TOO_MANY = 1, 2
REASONS = (
    "",
    "unknown_instrument",
    "too_many_instruments",
    "nan_price",
    "non_positive_price",
    "crossed_quote",
    "negative_size",
    "late",
    "out_of_order",
)
"""Why a tick is refused, by the number that `check` gives."""

_NEVER = np.iinfo(np.int64).min


def correlation_id(source: str, ticks: TickBatch, row: int) -> str:
    """Return the correlation id of one tick."""
    return f"{source}/{ticks.partition[row]}/{ticks.offset[row]}"


@dataclass(frozen=True, slots=True)
class Admitted:
    """The ticks of a batch that were accepted.

    Parameters
    ----------
    rows : numpy.ndarray of int64
        Their places in the batch.
    codes : numpy.ndarray of int32
        Their instruments, by `Gate.names`.
    history : int
        How many of them fill the history only.
    dead : list of DeadLetter
        The others.
    """

    rows: np.ndarray = field(repr=False)
    codes: np.ndarray = field(repr=False)
    history: int
    dead: list[DeadLetter] = field(repr=False)


class Gate:
    """Codes of the instruments that are read, and the latest instant of each.

    Parameters
    ----------
    settings : Settings
        Gives ``max_instruments`` and ``late_seconds``.
    """

    def __init__(self, settings: Settings) -> None:
        self._limit = settings.max_instruments
        self._late = settings.late_seconds
        self._codes: dict[str, int] = {}
        self._latest = np.full(16, _NEVER)
        self._reads: Callable[[str], bool] = lambda _: False
        self._translated: tuple[tuple[str, ...], np.ndarray] | None = None
        self.names: tuple[str, ...] = ()

    def open_for(self, reads: Callable[[str], bool]) -> None:
        """From now on, accept the ticks of instruments that ``reads`` is true for."""
        self._reads = reads
        self._translated = None

    def admit(self, ticks: TickBatch, history: int, source: str) -> Admitted:
        """Return the ticks that are accepted, and dead letters for the others.

        Ticks before ``history`` that are refused leave no dead letter: it was sent before the
        restart that lets them come again.
        """
        codes = self._translate(ticks.names)[ticks.instrument]
        found = np.empty(len(ticks), dtype=np.uint8)
        columns = (ticks.price, ticks.bid, ticks.ask, ticks.size)
        refused = check(codes, ticks.ts, *columns, self._latest, self._oldest(), history, found)
        if not refused:
            return Admitted(np.arange(len(ticks)), codes, history, [])
        rows = np.flatnonzero(found == 0)
        dead = [
            self._letter(ticks, int(row), int(found[row]), source)
            for row in np.flatnonzero(found)
            if row >= history
        ]
        return Admitted(rows, codes[rows], int(np.searchsorted(rows, history)), dead)

    def advance(self, codes: np.ndarray, ts: np.ndarray) -> None:
        """Refuse ticks of instruments before an instant from now on."""
        np.maximum.at(self._latest, codes, ts)

    def _translate(self, names: tuple[str, ...]) -> np.ndarray:
        if self._translated is None or self._translated[0] is not names:
            codes = np.array([self._code(name) for name in names], dtype=np.int32)
            if len(self._codes) > len(self.names):
                self.names = tuple(self._codes)
            self._translated = (names, codes)
        return self._translated[1]

    def _code(self, name: str) -> int:
        if not self._reads(name):
            return -_UNKNOWN
        if name in self._codes:
            return self._codes[name]
        if len(self._codes) >= self._limit:
            return -_TOO_MANY
        code = self._codes[name] = len(self._codes)
        if code >= len(self._latest):
            self._latest = np.append(self._latest, np.full(len(self._latest), _NEVER))
        return code

    def _oldest(self) -> int:
        if self._late is None:
            return int(_NEVER)
        return int((clock().now().timestamp() - self._late) * 1e9)

    def _letter(self, ticks: TickBatch, row: int, reason: int, source: str) -> DeadLetter:
        name = ticks.names[ticks.instrument[row]]
        values = {
            "price": float(ticks.price[row]),
            "bid": float(ticks.bid[row]),
            "ask": float(ticks.ask[row]),
            "size": float(ticks.size[row]),
        }
        shown = ", ".join(f"{key} {value!r}" for key, value in values.items() if value == value)  # noqa: PLR0124 - leaves NaN out
        return DeadLetter(
            correlation_id=correlation_id(source, ticks, row),
            reason=REASONS[reason],
            detail=f"{self._expected(reason, name)}; found {shown or 'no price'}, "
            f"ts {int(ticks.ts[row])}",
            ts=int(ticks.ts[row]),
            instrument=name,
        )

    def _expected(self, reason: int, name: str) -> str:
        return {
            "unknown_instrument": "expected an instrument that a strategy reads",
            "too_many_instruments": f"expected at most {self._limit} instruments",
            "nan_price": "expected a finite price",
            "non_positive_price": "expected prices above 0",
            "crossed_quote": "expected a bid that is not above the ask",
            "negative_size": "expected a size that is not below 0",
            "late": f"expected a tick at most {self._late} s old",
            "out_of_order": f"expected no tick of {name} before the last one accepted",
        }[REASONS[reason]]
