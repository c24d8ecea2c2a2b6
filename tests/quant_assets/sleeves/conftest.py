from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from quant_core.calendars import open_calendar
from quant_core.config import load_config
from resources.lakehouse import Lakehouse

SCRIPT = Path(__file__).with_name("materialize.py")
REPOSITORY = Path(__file__).parents[3]
FIRST, LAST = "2019-01", "2019-06"

STOCKS = """
sleeve: stocks
calendar: XNYS
data: {prices: "${DATA_OF_TEST}/stocks.parquet", volume: volume, start: 2019-01-02, end: 2019-06-30}
windows: {train: 30, step: month}
universe: {history: 30, liquidity: {top: 4, sessions: 10}}
selections: [all]
profiles: [equal_weight, min_variance]
rebalances: [window]
"""
COINS = """
sleeve: coins
calendar: 24/7
periods_per_year: 365
data: {prices: "${DATA_OF_TEST}/coins.parquet", start: 2019-02-01, end: 2019-06-30}
windows: {train: 20, step: week}
universe: {coverage: 1.0}
costs: {slippage_bps: 20}
selections: [all]
profiles: [equal_weight, risk_parity]
rebalances: [window]
"""


def write_prices(path: Path, days: np.ndarray, count: int, *, seed: int, late: int = 0) -> None:
    """Write a long file of random walks; the last symbol starts ``late`` rows later."""
    random = np.random.default_rng(seed)
    steps = random.normal(0.0005, 0.02, (len(days), count))
    values = 50.0 * np.exp(np.cumsum(steps, axis=0))
    volumes = np.outer(np.ones(len(days)), 10.0 ** np.arange(count + 3, 3, -1))
    names = np.array([f"s{number}" for number in range(count)])
    kept = np.ones(values.shape, dtype=bool)
    kept[:late, -1] = False
    columns = {
        "date": np.repeat(days, count).reshape(len(days), count)[kept],
        "symbol": np.tile(names, (len(days), 1))[kept],
        "close": values[kept],
        "volume": volumes[kept],
    }
    # Sorted by symbol, so that a day more moves the rows of all months.
    order = np.lexsort((columns["date"], columns["symbol"]))
    table = {name: column[order] for name, column in columns.items()}
    table["date"] = table["date"].astype("datetime64[ms]")
    pq.write_table(pa.table(table), path, row_group_size=200)


@dataclass
class Sleeves:
    """Two sleeves of different kinds, and the lakehouse of their graph."""

    root: Path
    data: Path

    @property
    def configs(self) -> Path:
        return self.root / "configs"

    def materialize(self, first: str, last: str) -> dict[str, Any]:
        environment = {
            **os.environ,
            "TV_SLEEVES": str(self.configs),
            "DATA_OF_TEST": str(self.data),
            "DAGSTER_HOME": "",
            "PYTHONPATH": str(REPOSITORY),
        }
        done = subprocess.run(
            [sys.executable, str(SCRIPT), str(self.root), first, last],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-4000:]
        found: dict[str, Any] = json.loads((self.root / "events.json").read_text())
        return found

    def config(self, name: str) -> Any:
        return load_config(str(self.configs / f"{name}.yaml"))

    def store(self, asset: str, sleeve: str) -> Any:
        return Lakehouse(str(self.root / "lakehouse")).store(asset, sleeve)

    def files(self) -> dict[str, bytes]:
        lake = self.root / "lakehouse"
        return {
            str(path.relative_to(lake)): path.read_bytes()
            for path in sorted(lake.rglob("*.parquet"))
        }

    def copy(self, folder: Path) -> Sleeves:
        shutil.copytree(self.root, folder / "root")
        shutil.copytree(self.data, folder / "data")
        return Sleeves(folder / "root", folder / "data")


def sessions(first: str, last: str) -> np.ndarray:
    return open_calendar("XNYS").sessions(np.datetime64(first), np.datetime64(last))


@pytest.fixture(scope="session")
def two(tmp_path_factory: pytest.TempPathFactory) -> tuple[Sleeves, dict[str, Any]]:
    """Both sleeves over six months, in one run."""
    made = Sleeves(tmp_path_factory.mktemp("sleeves"), tmp_path_factory.mktemp("data"))
    made.configs.mkdir()
    (made.configs / "stocks.yaml").write_text(STOCKS)
    (made.configs / "coins.yaml").write_text(COINS)
    days = sessions("2019-01-02", "2019-06-26")
    # A Saturday: no session of the exchange.
    days = np.sort(np.append(days, np.datetime64("2019-05-04")))
    write_prices(made.data / "stocks.parquet", days, 6, seed=1, late=60)
    every = np.arange(np.datetime64("2019-02-01"), np.datetime64("2019-06-27"))
    write_prices(made.data / "coins.parquet", every, 5, seed=2, late=70)
    return made, made.materialize(f"{FIRST}|coins", f"{LAST}|stocks")
