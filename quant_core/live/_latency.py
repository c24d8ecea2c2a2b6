"""Latencies in a histogram of fixed size."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Latencies"]

_SHORTEST, _LONGEST, _STEP = 1e-6, 1e4, 1.01
_FEW = 16
_WIDTH = math.log(_STEP)
_BINS = math.ceil(math.log(_LONGEST / _SHORTEST) / _WIDTH) + 1


class Latencies:
    """Counts of durations in bins, each 1 % wider than the one before.

    A quantile is the upper end of the bin that it lies in, so it is at most 1 % too high and never
    too low, from a microsecond up to three hours; the longest duration is exact.
    """

    def __init__(self) -> None:
        self._counts = np.zeros(_BINS, dtype=np.int64)
        self.longest = 0.0

    def __len__(self) -> int:
        return int(self._counts.sum())

    def add(self, seconds: np.ndarray) -> None:
        """Count durations in seconds."""
        if len(seconds) <= _FEW:
            for one in seconds.tolist():
                place = math.ceil(math.log(max(one, _SHORTEST) / _SHORTEST) / _WIDTH - 1e-9)
                self._counts[min(place, _BINS - 1)] += 1
                self.longest = max(self.longest, one)
            return
        logs = np.log(np.maximum(seconds, _SHORTEST) / _SHORTEST) / _WIDTH
        places = np.minimum(np.ceil(logs - 1e-9).astype(np.int64), _BINS - 1)
        self._counts += np.bincount(places, minlength=_BINS)
        self.longest = max(self.longest, float(seconds.max()))

    def quantiles(self, shares: Sequence[float]) -> list[float]:
        """Return quantiles in seconds; NaN without durations."""
        total = len(self)
        if not total:
            return [math.nan for _ in shares]
        ranks = [max(1, math.ceil(share * total)) for share in shares]
        places = np.searchsorted(np.cumsum(self._counts), ranks)
        return [min(_SHORTEST * _STEP ** int(place), self.longest) for place in places]
