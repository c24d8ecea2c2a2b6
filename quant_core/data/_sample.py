"""The sample: twenty S&P 500 stocks and the index, shipped with skfolio."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from quant_core.data._files import FileSource
from quant_core.errors import DataError, UnavailableError

if TYPE_CHECKING:
    from quant_core.data._observations import Kind, RawObservations

__all__ = ["SAMPLE_BENCHMARK", "SampleSource"]

SAMPLE_BENCHMARK = "SP500"
"""Symbol of the index in the sample."""


@dataclass(frozen=True, slots=True)
class SampleSource:
    """Daily prices of 20 S&P 500 stocks and of the index, 1990 to 2022.

    The files are read from the installed skfolio without importing it, which would take seconds.

    Parameters
    ----------
    exclude : tuple of str
        Symbols to leave out.
    """

    exclude: tuple[str, ...] = ()
    name: str = "sample"
    origin: str = "skfolio sample (S&P 500, 1990-2022)"
    kind: Kind = "prices"

    def read(
        self, start: np.datetime64 | None = None, end: np.datetime64 | None = None
    ) -> RawObservations:
        """Read the observations from ``start``, included, to ``end``, excluded.

        Raises
        ------
        UnavailableError
            If skfolio is not installed.
        """
        folder = _folder()
        stocks = FileSource(str(folder / "sp500_dataset.csv.gz"), "prices").read()
        index = FileSource(str(folder / "sp500_index.csv.gz"), "prices").read()
        joined = replace(_side_by_side(stocks, index), origin=self.origin)
        return (joined.without(self.exclude) if self.exclude else joined).between(start, end)


def _folder() -> Path:
    package = find_spec("skfolio")
    if package is None or not package.submodule_search_locations:
        raise UnavailableError(
            "the sample data ship with skfolio, which is not installed; "
            "install the extra: pip install 'quant-assets[engines]', or give a file by data.prices"
        )
    return Path(package.submodule_search_locations[0]) / "datasets" / "data"


def _side_by_side(left: RawObservations, right: RawObservations) -> RawObservations:
    if not np.array_equal(left.dates, right.dates):
        raise DataError(f"{left.origin} and {right.origin}: the dates differ; reinstall skfolio")
    symbols = tuple(sorted((*left.symbols, *right.symbols)))
    place = {name: code for code, name in enumerate(symbols)}
    names = [part.symbols[code] for part in (left, right) for code in part.codes[0]]
    return replace(
        left,
        symbols=symbols,
        codes=np.array([[place[name] for name in names]], dtype=np.int32),
        values=np.hstack([left.values, right.values]),
    )
