"""The tables of weights that Riskfolio-Lib publishes with its source."""

from __future__ import annotations

import csv
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from quant_core.engines import NativeEngine
from quant_core.errors import DataError
from quant_core.profiles import MaxSharpe, MinVariance, Problem, RiskParity
from quant_core.verification._result import PublishedResult

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quant_core.profiles import Profile

__all__ = ["riskfolio_tables"]

_SUBJECT = "portfolios of riskfolio-lib"
_LACKING = (
    "the prices and the table are in the source distribution alone; pip download --no-deps "
    "--no-binary riskfolio-lib riskfolio-lib, and name the file by --riskfolio-sdist"
)
_DAYS = 200
_TEST = 1.5e-6


@dataclass(frozen=True, slots=True)
class _Published:
    what: str
    file: str
    profile: Profile
    tolerance: float


_TABLES = (
    _Published("minimum risk", "Classic_MinRisk.csv", MinVariance(), _TEST),
    _Published("maximum Sharpe ratio", "Classic_Sharpe.csv", MaxSharpe(), _TEST),
    # The published weights leave contributions to the risk up to 4e-5 of them from equal.
    _Published("risk parity", "Classic_RP.csv", RiskParity(), 1e-5),
)


def riskfolio_tables(sdist: str | None) -> Iterator[PublishedResult]:
    """Yield the published weights of the variance columns against ours.

    As in the tests that the tables belong to: simple returns of the last 200 days, sample mean and
    covariance, no risk-free rate.

    Parameters
    ----------
    sdist : str or None
        The source distribution, ``riskfolio_lib-*.tar.gz``, which has the prices; None without it.

    Raises
    ------
    DataError
        If the file is no source distribution with these tables.
    """
    if sdist is None:
        for table in _TABLES:
            unknown = PublishedResult(_SUBJECT, table.what, "riskfolio-lib", None, table.tolerance)
            yield unknown.lacking(_LACKING)
        return
    release = Path(sdist).name.removesuffix(".tar.gz")
    members = _members(sdist)
    prices = _columns(_member(members, sdist, "stock_prices.csv"))
    for table in _TABLES:
        published = _columns(_member(members, sdist, table.file))
        yield from _compared(table, f"{release}, tests/{table.file}", published, prices, sdist)


def _compared(
    table: _Published,
    source: str,
    published: dict[str, list[str]],
    prices: dict[str, list[str]],
    sdist: str,
) -> Iterator[PublishedResult]:
    symbols, expected = published[""], published["MV"]
    try:
        values = np.array([prices[symbol] for symbol in symbols], dtype=np.float64).T
    except (KeyError, ValueError) as error:
        raise DataError(f"{sdist}: {table.file} and stock_prices.csv disagree: {error}") from error
    returns = (values[1:] / values[:-1] - 1.0)[-_DAYS:]
    problem = Problem(returns.mean(axis=0), np.cov(returns, rowvar=False))
    found = NativeEngine().solve(table.profile, problem)
    note = f"{found.status}, optimality residual {found.kkt_residual:.1e}"
    for symbol, weight, ours in zip(symbols, expected, found.weights, strict=True):
        row = PublishedResult(
            _SUBJECT, f"{table.what}, {symbol}", source, float(weight), table.tolerance
        )
        yield row.found(ours, note)


def _members(sdist: str) -> dict[str, str]:
    """Return the text of the CSV files of the tests, by name; nothing is extracted."""
    try:
        with tarfile.open(sdist, "r:gz") as archive:
            return {
                Path(member.name).name: read.read().decode()
                for member in archive
                if member.name.endswith(".csv")
                and Path(member.name).parent.name == "tests"
                and (read := archive.extractfile(member)) is not None
            }
    except (OSError, tarfile.TarError, UnicodeDecodeError) as error:
        raise DataError(
            f"{sdist}: expected the source distribution of riskfolio-lib: {error}"
        ) from error


def _member(members: dict[str, str], sdist: str, name: str) -> str:
    if name not in members:
        raise DataError(
            f"{sdist}: expected a file tests/{name}, found {', '.join(members) or 'none'}"
        )
    return members[name]


def _columns(text: str) -> dict[str, list[str]]:
    heading, *rows = csv.reader(text.splitlines())
    return {name: [row[place] for row in rows] for place, name in enumerate(heading)}
