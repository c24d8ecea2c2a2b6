"""Which ticks get a line in the log: a hash of the correlation id says so."""

from __future__ import annotations

import hashlib

import numpy as np
from numba import njit

__all__ = ["Sampling"]

_PARTITION, _FIRST, _SECOND = (
    np.uint64(0x9E3779B97F4A7C15),
    np.uint64(0xBF58476D1CE4E5B9),
    np.uint64(0x94D049BB133111EB),
)
_27, _30, _31, _11 = np.uint64(27), np.uint64(30), np.uint64(31), np.uint64(11)
_UNIT = 2.0**-53


class Sampling:
    """Chooses a share of ticks by the parts of their correlation ids, however they are batched.

    Parameters
    ----------
    share : float
        From 0, none, to 1, all. The ticks of a smaller share are among those of a larger one.
    seed : int
        Other seeds choose other ticks.
    """

    def __init__(self, share: float, seed: int) -> None:
        self._share, self._seed = share, seed
        self._salt = ("", np.uint64(0))

    def rows(
        self, source: str, partition: np.ndarray, offset: np.ndarray, first: int = 0
    ) -> np.ndarray:
        """Return which ticks are chosen, from row ``first`` on, ascending."""
        if self._salt[0] != source:
            drawn = hashlib.blake2b(f"{self._seed}/{source}".encode(), digest_size=8).digest()
            self._salt = (source, np.uint64(int.from_bytes(drawn, "big")))
        return _chosen(partition, offset, first, self._salt[1], self._share)


@njit(cache=True)
def _mixed(value: np.uint64) -> np.uint64:
    """Return the finalizer of splitmix64 (Steele, Lea, Flood 2014)."""
    value = (value ^ (value >> _30)) * _FIRST
    value = (value ^ (value >> _27)) * _SECOND
    return value ^ (value >> _31)


@njit(cache=True)
def _chosen(
    partition: np.ndarray, offset: np.ndarray, first: int, salt: np.uint64, share: float
) -> np.ndarray:
    rows = np.empty(max(0, len(offset) - first), dtype=np.int64)
    count = 0
    for row in range(first, len(offset)):
        place = _mixed(salt + np.uint64(partition[row]) * _PARTITION)
        drawn = _mixed(place + np.uint64(offset[row]) * _PARTITION)
        if np.float64(drawn >> _11) * _UNIT < share:
            rows[count] = row
            count += 1
    return rows[:count]
