"""What every kind of feature means: formula, unit, look-back and source, written once."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quant_core.features._definition import Kind

__all__ = ["DEFINITIONS", "Formula"]


@dataclass(frozen=True, slots=True)
class Formula:
    """The meaning of a kind of feature.

    Parameters
    ----------
    formula : str
        With p the prices, t the current observation, w the window, r_t = p_t / p_(t-1) - 1, and
        mean and sd those of the last w prices, sd with w - 1.
    lookback : str
        Prices that it reads.
    unit : str
        What the number counts.
    flat : str
        Its value where the prices it reads are all equal; no feature is ever infinite, and it is
        NaN only where there are fewer prices than it reads.
    source : str
        Where the definition comes from.
    """

    formula: str
    lookback: str
    unit: str
    flat: str
    source: str


DEFINITIONS: Mapping[Kind, Formula] = MappingProxyType(
    {
        "return": Formula("p_t / p_(t-w) - 1", "w + 1", "fraction", "0", "simple return"),
        "sma": Formula(
            "mean; p_t / mean - 1 if relative",
            "w",
            "price; fraction if relative",
            "p_t; 0 if relative",
            "Murphy (1999), Technical Analysis of the Financial Markets, ch. 9",
        ),
        "ema": Formula(
            "sum of (1-a)^k p_(t-k) / sum of (1-a)^k over k = 0 .. K-1, a = 2 / (w + 1); "
            "p_t / that - 1 if relative",
            "K, the least with (1-a)^K <= 1e-6",
            "price; fraction if relative",
            "p_t; 0 if relative",
            "Murphy (1999), ch. 9; pandas ewm(span=w, adjust=True) over the last K prices",
        ),
        "rsi": Formula(
            "100 G / (G + L), G and L the sums of (1-1/w)^k max(d, 0) and (1-1/w)^k max(-d, 0), "
            "d = p_(t-k) - p_(t-k-1), over k = 0 .. K-1",
            "K + 1, K the least with (1-1/w)^K <= 1e-6",
            "number in [0, 100]",
            "50",
            "Wilder (1978), New Concepts in Technical Trading Systems",
        ),
        "volatility": Formula(
            "sample standard deviation of the last w r",
            "w + 1",
            "fraction an observation, not annualised",
            "0",
            "sample standard deviation (w - 1)",
        ),
        "zscore": Formula("(p_t - mean) / sd", "w", "standard deviations", "0", "standard score"),
        "momentum": Formula(
            "p_(t-lag) / p_(t-w) - 1: the latest observations are left out",
            "w + 1",
            "fraction",
            "0",
            "Jegadeesh & Titman (1993); Jegadeesh (1990) for leaving out the latest",
        ),
        "bollinger": Formula(
            "%b = (p_t - lower) / (upper - lower), the bands at mean +- width sd, sd with w",
            "w",
            "share of the band; below 0 or above 1 outside it",
            "0.5",
            "Bollinger (2001), Bollinger on Bollinger Bands",
        ),
        "permutation_entropy": Formula(
            "-sum of f log2 f / log2(order!), f the share of each order of p_i, p_(i+lag), .. "
            "p_(i+(order-1)lag) among all in the last w prices; of equal prices the earlier "
            "counts as the smaller",
            "w",
            "number in [0, 1]",
            "0",
            "Bandt & Pompe (2002), Permutation Entropy",
        ),
        "efficiency_ratio": Formula(
            "|p_t - p_(t-w)| / sum of |p_i - p_(i-1)| over the last w changes",
            "w + 1",
            "number in [0, 1]",
            "0",
            "Kaufman (1995), Smarter Trading",
        ),
        "hurst": Formula(
            "half the least-squares slope of log2 M(v) on log2 v, M(v) the mean of "
            "(log p_(i+v) - log p_i)^2 in the last w prices, at least 1e-12 M(1), "
            "v = 1, 2, 4, .. <= w / 4; cut to [0, 1]",
            "w",
            "number in [0, 1]; 0.5 for a random walk",
            "0.5",
            "structure function of order 2: Mandelbrot & Van Ness (1968); Di Matteo (2007), "
            "Multi-scaling in finance",
        ),
    }
)
