"""All cells at once: how their Sharpe ratios spread, and when they earned."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from quant_core.report._columns import codes
from quant_core.report._folder import AXES
from quant_core.statistics import expected_maximum_sharpe

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from quant_core.report._folder import OutputFolder

__all__ = ["heat_map", "luck"]

_BINS = 48
_FEWEST_BINS = 8
_PROFILES = 24
_MOST_WINDOWS = 60
_CLIP = 0.98


def luck(rows: Sequence[Mapping[str, Any]], *, periods_per_year: float) -> dict[str, Any]:
    """Return the spread of Sharpe ratios over all cells and what luck alone would show.

    Parameters
    ----------
    rows : sequence of mapping
        Leaderboard rows with numbers, the best first.
    periods_per_year : float
        Annualization factor of the sleeve.

    Returns
    -------
    dict
        ``edges`` and ``counts`` of the histogram, ``best``, ``expected`` (the expected maximum
        under luck) and ``trials``; Sharpe ratios annualized. ``expected`` is None for one trial.
    """
    sharpe = _finite([row["sharpe"] for row in rows])
    # Simulators tell the path of one configuration again: it was tried once.
    tried = {tuple(row[axis] for axis in AXES[:-1]): row["sharpe_period"] for row in rows}
    period = _finite(list(tried.values()))
    trials = int(rows[0]["trials"])
    expected = None
    if trials > 1 and len(period) > 1:
        bar = expected_maximum_sharpe(trials=trials, variance=float(period.var(ddof=1)))
        expected = bar * math.sqrt(periods_per_year)
    bins = min(_BINS, max(_FEWEST_BINS, int(2 * math.sqrt(len(sharpe)))))
    counts, edges = np.histogram(sharpe, bins=bins)
    return {
        "edges": np.round(edges, 5).tolist(),
        "counts": counts.tolist(),
        "best": rows[0]["sharpe"],
        "expected": expected,
        "trials": trials,
    }


def heat_map(folder: OutputFolder, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the median Sharpe ratio of a profile's cells, window by window.

    Parameters
    ----------
    folder : OutputFolder
        The run.
    rows : sequence of mapping
        Leaderboard rows with numbers, the best first: profiles come in the order of their best
        cell, at most 24 of them.

    Returns
    -------
    dict
        ``periods`` (W,), the windows, or their years where they are many; ``by_year``;
        ``profiles`` (P,); ``left_out``; ``sharpe`` (P, W) with None where no cell has one; and
        ``bound``, the magnitude at which the colours saturate.
    """
    table = folder.table("window_metrics", ["profile", "window", "sharpe"])
    profiles, down = codes(table["profile"])
    windows, across = codes(table["window"])
    by_year = len(windows) > _MOST_WINDOWS
    periods = sorted({window[:4] for window in windows}) if by_year else windows
    if by_year:
        across = np.array([periods.index(window[:4]) for window in windows])[across]
    sharpe = table["sharpe"].to_numpy().astype(float)
    known = np.isfinite(sharpe)
    place = (down * len(periods) + across)[known]
    medians = _medians(place, sharpe[known], len(profiles) * len(periods))
    medians = medians.reshape(len(profiles), len(periods))
    order = [name for name in dict.fromkeys(row["profile"] for row in rows) if name in profiles]
    medians = medians[[profiles.index(name) for name in order[:_PROFILES]]]
    seen = np.abs(medians[np.isfinite(medians)])
    return {
        "periods": periods,
        "by_year": by_year,
        "profiles": order[:_PROFILES],
        "left_out": max(0, len(order) - _PROFILES),
        "sharpe": [
            [None if math.isnan(value) else round(value, 2) for value in row]
            for row in medians.tolist()
        ],
        "bound": float(np.quantile(seen, _CLIP)) if len(seen) else 1.0,
    }


def _medians(place: np.ndarray, values: np.ndarray, size: int) -> np.ndarray:
    order = np.lexsort((values, place))
    place, values = place[order], values[order]
    starts = np.searchsorted(place, np.arange(size))
    stops = np.searchsorted(place, np.arange(size), side="right")
    found = np.full(size, math.nan)
    held = stops > starts
    low = values[(starts + (stops - starts - 1) // 2)[held]]
    high = values[(starts + (stops - starts) // 2)[held]]
    found[held] = (low + high) / 2
    return found


def _finite(values: Sequence[float | None]) -> np.ndarray:
    found = np.array([math.nan if value is None else value for value in values], dtype=float)
    return found[np.isfinite(found)]
