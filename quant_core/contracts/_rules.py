"""Rules of the tier-1 schemas: each returns True, or which rows or cells break it.

pandera turns a mask into failure cases, which costs half a second for a matrix of returns; a rule
that holds says so with one True.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from quant_core.contracts._ranges import HIGHEST_RETURN, LOWEST_RETURN

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "SUM_TOLERANCE",
    "all_numbers",
    "finite",
    "finite_numbers",
    "high_is_highest",
    "increasing",
    "low_is_lowest",
    "named",
    "net_is_signed",
    "reason_given",
    "returns_in_range",
    "sums_to_one",
    "utc",
]

SUM_TOLERANCE = 1e-6
_KEYS = ("date", "symbol")
_SOLVE = ("sleeve", "window", "selection", "engine", "profile")


def finite(column: pd.Series) -> Any:
    """Mark infinities; what is missing is another rule's."""
    return _series(~np.isinf(column.to_numpy(dtype=np.float64, na_value=np.nan)), column)


def utc(column: pd.Series) -> bool:
    """Tell whether dates are instants in UTC."""
    return str(getattr(column.dtype, "tz", None)) == "UTC"


def increasing(column: pd.Series) -> Any:
    """Hold dates to strict increase."""
    instants = column.to_numpy(dtype="datetime64[ns]") if utc(column) else column.to_numpy()
    good = np.ones(len(column), dtype=np.bool_)
    good[1:] = instants[1:] > instants[:-1]
    return _series(good, column)


def named(column: pd.Series) -> Any:
    """Hold names to texts that are not empty."""
    good = np.fromiter((isinstance(name, str) and bool(name) for name in column), np.bool_)
    return _series(good, column)


def all_numbers(frame: pd.DataFrame) -> Any:
    """Hold columns beside the keys to float64; the first cell stands for its column."""
    wrong = [name for name in frame if name not in _KEYS and frame[name].dtype != np.float64]
    if not wrong or not len(frame):
        return True
    good = np.ones(frame.shape, dtype=np.bool_)
    good[0, [frame.columns.get_loc(name) for name in wrong]] = False
    return _masked(good, frame)


def returns_in_range(frame: pd.DataFrame) -> Any:
    """Hold returns to (-1, 5]; NaN is missing."""
    return _cells(frame, lambda v: ~((v <= LOWEST_RETURN) | (v > HIGHEST_RETURN)))


def finite_numbers(frame: pd.DataFrame) -> Any:
    """Hold numbers to finite ones; NaN is missing."""
    return _cells(frame, lambda v: ~np.isinf(v))


def high_is_highest(frame: pd.DataFrame) -> Any:
    """Hold the high of a bar above its other prices."""
    return _bar(frame, "high", np.greater_equal)


def low_is_lowest(frame: pd.DataFrame) -> Any:
    """Hold the low of a bar below its other prices."""
    return _bar(frame, "low", np.less_equal)


def reason_given(frame: pd.DataFrame) -> Any:
    """Hold an atom that is not selected to a reason."""
    rejected = ~frame["selected"].fillna(value=False).to_numpy(dtype=np.bool_)
    there = frame["atom"].notna().to_numpy()
    given = frame["reason"].fillna("").astype(str).to_numpy() != ""
    return _series(~(rejected & there) | given, frame["reason"])


def net_is_signed(frame: pd.DataFrame) -> Any:
    """Hold a net weight to its weight, negative if the atom is short."""
    if "net_weight" not in frame:
        return True
    weight = frame["weight"].to_numpy(dtype=np.float64, na_value=np.nan)
    net = frame["net_weight"].to_numpy(dtype=np.float64, na_value=np.nan)
    good = (np.abs(net) == weight) | np.isnan(weight)
    if "direction" in frame:
        short = frame["direction"].astype(object).to_numpy() == "short"
        good &= np.isnan(weight) | (weight == 0) | (short == (net < 0))
    return _series(good, frame["net_weight"])


def sums_to_one(frame: pd.DataFrame) -> Any:
    """Hold the weights of a solve to a sum of 1 + 1e-6; its first row stands for it."""
    keys = [name for name in _SOLVE if name in frame]
    if not len(frame):
        return True
    weights = frame["weight"].to_numpy(dtype=np.float64, na_value=np.nan)
    solve = (
        frame.groupby(keys, sort=False, observed=True, dropna=False).ngroup().to_numpy()
        if keys
        else np.zeros(len(frame), dtype=np.int64)
    )
    sums = np.bincount(solve, np.nan_to_num(weights, posinf=0.0, neginf=0.0))
    first = np.unique(solve, return_index=True)[1]
    good = np.ones(len(frame), dtype=np.bool_)
    good[first[sums > 1.0 + SUM_TOLERANCE]] = False
    return _series(good, frame["weight"])


def _bar(frame: pd.DataFrame, edge: str, holds: Any) -> Any:
    if edge not in frame:
        return True
    edges = frame[edge].to_numpy(dtype=np.float64, na_value=np.nan)
    good = np.ones(len(frame), dtype=np.bool_)
    for name in ("open", "value", "high", "low"):
        if name in frame and name != edge:
            other = frame[name].to_numpy(dtype=np.float64, na_value=np.nan)
            good &= holds(edges, other) | np.isnan(edges) | np.isnan(other)
    return _series(good, frame[edge])


def _cells(frame: pd.DataFrame, rule: Any) -> Any:
    numbers = [place for place, name in enumerate(frame) if name not in _KEYS]
    kinds = [frame.dtypes.iloc[place] for place in numbers]
    there = [place for place, kind in zip(numbers, kinds, strict=True) if kind == np.float64]
    if not there:
        return True
    held = rule(frame.iloc[:, there].to_numpy())
    if held.all():
        return True
    good = np.ones(frame.shape, dtype=np.bool_)
    good[:, there] = held
    return _masked(good, frame)


def _series(good: np.ndarray, column: pd.Series) -> Any:
    return True if bool(good.all()) else type(column)(good, index=column.index)


def _masked(good: np.ndarray, frame: pd.DataFrame) -> Any:
    return type(frame)(good, index=frame.index, columns=frame.columns)
