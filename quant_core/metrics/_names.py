"""The figures of a path, in the order in which they are computed."""

from __future__ import annotations

__all__ = ["PATH_FIGURES"]

PATH_FIGURES = (
    "sharpe",
    "sharpe_period",
    "sortino",
    "calmar",
    "cagr",
    "volatility",
    "max_drawdown",
    "total_return",
    "var_95",
    "cvar_95",
    "hit_rate",
    "skewness",
    "kurtosis",
)
