from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from quant_core.cells import parquet_bytes
from quant_core.config import load_config
from quant_core.ledger import verify
from quant_core.meta import SleeveFolder, load_nested, run_meta
from quant_core.tournament import run
from resources.lakehouse import Lakehouse

SCRIPT = Path(__file__).with_name("run_graph.py")
REPOSITORY = Path(__file__).parents[3]
CHECKS = ("nothing_leaks", "weights_within_bounds", "days_are_common", "returns_compound")

SLEEVE = """
sleeve: {name}
periods_per_year: {year}
data: {{prices: "{data}", start: 2019-01-01, end: 2019-08-31}}
windows: {{train: {train}, step: {step}}}
selections: [all]
profiles: [equal_weight, min_variance]
rebalances: [window]
simulators: [custom]
"""
BOTH = """
name: both
members: [{sleeve: stocks}, {sleeve: coins, choose: best}]
profiles: [equal_weight, min_variance]
windows: {train: 20, step: month}
bounds: {most: 0.9}
"""
NEST = """
name: nest
members: [{meta: both}, {sleeve: coins}]
profiles: [min_variance]
windows: {train: 15, step: month}
bounds: {most: 0.9}
"""


def write_prices(path: Path, days: np.ndarray, seed: int, spread: float) -> None:
    steps = np.random.default_rng(seed).normal(0.0005, spread, (len(days), 3))
    prices = 50 * np.exp(np.cumsum(steps, axis=0))
    columns = {"date": days.astype("datetime64[ms]")}
    columns |= {f"{path.stem}{at}": prices[:, at] for at in range(3)}
    pq.write_table(pa.table(columns), path)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    root = tmp_path_factory.mktemp("meta")
    every = np.arange(np.datetime64("2019-01-01"), np.datetime64("2019-09-01"))
    write_prices(root / "coins.parquet", every, 1, 0.05)
    write_prices(root / "stocks.parquet", every[np.is_busday(every)], 2, 0.01)
    folder = root / "sleeves"
    (folder / "meta").mkdir(parents=True)
    for name, year, train, step in (("coins", 365, 20, "week"), ("stocks", 252, 30, "month")):
        told = {"name": name, "year": year, "train": train, "step": step}
        text = SLEEVE.format(data=root / f"{name}.parquet", **told)
        (folder / f"{name}.yaml").write_text(text)
    (folder / "meta" / "both.yaml").write_text(BOTH)
    (folder / "meta" / "nest.yaml").write_text(NEST)
    environment = {
        **os.environ,
        "TV_SLEEVES": str(folder),
        "DAGSTER_HOME": "",
        "PYTHONPATH": str(REPOSITORY),
    }
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(root)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return root, json.loads((root / "told.json").read_text())


def test_the_portfolio_is_a_partition_with_checks_plots_and_a_version(
    made: tuple[Path, list[dict[str, Any]]],
) -> None:
    root, told = made
    first, nest, again = told[-3:]
    assert first["checks"] == nest["checks"] == dict.fromkeys(CHECKS, True)
    event = first["events"][0]
    receipt = Lakehouse(str(root / "lakehouse")).store("meta_portfolio").receipt("both")
    assert receipt is not None
    assert event["partition"] == "both"
    assert event["version"] == receipt.digest == again["events"][0]["version"]
    facts = event["metadata"]
    assert facts["members"] == ["stocks", "coins"]
    assert facts["leakage"] <= 1e-6
    assert facts["paths"].startswith("![")
    assert facts["member_weights"].startswith("![")
    assert (facts["hits"], facts["computed"]) == (0, 2 * facts["windows"])
    facts = again["events"][0]["metadata"]
    assert (facts["hits"], facts["computed"]) == (2 * facts["windows"], 0)
    trail = root / "audit" / "both.jsonl"
    assert verify(trail).problem is None
    assert verify(trail).head.hash == facts["ledger_head"]


def test_the_graph_says_what_the_library_says(
    made: tuple[Path, list[dict[str, Any]]], tmp_path: Path
) -> None:
    root, _ = made
    folders = {}
    for name in ("coins", "stocks"):
        run(load_config(str(root / "sleeves" / f"{name}.yaml")), out=tmp_path / name)
        folders[name] = SleeveFolder.open(tmp_path / name, name=name)
    metas = load_nested(str(root / "sleeves" / "meta" / "nest.yaml"))
    result = run_meta(metas, folders, out=tmp_path / "nest")
    lake = Lakehouse(str(root / "lakehouse"))
    stored = lake.store("meta_portfolio").read("nest")
    assert stored is not None
    assert stored.to_pylist() == result.tables.holdings.to_pylist()
    for part in ("weights", "nav", "streams"):
        own = lake.store(f"meta_{part}").read("nest")
        assert own is not None
        assert own.to_pylist() == getattr(result.tables, part).to_pylist()
    again = run_meta(metas, folders, out=tmp_path / "nest")
    assert (again.hits, again.computed) == (result.computed, 0)
    for part in ("weights", "nav", "holdings"):
        found = [parquet_bytes(getattr(one.tables, part)) for one in (result, again)]
        assert found[0] == found[1]
