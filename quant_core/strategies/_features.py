"""Features of every date and asset, from prices or from returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import numpy as np
import pyarrow as pa

from quant_core.data import DATE_TYPE
from quant_core.errors import DataError
from quant_core.features import FeatureSet

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from quant_core.data import ReturnsMatrix
    from quant_core.features import Feature
    from quant_core.strategies._config import StrategyConfig

__all__ = ["FeatureMatrix", "distinct_features", "feature_months", "features_of"]

_MONTHS = 12
_SPARE_MONTHS = 2


@dataclass(frozen=True, slots=True)
class FeatureMatrix:
    """Features over T dates and n assets.

    Parameters
    ----------
    dates : numpy.ndarray of datetime64[us], shape (T,)
        Strictly increasing.
    symbols : tuple of str, length n
        Sorted.
    names : tuple of str, length F
        Names of the features.
    values : numpy.ndarray of float64, shape (T, n, F)
        NaN where an asset has no observation, or not enough of them.
    """

    dates: np.ndarray = field(repr=False)
    symbols: tuple[str, ...] = field(repr=False)
    names: tuple[str, ...]
    values: np.ndarray = field(repr=False)

    def columns(self, names: Iterable[str]) -> np.ndarray:
        """Return where features stand, shape (len(names),)."""
        return np.array([self.names.index(name) for name in names], dtype=np.int64)

    def to_table(self, rows: slice) -> pa.Table:
        """Return rows as a table: ``date, symbol`` and a column a feature, null where NaN.

        Assets without any feature on a date have no row there.
        """
        values = self.values[rows]
        at, column = np.nonzero(~np.isnan(values).all(axis=2))
        found = values[at, column]
        dates = pa.array(self.dates[rows][at], pa.timestamp("us")).cast(DATE_TYPE)
        used, codes = np.unique(column, return_inverse=True)
        symbols = pa.DictionaryArray.from_arrays(
            pa.array(codes, pa.int32()),
            pa.array([self.symbols[number] for number in used], pa.string()),
        )
        features = [
            pa.array(found[:, number], pa.float64(), from_pandas=True)
            for number in range(len(self.names))
        ]
        return pa.table([dates, symbols, *features], names=["date", "symbol", *self.names])

    @classmethod
    def from_tables(
        cls,
        tables: Iterable[pa.Table],
        names: Sequence[str],
        dates: np.ndarray,
        symbols: Sequence[str],
    ) -> Self:
        """Lay tables that `to_table` made on given dates and symbols; others are left out.

        Raises
        ------
        DataError
            If a table lacks a feature.
        """
        values = np.full((len(dates), len(symbols), len(names)), np.nan)
        place = {symbol: number for number, symbol in enumerate(symbols)}
        for table in tables:
            missing = [name for name in names if name not in table.column_names]
            if missing:
                raise DataError(
                    f"feature_matrix: a month has no feature {', '.join(missing)}; materialize it "
                    "again"
                )
            stamps = table["date"].cast(DATE_TYPE).to_numpy().astype("datetime64[us]")
            row = np.searchsorted(dates, stamps)
            known = (row < len(dates)) & (dates[np.minimum(row, len(dates) - 1)] == stamps)
            coded = table["symbol"].combine_chunks()
            lookup = np.array([place.get(name, -1) for name in coded.dictionary.to_pylist()])
            column = lookup[coded.indices.to_numpy()] if len(coded) else np.zeros(0, np.int64)
            kept = known & (column >= 0)
            for number, name in enumerate(names):
                found = table[name].to_numpy()
                values[row[kept], column[kept], number] = found[kept]
        return cls(dates, tuple(symbols), tuple(names), values)


def distinct_features(strategies: Iterable[StrategyConfig]) -> tuple[Feature, ...]:
    """Return the features of strategies, each once, in the order of their names."""
    found = {feature.name: feature for one in strategies for feature in one.features}
    return tuple(found[name] for name in sorted(found))


def feature_months(lookback: int, periods_per_year: int) -> int:
    """Return how many calendar months before its own a feature may reach.

    A value whose ``lookback`` observations reach further is left out: so a month of features needs
    no more than these months, whatever gaps an asset has.

    Parameters
    ----------
    lookback : int
        Observations that the feature reads.
    periods_per_year : int
        Observations in a year.
    """
    return int(np.ceil(lookback * _MONTHS / periods_per_year)) + _SPARE_MONTHS


def features_of(
    matrix: ReturnsMatrix,
    prices: np.ndarray | None,
    features: Sequence[Feature],
    *,
    periods_per_year: int,
) -> FeatureMatrix:
    """Compute features at every close of a matrix.

    With prices, an observation is a date on which an asset has one: a gap is passed over, as it is
    in the live runner. Without, the price is an index of the returns that begins anew for each
    month, at the first return of the months that the feature may reach: each row is a function of
    these months alone, and level features such as a moving average mean little.

    Parameters
    ----------
    matrix : ReturnsMatrix
        Returns of T dates and n assets.
    prices : numpy.ndarray of float64, shape (T, n), or None
        The prices behind the returns, NaN where there is none.
    features : sequence of Feature
        The features.
    periods_per_year : int
        Observations in a year.
    """
    months = matrix.dates.astype("datetime64[M]").astype(np.int64)
    reach = [feature_months(one.lookback, periods_per_year) for one in features]
    if prices is None:
        values = _of_returns(matrix.values, months, features, reach)
    else:
        values = _of_prices(prices, months, features, reach)
    names = tuple(feature.name for feature in features)
    return FeatureMatrix(matrix.dates, matrix.symbols, names, values)


def _of_prices(
    prices: np.ndarray, months: np.ndarray, features: Sequence[Feature], reach: Sequence[int]
) -> np.ndarray:
    """Pass over gaps: each column's prices are moved to the end, and its features back."""
    if not prices.size:
        return np.full((*prices.shape, len(features)), np.nan)
    order = np.argsort(~np.isnan(prices), axis=0, kind="stable")
    together = np.take_along_axis(prices, order, axis=0)
    found = FeatureSet(features=tuple(features)).batch(together)
    when = months[order]
    for number, (feature, most) in enumerate(zip(features, reach, strict=True)):
        before = feature.lookback - 1
        late = when[before:] - when[: max(len(when) - before, 0)] > most
        found[before:, :, number][late] = np.nan
    values = np.empty_like(found)
    np.put_along_axis(values, order[:, :, None], found, axis=0)
    return values


def _of_returns(
    returns: np.ndarray, months: np.ndarray, features: Sequence[Feature], reach: Sequence[int]
) -> np.ndarray:
    values = np.full((*returns.shape, len(features)), np.nan)
    for most in sorted(set(reach)):
        places = [number for number, months_back in enumerate(reach) if months_back == most]
        chosen = [features[number] for number in places]
        for month in np.unique(months):
            first, begin, end = np.searchsorted(months, [month - most, month, month + 1])
            index = _index(returns[first:end])
            found = _of_prices(index, months[first:end], chosen, [most] * len(chosen))
            values[begin:end, :, places] = found[begin - first :]
    return values


def _index(returns: np.ndarray) -> np.ndarray:
    there = ~np.isnan(returns)
    grown = np.cumprod(np.where(there, 1.0 + returns, 1.0), axis=0)
    return np.where(there, grown, np.nan)
