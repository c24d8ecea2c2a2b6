"""A market of prices, with a strategy that learns what is in it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pytest

from quant_core.config import parse_config

if TYPE_CHECKING:
    from pathlib import Path

    from quant_core.config import TournamentConfig

STRATEGY: dict[str, Any] = {
    "name": "trend",
    "features": [{"kind": "momentum", "window": 5}, {"kind": "zscore", "window": 8}],
    "model": {"kind": "linear"},
    "horizon": 2,
    "training": {"observations": 60, "validation": 20, "retrain_months": 2, "embargo": 3},
    "directions": ["long", "short"],
}
CONFIG: dict[str, Any] = {
    "sleeve": "small",
    "benchmark": "INDEX",
    "windows": {"train": 40},
    "selections": ["all", {"name": "low_volatility", "count": 6}],
    "profiles": ["equal_weight", {"name": "min_variance", "covariance": "sample"}],
    "rebalances": ["window"],
    "strategies": [STRATEGY],
}


@dataclass(frozen=True)
class Prices:
    """Prices of T days and n symbols, and the folder that their files go to."""

    folder: Path
    dates: np.ndarray
    symbols: tuple[str, ...]
    values: np.ndarray

    def until(self, rows: int) -> Self:
        return replace(self, dates=self.dates[:rows], values=self.values[:rows])

    def changed(self, row: int, symbol: str, factor: float) -> Self:
        values = self.values.copy()
        values[row, self.symbols.index(symbol)] *= factor
        return replace(self, values=values)

    def config(self, name: str = "prices", **changes: Any) -> TournamentConfig:
        path = self.folder / f"{name}.csv"
        lines = [",".join(["date", *self.symbols])]
        for day, row in zip(self.dates, self.values, strict=True):
            cells = ("" if np.isnan(value) else repr(float(value)) for value in row)
            lines.append(",".join([str(day), *cells]))
        path.write_text("\n".join(lines) + "\n")
        return parse_config({**CONFIG, "data": {"prices": str(path)}, **changes})


def synthetic(folder: Path) -> Prices:
    """Return prices of 5 assets and an index: one starts late, one has a gap, one ends early."""
    every = np.arange(np.datetime64("2020-01-01"), np.datetime64("2020-12-20"))
    dates = every[np.is_busday(every)]
    drawn = np.random.default_rng(5)
    steps = drawn.normal(0.0003, 0.012, (len(dates), 6))
    for row in range(1, len(steps)):
        steps[row] += 0.25 * steps[row - 1]
    values = 50.0 * np.exp(np.cumsum(steps, axis=0))
    values[:90, 1] = np.nan
    values[130:133, 2] = np.nan
    values[200:, 3] = np.nan
    return Prices(folder, dates, ("AA", "BB_X", "CC", "DD", "EE", "INDEX"), values)


@pytest.fixture
def prices(tmp_path: Path) -> Prices:
    return synthetic(tmp_path)
