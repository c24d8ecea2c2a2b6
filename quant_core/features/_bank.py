"""Features of a stream: every instrument, every feature set, each feature computed once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import numpy as np

from quant_core.errors import DataError
from quant_core.features._bars import NO_BAR
from quant_core.features._encoding import encode
from quant_core.features._instruments import Instruments
from quant_core.features._ring import Ring

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quant_core.features._definition import Feature, FeatureSet

__all__ = ["FeatureBank", "Rows"]


@dataclass(frozen=True, slots=True)
class Rows:
    """Observations that a batch of ticks completed, and their features.

    Parameters
    ----------
    sampling : str
        What one observation is.
    tick : numpy.ndarray of int64, shape (K,)
        The tick of the batch that completed it: the observation itself, or the first tick of a
        later bar. -1 for a bar that `FeatureBank.close_bars` closed.
    instrument : numpy.ndarray of int64, shape (K,)
        Index into `FeatureBank.instruments`.
    values : numpy.ndarray of float64, shape (K, U)
        Every feature that a set of this sampling asks for; NaN where the history is shorter than
        its look-back.
    count : numpy.ndarray of int64, shape (K,)
        Observations that the row can look back on, itself included: a feature is a number from
        ``count >= lookback`` on. Where a longer look-back came in, it goes on from what was held.
    seen : numpy.ndarray of int64, shape (K,)
        Observations of the instrument so far, for gates that count them.
    ts : numpy.ndarray of int64, shape (K,)
        When the observation was known: the instant of the tick, or the end of the bar that
        `FeatureBank.close_bars` closed.
    """

    sampling: str
    tick: np.ndarray = field(repr=False)
    instrument: np.ndarray = field(repr=False)
    values: np.ndarray = field(repr=False)
    count: np.ndarray = field(repr=False)
    seen: np.ndarray = field(repr=False)
    ts: np.ndarray = field(repr=False)

    def __len__(self) -> int:
        return len(self.tick)


class _Sampled:
    """The features of one sampling, and the ring that they read."""

    def __init__(self, features: Sequence[Feature], requested: int, ring: Ring) -> None:
        from quant_core.features._kernels import (  # noqa: PLC0415 - brings the compiler
            over_stream,
        )

        self.columns = {feature: column for column, feature in enumerate(features)}
        self.requested = requested
        self.ring = ring
        self._take = over_stream
        self._encoded = encode(features)
        self._seen = ring.state
        self._fixed = (ring.length, *ring.state, *self._encoded)

    def push(self, codes: np.ndarray, ts: np.ndarray, price: np.ndarray, width: int) -> Rows:
        ring, ticks, features = self.ring, len(price), len(self.columns)
        if ring.state is not self._seen:
            self._seen = ring.state
            self._fixed = (ring.length, *ring.state, *self._encoded)
        placed = np.empty((5, ticks), dtype=np.int64)
        flat = np.empty(ticks * features)
        rows = self._take(codes, ts, price, width, *self._fixed, placed, flat)
        values = flat.reshape(ticks, features)
        if rows < ticks:
            placed, values = placed[:, :rows], values[:rows]
        tick, instrument, count, seen, known = placed
        return Rows(ring.sampling, tick, instrument, values, count, seen, known)

    def close_bars(self) -> Rows:
        ring = self.ring
        bar = ring.state.bar
        codes = np.flatnonzero(bar[: ring.instruments] != NO_BAR)
        ends = (bar[codes] + 1) * ring.width
        rows = self.push(codes, ends, ring.state.close[codes], 0)
        bar[codes] = NO_BAR
        rows.tick[:] = -1
        return rows


class FeatureBank:
    """Features of a stream of ticks, equal to `FeatureSet.batch` to the byte.

    Equal features of several sets are computed once for each observation. Memory is bounded: a ring
    as long as the longest look-back for each sampling and instrument.

    Bars are those of `bars`. The close of a bar is known when the first tick of a later bar of the
    same instrument comes, and its row carries that tick, so no row sees a price that was not there.
    A tick of another instrument closes nothing.

    Parameters
    ----------
    sets : sequence of FeatureSet
        One for each strategy; equal ones are welcome.
    history : int, default 1
        Observations that rings keep at least, for `history`.
    max_instruments : int, default 4096
        Instruments that are followed at most.

    Examples
    --------
    >>> chosen = FeatureSet(features=({"kind": "sma", "window": 2},))
    >>> bank = FeatureBank([chosen])
    >>> (rows,) = bank.push(("EURUSD",), np.zeros(3, int), np.arange(3), np.array([1.0, 3.0, 4.0]))
    >>> rows.values[:, bank.columns(chosen)[0]]
    array([nan, 2. , 3.5])
    """

    def __init__(
        self, sets: Sequence[FeatureSet], *, history: int = 1, max_instruments: int = 4096
    ) -> None:
        self._history = history
        self._known = Instruments(max_instruments)
        self._sampled: dict[str, _Sampled] = {}
        self._plan(sets, {})

    def _plan(self, sets: Sequence[FeatureSet], rings: dict[str, Ring]) -> None:
        self._requested = self._computed = 0
        for sampling in dict.fromkeys(chosen.sampling for chosen in sets):
            wanted = [f for chosen in sets if chosen.sampling == sampling for f in chosen.features]
            features = tuple(dict.fromkeys(wanted))
            length = max(self._history, *(feature.lookback for feature in features))
            ring = rings.get(sampling) or Ring(sampling, length)
            ring.lengthen(length)
            ring.hold(len(self._known.codes), self._known.most)
            self._sampled[sampling] = _Sampled(features, len(wanted), ring)

    def with_sets(self, sets: Sequence[FeatureSet], *, history: int | None = None) -> Self:
        """Return a bank of other sets that goes on with the history of this one.

        A ring grows where a longer look-back comes, and keeps what it holds; a sampling that no set
        asks for any more is dropped, and a new one starts empty. Both banks write to the same
        rings: push to the new one only. ``history`` is that of this bank by default.
        """
        bank = object.__new__(type(self))
        bank._history = self._history if history is None else history
        bank._known, bank._sampled = self._known, {}
        bank._plan(sets, {name: sampled.ring for name, sampled in self._sampled.items()})
        return bank

    @property
    def instruments(self) -> tuple[str, ...]:
        """Names of the instruments seen so far, by code."""
        return tuple(self._known.codes)

    @property
    def samplings(self) -> tuple[str, ...]:
        """The samplings, in the order of what `push` returns."""
        return tuple(self._sampled)

    def push(
        self, names: Sequence[str], instrument: np.ndarray, ts: np.ndarray, price: np.ndarray
    ) -> list[Rows]:
        """Take ticks in order, and return the observations that they complete.

        Parameters
        ----------
        names : sequence of str
            Instruments that the codes stand for; pass the same tuple again where it is the same.
        instrument : numpy.ndarray of integers, shape (R,)
            Index into ``names``.
        ts : numpy.ndarray of int64, shape (R,)
            Nanoseconds since 1970-01-01 UTC, never decreasing within an instrument.
        price : numpy.ndarray of float64, shape (R,)
            Positive prices.

        Returns
        -------
        list of Rows
            One for each sampling, in the order of `samplings`; of no length where nothing was
            completed.

        Raises
        ------
        DataError
            If a price is not positive and finite, an instant is before one of the same instrument,
            or there are too many instruments. Nothing of the batch is taken then, and none of its
            instruments is known by it.
        """
        codes, ts, price = self._known.admit(names, instrument, ts, price)
        instruments = len(self._known.codes)
        found = []
        for sampled in self._sampled.values():
            ring = sampled.ring
            if ring.instruments < instruments:
                ring.hold(instruments, self._known.most)
            rows = sampled.push(codes, ts, price, ring.width)
            self._requested += len(rows) * sampled.requested
            self._computed += len(rows) * len(sampled.columns)
            found.append(rows)
        return found

    def close_bars(self) -> list[Rows]:
        """Close the bars that are open, as at the end of a replay, and return their rows.

        A later tick within a bar so closed is refused as one that is late.
        """
        found = [sampled.close_bars() for sampled in self._sampled.values()]
        for rows in found:
            np.maximum.at(self._known.latest[0], rows.instrument, rows.ts)
        return found

    def columns(self, feature_set: FeatureSet) -> np.ndarray:
        """Return where the features of a set are in the values of its sampling, int64 (F,)."""
        sampled = self._sampled.get(feature_set.sampling)
        missing = [f.name for f in feature_set.features if not sampled or f not in sampled.columns]
        if sampled is None or missing:
            raise DataError(
                f"features: expected a set that the bank was made with, found {', '.join(missing)} "
                f"at {feature_set.sampling}; call with_sets first"
            )
        return np.array([sampled.columns[f] for f in feature_set.features], dtype=np.int64)

    def history(self, name: str, sampling: str, count: int) -> np.ndarray:
        """Return the last prices of an instrument, fewer where there are fewer.

        Returns
        -------
        numpy.ndarray of float64, shape (min(count, held),)
            A read-only view, the latest last; the next push changes it, so copy what must stay.

        Raises
        ------
        DataError
            If the bank has no such sampling, or keeps fewer observations than asked for.
        """
        sampled = self._sampled.get(sampling)
        if sampled is None:
            raise DataError(
                f"sampling: expected one of {', '.join(self._sampled)}, found {sampling}"
            )
        if count > sampled.ring.length:
            raise DataError(
                f"count: expected at most {sampled.ring.length} observations, found {count}; make "
                f"the bank with a longer history"
            )
        code = self._known.codes.get(name)
        return sampled.ring.prices(code, count) if code is not None else np.empty(0)

    def forget(self, name: str) -> None:
        """Drop the history of an instrument, as when its ticks come again from the beginning."""
        code = self._known.codes.get(name)
        if code is None:
            return
        self._known.latest[0, code] = NO_BAR
        for sampled in self._sampled.values():
            sampled.ring.forget(code)

    @property
    def hit_ratio(self) -> float:
        """Share of the features asked for that were there already, over all rows so far."""
        requested, computed = self._requested, self._computed
        if requested == 0:
            requested = sum(sampled.requested for sampled in self._sampled.values())
            computed = sum(len(sampled.columns) for sampled in self._sampled.values())
        return 1.0 - computed / requested if requested else 0.0

    @property
    def utilization(self) -> float:
        """Filled share of the rings, the mean over samplings and instruments."""
        shares = [sampled.ring.utilization for sampled in self._sampled.values()]
        return sum(shares) / len(shares) if shares else 0.0
