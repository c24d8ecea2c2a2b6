"""Which instruments are followed, and what is refused of their ticks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from quant_core.errors import DataError
from quant_core.features._bars import NO_BAR

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Instruments"]

_UNNAMED, _PRICE, _UNSEEN = 1, 2, 3  # reasons of the kernel; another one is a late tick


class Instruments:
    """Codes of the instruments, and the latest instant of each.

    Parameters
    ----------
    most : int
        Instruments that are followed at most.
    """

    def __init__(self, most: int) -> None:
        from quant_core.features._kernels import admit  # noqa: PLC0415 - brings the compiler

        self._admit = admit
        self.most = most
        self.codes: dict[str, int] = {}
        self.latest = np.zeros((2, 0), dtype=np.int64)
        self._names: tuple[str, ...] | None = None
        self._known = np.zeros(0, dtype=np.int64)

    def admit(
        self, names: Sequence[str], instrument: np.ndarray, ts: np.ndarray, price: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return codes, instants and prices of ticks that are in order; take note of both.

        Raises
        ------
        DataError
            As `FeatureBank.push`; nothing is taken note of then.
        """
        instrument, ts = _column(instrument, np.int64), _column(ts, np.int64)
        price = _column(price, np.float64)
        if not ts.shape == instrument.shape == price.shape:
            raise _of_other_length(instrument, ts, price)
        if names is not self._names:
            self._known = np.array([self.codes.get(name, -1) for name in names], dtype=np.int64)
            self._names = names if isinstance(names, tuple) else None
        codes = np.empty(len(price), dtype=np.int64)
        reason, tick = self._admit(self._known, instrument, ts, price, self.latest, codes)
        if reason == _UNSEEN:
            reason, tick = self._admit_new(names, instrument, ts, price, codes)
        if reason:
            raise _refusal(reason, names, instrument[tick], ts[tick], price[tick], tick)
        return codes, ts, price

    def _admit_new(
        self,
        names: Sequence[str],
        instrument: np.ndarray,
        ts: np.ndarray,
        price: np.ndarray,
        codes: np.ndarray,
    ) -> tuple[int, int]:
        known, new = self._known.copy(), dict[str, int]()
        for place in dict.fromkeys(instrument[known[instrument] < 0].tolist()):
            known[place] = new.setdefault(names[place], len(self.codes) + len(new))
        free = self.most - len(self.codes)
        if len(new) > free:
            raise DataError(
                f"instruments: expected at most {self.most}, found another one, "
                f"{list(new)[free]}; raise max_instruments, or let this runner read fewer"
            )
        self._hold(len(self.codes) + len(new))
        reason, tick = self._admit(known, instrument, ts, price, self.latest, codes)
        if not reason:
            self.codes.update(new)
            self._known = known
        return reason, tick

    def _hold(self, instruments: int) -> None:
        room = self.latest.shape[1]
        if instruments > room:
            more = np.full((2, max(16, instruments)), NO_BAR)
            self.latest = np.concatenate([self.latest, more], axis=1)


def _column(values: np.ndarray, dtype: type) -> np.ndarray:
    """Return a contiguous, writeable array: kernels are compiled for no other."""
    column = np.ascontiguousarray(values)
    if column.dtype != dtype:
        return column.astype(dtype, casting="same_kind")
    return column if column.flags.writeable else column.copy()


def _of_other_length(instrument: np.ndarray, ts: np.ndarray, price: np.ndarray) -> DataError:
    if ts.shape != price.shape:
        return DataError(f"ts: expected {len(price)} instants, found {ts.shape}")
    return DataError(f"instrument: expected {len(price)} codes, found {instrument.shape}")


def _refusal(
    reason: int, names: Sequence[str], instrument: int, ts: int, price: float, tick: int
) -> DataError:
    if reason == _UNNAMED:
        return DataError(f"instrument: expected codes of {len(names)} names, found {instrument}")
    if reason == _PRICE:
        return DataError(f"price: expected positive finite numbers, found {price} at {tick}")
    return DataError(
        f"ts: expected the ticks of {names[instrument]} in order, found {ts} at {tick} after a "
        f"later one; send late ticks elsewhere"
    )
