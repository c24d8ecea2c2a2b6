"""The classic markets of online portfolio selection, shipped with universal-portfolios."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from quant_core.errors import DataError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MARKETS", "market_returns"]

MARKETS: Mapping[str, str] = MappingProxyType(
    {
        "NYSE(O)": "nyse_o",
        "NYSE(N)": "nyse_n",
        "TSE": "tse",
        "SP500": "sp500",
        "MSCI": "msci",
        "DJIA": "djia",
    }
)
"""Name of the file of each market."""

_PACKAGE = "universal-portfolios"


def market_returns(market: str) -> np.ndarray:
    """Return the daily returns of a market, after a first row without one.

    Parameters
    ----------
    market : str
        Name in `MARKETS`.

    Returns
    -------
    numpy.ndarray, shape (T + 1, n)
        Simple returns. The first row is zero: a portfolio is bought at its close.

    Raises
    ------
    UnavailableError
        If the package with the data is not installed.
    DataError
        If its file is missing or holds something else than positive prices.
    """
    path = _folder() / f"{MARKETS[market]}.csv"
    try:
        # The heading names columns; all of them are prices, relative to the day before the first.
        prices = np.loadtxt(path, delimiter=",", skiprows=1)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: expected a table of prices: {error}") from error
    prices = np.vstack([np.ones(prices.shape[-1]), prices])
    if not (np.isfinite(prices) & (prices > 0.0)).all():
        raise DataError(f"{path}: expected positive prices, found others; reinstall {_PACKAGE}")
    returns = np.zeros_like(prices)
    returns[1:] = prices[1:] / prices[:-1] - 1.0
    return returns


def _folder() -> Path:
    """Return where the data lie; the package is not imported, which would take seconds."""
    try:
        found = distribution(_PACKAGE)
    except PackageNotFoundError as error:
        raise UnavailableError(
            f"the data ship with {_PACKAGE}, which is not installed; "
            "install the extra: pip install 'quant-assets[verify]'"
        ) from error
    return Path(str(found.locate_file("universal"))) / "data"
