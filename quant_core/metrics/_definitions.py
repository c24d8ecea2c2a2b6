"""What every figure means: formula, unit and source, written once."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["DEFINITIONS", "Definition"]

_EMPYRICAL = "empyrical-reloaded"
_PSR = "Bailey & Lopez de Prado (2012), The Sharpe Ratio Efficient Frontier"
_DSR = "Bailey & Lopez de Prado (2014), The Deflated Sharpe Ratio"
_PBO = "Bailey, Borwein, Lopez de Prado & Zhu (2017), The Probability of Backtest Overfitting"


@dataclass(frozen=True, slots=True)
class Definition:
    """The meaning of a figure.

    Parameters
    ----------
    formula : str
        With r the T simple returns of the periods, m the periods in a year, f the risk-free
        return of a period, NAV the compounded value from 1, and sd the sample standard deviation
        (T - 1).
    unit : str
        What the number counts.
    source : str
        Where the definition comes from.
    """

    formula: str
    unit: str
    source: str


DEFINITIONS: Mapping[str, Definition] = MappingProxyType(
    {
        "sharpe": Definition(
            "mean(r - f) / sd(r) * sqrt(m)", "per square root of a year", "Sharpe (1994)"
        ),
        "sharpe_period": Definition(
            "mean(r - f) / sd(r)", "per square root of a period", "Sharpe (1994)"
        ),
        "sortino": Definition(
            "mean(r - f) / sqrt(mean(min(r - f, 0)^2)) * sqrt(m)",
            "per square root of a year",
            f"Sortino & Price (1994); {_EMPYRICAL} sortino_ratio",
        ),
        "calmar": Definition(
            "cagr / |max_drawdown|", "ratio", f"Young (1991); {_EMPYRICAL} calmar_ratio"
        ),
        "cagr": Definition("NAV_T^(m / T) - 1", "fraction a year", f"{_EMPYRICAL} annual_return"),
        "volatility": Definition(
            "sd(r) * sqrt(m)", "fraction a year", f"{_EMPYRICAL} annual_volatility"
        ),
        "max_drawdown": Definition(
            "min over t of NAV_t / max(1, NAV_1 .. NAV_t) - 1",
            "fraction, negative",
            f"{_EMPYRICAL} max_drawdown",
        ),
        "total_return": Definition("NAV_T - 1", "fraction", f"{_EMPYRICAL} cum_returns_final"),
        "var_95": Definition(
            "5 % quantile of r, linear between order statistics",
            "fraction a period, negative is a loss",
            f"{_EMPYRICAL} value_at_risk; Hyndman & Fan (1996), type 7",
        ),
        "cvar_95": Definition(
            "mean of the floor(0.05 (T - 1)) + 1 smallest r",
            "fraction a period, negative is a loss",
            f"{_EMPYRICAL} conditional_value_at_risk",
        ),
        "hit_rate": Definition(
            "#(r > 0) / #(r != 0)", "fraction of periods that moved", "quantstats win_rate"
        ),
        "skewness": Definition(
            "m3 / m2^1.5, with mk = mean((r - mean(r))^k)", "number", f"population moments; {_PSR}"
        ),
        "kurtosis": Definition(
            "m4 / m2^2, with mk = mean((r - mean(r))^k); 3 for a normal",
            "number",
            f"population moments; {_PSR}",
        ),
        "turnover": Definition(
            "mean over windows of the sum over the window of sum|trade| / V / 2",
            "fraction of the portfolio a window, one way",
            "Grinold & Kahn (1999)",
        ),
        "turnover_annual": Definition(
            "m * mean over periods of sum|trade| / V / 2",
            "fraction of the portfolio a year, one way",
            "Grinold & Kahn (1999)",
        ),
        "cost_annual": Definition(
            "m * mean over periods of cost / V", "fraction a year", "Grinold & Kahn (1999)"
        ),
        "hhi": Definition(
            "mean over windows of sum w^2",
            "number in [0, 1]",
            "Herfindahl (1950); Hirschman (1964)",
        ),
        "fragility": Definition(
            "sd(window Sharpe) / |mean(window Sharpe)|", "ratio", "coefficient of variation"
        ),
        "psr": Definition(
            "Phi((SR - SR*) sqrt(T - 1) / sqrt(1 - skewness SR + (kurtosis - 1) / 4 SR^2)), "
            "with SR = sharpe_period and SR* = 0",
            "probability",
            _PSR,
        ),
        "dsr": Definition(
            "psr with SR* = sd(SR over trials) ((1 - g) Phi^-1(1 - 1/N) + g Phi^-1(1 - 1/(N e))), "
            "with N trials and g = 0.5772",
            "probability",
            _DSR,
        ),
        "sharpe_low": Definition(
            "2.5 % quantile of sharpe over stationary bootstrap draws",
            "per square root of a year",
            "Politis & Romano (1994)",
        ),
        "sharpe_high": Definition(
            "97.5 % quantile of sharpe over stationary bootstrap draws",
            "per square root of a year",
            "Politis & Romano (1994)",
        ),
        "pbo": Definition(
            "share of splits whose best in sample ranks at or below the median out of sample",
            "probability",
            _PBO,
        ),
    }
)
"""Every figure of the leaderboard by name."""
