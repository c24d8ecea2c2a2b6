"""The leaderboard of a meta-portfolio: a row a profile and rebalance, and its members beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from quant_core.metrics import PATH_FIGURES, fragility, path_metrics, window_metrics
from quant_core.statistics import (
    bootstrap_sharpe_interval,
    deflated_sharpe,
    probabilistic_sharpe,
    probability_of_overfitting,
)
from quant_core.tournament._segments import TEXT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from quant_core.meta._families import Family
    from quant_core.meta._paths import MetaPath

__all__ = [
    "META_LEADERBOARD_SCHEMA",
    "META_MEMBERS_SCHEMA",
    "Conventions",
    "board",
    "members_board",
]

_DECIMALS = 8
_FEWEST_FOR_OVERFITTING = 32

_OWN = ("turnover", "turnover_annual", "cost_annual", "hhi", "fragility", "psr", "dsr")
_LUCK = ("sharpe_low", "sharpe_high", "pbo")
_COUNTS = ("trials", "windows", "windows_in_cash", "observations")

META_LEADERBOARD_SCHEMA = pa.schema(
    [
        ("rank", pa.int32()),
        ("meta", TEXT),
        ("profile", TEXT),
        ("rebalance", TEXT),
        ("status", TEXT),
        ("reason", pa.string()),
        *((name, pa.float64()) for name in (*PATH_FIGURES, *_OWN, *_LUCK)),
        *((name, pa.int64()) for name in _COUNTS),
        ("key", pa.string()),
    ]
)

META_MEMBERS_SCHEMA = pa.schema(
    [
        ("meta", TEXT),
        ("profile", TEXT),
        ("member", TEXT),
        ("cell", TEXT),
        *((name, pa.float64()) for name in PATH_FIGURES),
        ("mean_weight", pa.float64()),
    ]
)


class Conventions(NamedTuple):
    """What figures are computed with."""

    periods_per_year: int
    risk_free: float
    seed: int
    trials: int


def board(
    meta: str,
    paths: Sequence[MetaPath],
    absent: Mapping[tuple[str, str], tuple[str, str]],
    in_cash: Mapping[str, int],
    first_rows: np.ndarray,
    conventions: Conventions,
) -> pa.Table:
    """Rank the paths of a meta-portfolio by deflated Sharpe ratio.

    Parameters
    ----------
    meta : str
        Its name.
    paths : sequence of MetaPath
        The paths, P of T observations.
    absent : mapping of (profile, rebalance) to (status, reason)
        What has no path.
    in_cash : mapping of str to int
        Windows without weights, by profile.
    first_rows : numpy.ndarray of int64, shape (W,)
        Row of each window's first day.
    conventions : Conventions
        Periods of a year, rate, seed and trials.
    """
    figures = _figures(paths, first_rows, conventions) if paths else {}
    ranks = _ranks(figures) if paths else []
    rows: list[dict[str, Any]] = []
    for at, path in enumerate(paths):
        row: dict[str, Any] = {name: _known(values[at]) for name, values in figures.items()}
        row |= {"rank": ranks[at], "profile": path.profile, "rebalance": path.rebalance}
        row |= {"status": "ok", "reason": "", "key": path.key, "observations": len(path.nav)}
        rows.append(row)
    for (profile, rebalance), (status, reason) in absent.items():
        rows.append(
            {"profile": profile, "rebalance": rebalance, "status": status, "reason": reason}
        )
    for row in rows:
        row |= {"meta": meta, "trials": conventions.trials, "windows": len(first_rows)}
        row["windows_in_cash"] = in_cash.get(row["profile"])
    return pa.Table.from_pylist(rows, schema=META_LEADERBOARD_SCHEMA)


def _figures(
    paths: Sequence[MetaPath], first_rows: np.ndarray, conventions: Conventions
) -> dict[str, np.ndarray]:
    returns = np.stack([path.period_return for path in paths])
    given: dict[str, Any] = {
        "periods_per_year": conventions.periods_per_year,
        "risk_free": conventions.risk_free,
    }
    years = returns.shape[1] / conventions.periods_per_year
    turnover = np.array([path.turnover.sum() for path in paths])
    figures = path_metrics(returns, **given)
    figures["turnover"] = turnover / len(first_rows)
    figures["turnover_annual"] = turnover / years
    figures["cost_annual"] = np.array([path.cost.sum() for path in paths]) / years
    figures["hhi"] = np.array([path.hhi for path in paths])
    figures["fragility"] = fragility(window_metrics(returns, first_rows + 1, **given)["sharpe"])
    return figures | _luck(returns, figures, conventions)


def _luck(
    returns: np.ndarray, figures: Mapping[str, np.ndarray], conventions: Conventions
) -> dict[str, np.ndarray]:
    shape = {
        "observations": returns.shape[1],
        "skewness": figures["skewness"],
        "kurtosis": figures["kurtosis"],
    }
    sharpe, rate = figures["sharpe_period"], conventions.risk_free
    several = np.isfinite(sharpe).sum() > 1
    variance = float(np.nanvar(sharpe, ddof=1)) if several else 0.0
    low, high = bootstrap_sharpe_interval(
        returns,
        periods_per_year=conventions.periods_per_year,
        seed=conventions.seed,
        risk_free=rate,
    )
    enough = len(returns) > 1 and returns.shape[1] >= _FEWEST_FOR_OVERFITTING
    pbo = probability_of_overfitting(returns, risk_free=rate).pbo if enough else np.nan
    return {
        "psr": probabilistic_sharpe(sharpe, **shape),
        "dsr": deflated_sharpe(sharpe, variance=variance, trials=conventions.trials, **shape),
        "sharpe_low": low,
        "sharpe_high": high,
        "pbo": np.full(len(returns), pbo),
    }


def _ranks(figures: Mapping[str, np.ndarray]) -> list[int]:
    worst = [
        np.nan_to_num(np.round(figures[name], _DECIMALS), nan=-np.inf) for name in ("sharpe", "dsr")
    ]
    order = np.lexsort([-worst[0], -worst[1]])
    found = np.empty(len(order), dtype=np.int64)
    found[order] = np.arange(1, len(order) + 1)
    return [int(rank) for rank in found]


def members_board(
    meta: str, family: Family, span: slice, weights: np.ndarray, conventions: Conventions
) -> list[dict[str, Any]]:
    """Return the figures of each stream of a family over the days of the meta-portfolio's path.

    Parameters
    ----------
    meta : str
        Name of the meta-portfolio.
    family : Family
        The streams, K of them.
    span : slice
        Rows of the path.
    weights : numpy.ndarray, shape (W, K)
        Weight of each stream in each window.
    conventions : Conventions
        Periods of a year and rate.
    """
    returns = np.ascontiguousarray(family.values[span].T)
    figures = path_metrics(
        returns,
        periods_per_year=conventions.periods_per_year,
        risk_free=conventions.risk_free,
    )
    return [
        {
            "meta": meta,
            "profile": family.profile.label,
            "member": stream.member,
            "cell": "/".join(stream.cell),
            **{name: _known(values[at]) for name, values in figures.items()},
            "mean_weight": float(weights[:, at].mean()),
        }
        for at, stream in enumerate(family.streams)
    ]


def _known(figure: float) -> float | None:
    return float(figure) if np.isfinite(figure) else None
