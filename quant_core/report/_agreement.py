"""How far engines are from each other on the same selection and profile."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from quant_core.report._columns import codes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

__all__ = ["AGREEMENT_COLUMNS", "agreement"]

AGREEMENT_COLUMNS = ("window", "selection", "engine", "profile", "atom", "weight", "objective")
"""What `agreement` reads of a weights cube."""

_FIGURES = ("distance", "worst", "gap")


class _Line(NamedTuple):
    """Weights (W, A), NaN in windows without any, and objectives (W,) of one engine."""

    weights: np.ndarray
    objective: np.ndarray


def agreement(cube: pa.Table) -> dict[str, Any] | None:
    """Return how far engines are from each other, or None with fewer than two.

    Parameters
    ----------
    cube : pyarrow.Table
        Rows of a weights cube with `AGREEMENT_COLUMNS`.

    Returns
    -------
    dict or None
        ``engines`` (E,) that gave weights where another one did too, in the order of the rows;
        ``groups``, the first the mean of the others, of ``{name, distance, worst, gap, windows}``:
        matrices (E, E) of the mean and the largest half L1 distance of weights over the windows
        that both solved, of the mean relative difference of objectives (None where there is
        none), and of the number of those windows.

    Notes
    -----
    With weights w and v, the distance is ``sum |w - v| / 2``: the share of a portfolio to trade
    to make one of the other. With objectives a and b, the gap is ``|a - b| / max(|a|, |b|)``.
    """
    engines, engine = _in_order(cube["engine"])
    if len(engines) < 2:  # noqa: PLR2004 - a pair
        return None
    found = []
    for name, rows in _groups(cube):
        part = cube.take(rows)
        matrices = _matrices(_lines(part, engine[rows], len(engines)))
        if matrices["windows"].any():
            found.append({"name": name, **matrices})
    if not found:
        return None
    shared = np.sum([one["windows"] for one in found], axis=0).any(axis=0)
    kept = np.flatnonzero(shared)
    names = [engines[place] for place in kept]
    return {
        "engines": names,
        "groups": [_mean(found, kept), *(_plain(one, kept) for one in found)],
    }


def _in_order(column: pa.ChunkedArray[Any]) -> tuple[list[str], np.ndarray]:
    """Return the names of a column as they first appear, and the number of each row's name."""
    names, numbers = codes(column)
    _, first = np.unique(numbers, return_index=True)
    order = np.argsort(first)
    place = np.argsort(order)
    return [names[number] for number in order], place[numbers]


def _groups(cube: pa.Table) -> Iterator[tuple[str, np.ndarray]]:
    selections, selection = codes(cube["selection"])
    profiles, profile = codes(cube["profile"])
    group = selection * len(profiles) + profile
    order = np.argsort(group, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(group[order])) + 1):
        first = rows[0]
        yield f"{selections[selection[first]]} / {profiles[profile[first]]}", rows


def _lines(group: pa.Table, engine: np.ndarray, count: int) -> list[_Line]:
    """Return the line of each engine in the rows of one selection and profile."""
    windows, window = codes(group["window"])
    atoms, atom = codes(group["atom"])
    weight = group["weight"].to_numpy().astype(float)
    objective = group["objective"].to_numpy().astype(float)
    known = np.isfinite(weight)
    engine, window, atom = engine[known], window[known], atom[known]
    weights = np.full((count, len(windows), len(atoms)), math.nan)
    weights[engine, window] = 0.0
    weights[engine, window, atom] = weight[known]
    objectives = np.full((count, len(windows)), math.nan)
    objectives[engine, window] = objective[known]
    return [_Line(*line) for line in zip(weights, objectives, strict=True)]


def _matrices(lines: Sequence[_Line]) -> dict[str, np.ndarray]:
    count = len(lines)
    found = {name: np.full((count, count), math.nan) for name in _FIGURES}
    found["windows"] = np.zeros((count, count), dtype=np.int64)
    for at, one in enumerate(lines):
        for place, other in enumerate(lines):
            if place == at:
                continue
            apart = np.abs(one.weights - other.weights).sum(axis=1) / 2
            apart = apart[np.isfinite(apart)]
            if len(apart):
                found["windows"][at, place] = len(apart)
                found["distance"][at, place] = apart.mean()
                found["worst"][at, place] = apart.max()
                found["gap"][at, place] = _gap(one.objective, other.objective)
    return found


def _gap(one: np.ndarray, other: np.ndarray) -> float:
    known = np.isfinite(one) & np.isfinite(other)
    if not known.any():
        return math.nan
    one, other = one[known], other[known]
    larger = np.maximum(np.abs(one), np.abs(other))
    gaps = np.divide(np.abs(one - other), larger, out=np.zeros_like(larger), where=larger > 0)
    return float(gaps.mean())


def _mean(groups: Sequence[dict[str, Any]], kept: np.ndarray) -> dict[str, Any]:
    """Return the mean over the groups that know a figure, and the largest of the largest."""
    found: dict[str, Any] = {"name": "all selections and profiles"}
    for name in _FIGURES:
        stacked = np.stack([one[name] for one in groups])
        known = np.isfinite(stacked)
        times = known.sum(axis=0)
        if name == "worst":
            total = np.where(known, stacked, -np.inf).max(axis=0)
        else:
            total = np.where(known, stacked, 0.0).sum(axis=0) / np.maximum(times, 1)
        found[name] = np.where(times > 0, total, math.nan)
    found["windows"] = np.sum([one["windows"] for one in groups], axis=0)
    return _plain(found, kept)


def _plain(group: dict[str, Any], kept: np.ndarray) -> dict[str, Any]:
    found = {"name": group["name"]}
    for name in (*_FIGURES, "windows"):
        rows = group[name][np.ix_(kept, kept)].tolist()
        found[name] = [[_short(value) for value in row] for row in rows]
    return found


def _short(value: float) -> float | None:
    if isinstance(value, int):
        return value
    return None if math.isnan(value) else float(f"{value:.4g}")
