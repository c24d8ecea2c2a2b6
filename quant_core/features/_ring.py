"""The last observations of every instrument, at one sampling."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from quant_core.features._bars import NO_BAR, width_of

__all__ = ["Ring", "State"]


class State(NamedTuple):
    """What the kernels move on with every tick; N instruments, rings of length L.

    Parameters
    ----------
    block : numpy.ndarray of float64, shape (N 3 2 L,)
        Of each instrument the prices, returns and logarithms of the last L observations, each
        written twice.
    marks : numpy.ndarray of int64, shape (3, N)
        Observations since the rings last grew, those included that they held then; observations
        ever; the number of the open bar, `NO_BAR` without one.
    close : numpy.ndarray of float64, shape (N,)
        Last price of the open bar.
    """

    block: np.ndarray
    marks: np.ndarray
    close: np.ndarray

    @property
    def counted(self) -> np.ndarray:
        """Observations since the rings last grew, (N,)."""
        counted: np.ndarray = self.marks[0]
        return counted

    @property
    def bar(self) -> np.ndarray:
        """Numbers of the open bars, (N,)."""
        bar: np.ndarray = self.marks[2]
        return bar

    @classmethod
    def empty(cls, instruments: int, length: int) -> State:
        """Return the state before any tick."""
        marks = np.zeros((3, instruments), dtype=np.int64)
        marks[2] = NO_BAR
        return cls(np.zeros(instruments * 6 * length), marks, np.zeros(instruments))


class Ring:
    """Rings of one length, one an instrument, that grow in number and in length.

    Every observation is written twice, a ring's length apart, so that the last ones are always a
    contiguous view.

    Parameters
    ----------
    sampling : str
        What one observation is.
    length : int
        Observations kept.
    """

    def __init__(self, sampling: str, length: int) -> None:
        self.sampling = sampling
        self.width = width_of(sampling)
        self.length = length
        self.instruments = 0
        self.state = State.empty(0, length)

    def hold(self, instruments: int, most: int) -> None:
        """Make room for instruments, and for as many again while that is not over ``most``."""
        room = len(self.state.close)
        if instruments > room:
            more = State.empty(min(max(16, 2 * instruments), most) - room, self.length)
            self.state = State(
                np.concatenate([self.state.block, more.block]),
                np.concatenate([self.state.marks, more.marks], axis=1),
                np.concatenate([self.state.close, more.close]),
            )
        self.instruments = max(self.instruments, instruments)

    def lengthen(self, length: int) -> None:
        """Keep more observations; those held stay."""
        if length <= self.length:
            return
        block = np.zeros((len(self.state.close), 3, 2 * length))
        for code in range(self.instruments):
            held = self.held(code)
            block[code, :, :held] = block[code, :, length : length + held] = self._last(code, held)
            self.state.counted[code] = held
        self.state, self.length = self.state._replace(block=block.reshape(-1)), length

    def held(self, code: int) -> int:
        """Return how many observations of an instrument are in its ring."""
        return min(int(self.state.counted[code]), self.length)

    def prices(self, code: int, count: int) -> np.ndarray:
        """Return the last prices of an instrument, a read-only view that the next push changes."""
        view: np.ndarray = self._last(code, min(count, self.held(code)))[0]
        view.flags.writeable = False
        return view

    def forget(self, code: int) -> None:
        """Empty the ring of an instrument."""
        self.state.marks[:, code] = 0, 0, NO_BAR

    @property
    def utilization(self) -> float:
        """Filled share of the rings."""
        if self.instruments == 0:
            return 0.0
        held = np.minimum(self.state.counted[: self.instruments], self.length)
        return float(held.mean()) / self.length

    def _last(self, code: int, count: int) -> np.ndarray:
        stop = (int(self.state.counted[code]) - 1) % self.length + self.length + 1
        return self.state.block.reshape(-1, 3, 2 * self.length)[code, :, stop - count : stop]
