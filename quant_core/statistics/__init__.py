"""Statistics: what luck explains of a path's figures."""

from quant_core.statistics._bootstrap import SharpeInterval, bootstrap_sharpe_interval
from quant_core.statistics._overfitting import Overfitting, probability_of_overfitting
from quant_core.statistics._sharpe import (
    deflated_sharpe,
    expected_maximum_sharpe,
    probabilistic_sharpe,
)

__all__ = [
    "Overfitting",
    "SharpeInterval",
    "bootstrap_sharpe_interval",
    "deflated_sharpe",
    "expected_maximum_sharpe",
    "probabilistic_sharpe",
    "probability_of_overfitting",
]
