"""A small market in a file, and tournaments on it that take a second."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pytest

from quant_core.config import parse_config
from quant_core.tournament import run

if TYPE_CHECKING:
    from pathlib import Path

    from quant_core.config import TournamentConfig
    from quant_core.tournament import Result

AXES: dict[str, Any] = {
    "sleeve": "us",
    "windows": {"train": 40, "step": "month"},
    "benchmark": "INDEX",
    "selections": ["all", {"name": "low_volatility", "count": 4}],
    "profiles": [
        "equal_weight",
        "market",
        {"name": "max_sharpe", "covariance": "sample"},
        {"name": "min_variance", "cap": 0.5},
    ],
    "rebalances": ["window", "daily"],
}


@dataclass(frozen=True)
class Market:
    """Returns of T days and n symbols, and the folder that their files go to."""

    folder: Path
    dates: np.ndarray
    symbols: tuple[str, ...]
    values: np.ndarray

    def csv(self, name: str = "returns") -> Path:
        """Write the returns to a wide CSV file."""
        path = self.folder / f"{name}.csv"
        lines = [",".join(["date", *self.symbols])]
        for day, row in zip(self.dates, self.values, strict=True):
            cells = ("" if np.isnan(value) else repr(float(value)) for value in row)
            lines.append(",".join([str(day), *cells]))
        path.write_text("\n".join(lines) + "\n")
        return path

    def rows(self, chosen: Any) -> Self:
        return replace(self, dates=self.dates[chosen], values=self.values[chosen])

    def columns(self, chosen: Any) -> Self:
        symbols = tuple(np.array(self.symbols)[chosen].tolist())
        return replace(self, symbols=symbols, values=self.values[:, chosen])

    def column(self, symbol: str) -> int:
        return self.symbols.index(symbol)

    def with_value(self, day: str, symbol: str, value: float) -> Self:
        values = self.values.copy()
        values[self.dates.tolist().index(np.datetime64(day).item()), self.column(symbol)] = value
        return replace(self, values=values)

    def with_symbol(self, symbol: str, values: np.ndarray) -> Self:
        return replace(
            self, symbols=(*self.symbols, symbol), values=np.column_stack([self.values, values])
        )

    def config(self, name: str = "returns", **changes: Any) -> TournamentConfig:
        """Write the returns and return a configuration on them."""
        data = {"returns": str(self.csv(name))}
        return parse_config({**AXES, "data": data, **changes})

    def run(self, out: str, **changes: Any) -> Result:
        """Run a tournament into a fresh folder."""
        folder = self.folder / out
        shutil.rmtree(folder, ignore_errors=True)
        return run(self.config(out, **changes), out=folder)


def synthetic(folder: Path) -> Market:
    """Return a market of 8 assets and an index: one starts late, one ends early, one has a gap."""
    first, last = np.datetime64("2020-01-01"), np.datetime64("2020-08-08")
    every = np.arange(first, last)
    dates = every[np.is_busday(every)]
    drawn = np.random.default_rng(11)
    common = drawn.normal(0.0004, 0.008, (len(dates), 1))
    spread = np.linspace(0.004, 0.02, 8)
    values = common + drawn.normal(0.0003, 1.0, (len(dates), 8)) * spread
    values[: np.searchsorted(dates, np.datetime64("2020-03-20")), 2] = np.nan
    values[np.searchsorted(dates, np.datetime64("2020-06-10")) :, 5] = np.nan
    values[np.searchsorted(dates, np.datetime64("2020-05-13")), 6] = np.nan
    symbols = ("AAA", "BBB", "CCC", "DDD", "EEE", "FFF", "GGG", "HHH", "INDEX")
    return Market(folder, dates, symbols, np.column_stack([values, common]))


@pytest.fixture(scope="session")
def market(tmp_path_factory: pytest.TempPathFactory) -> Market:
    return synthetic(tmp_path_factory.mktemp("market"))


@pytest.fixture(scope="session")
def base(market: Market) -> Result:
    """Return an uninterrupted run of the base configuration; its folder is not to be changed."""
    return market.run("base")
