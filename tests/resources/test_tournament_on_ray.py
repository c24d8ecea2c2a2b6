"""A tournament on Ray has the bytes of the serial one."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from quant_core.config import parse_config
from quant_core.tournament import run

if TYPE_CHECKING:
    from pathlib import Path

    from resources.ray_compute import RayCompute

FILES = ("leaderboard", "nav", "selected_atoms", "weights_cube", "window_metrics")

ONE_WORKER = """
import json, sys
from quant_core.config import parse_config
from quant_core.tournament import run
from resources.ray_compute import RayCompute

config = parse_config(json.loads(sys.argv[1]))
with RayCompute(num_cpus=1, object_store_memory=2**27) as compute:
    run(config, out=sys.argv[2], compute=compute)
    rerun = run(config, out=sys.argv[2], compute=compute)
print(json.dumps(rerun.counts))
"""


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    path = tmp_path_factory.mktemp("returns") / "returns.csv"
    dates = np.busday_offset("2020-01-01", np.arange(200), roll="forward")
    values = np.random.default_rng(6).normal(0.0005, 0.01, (200, 7))
    lines = ["date,A,B,C,D,E,F,INDEX"]
    for day, row in zip(dates, values.tolist(), strict=True):
        lines.append(",".join([str(day), *map(repr, row)]))
    path.write_text("\n".join(lines) + "\n")
    return {
        "data": {"returns": str(path)},
        "benchmark": "INDEX",
        "windows": {"train": 40, "step": "week"},
        "selections": ["all", {"name": "clustered", "clusters": 3}],
        "profiles": ["market", "max_sharpe", "hrp", {"name": "min_variance", "cap": 0.4}],
        "rebalances": ["window", "daily_5pct"],
    }


@pytest.fixture(scope="module")
def serial(config: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    out = tmp_path_factory.mktemp("serial")
    run(parse_config(config), out=out)
    return contents(out)


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / f"{name}.parquet").read_bytes() for name in FILES}


def test_two_workers(
    ray_compute: RayCompute, config: dict[str, Any], serial: dict[str, bytes], tmp_path: Path
) -> None:
    result = run(parse_config(config), out=tmp_path, compute=ray_compute)
    assert result.counts["solve"][0] == 0
    assert contents(tmp_path) == serial


def test_one_worker(config: dict[str, Any], serial: dict[str, bytes], tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ONE_WORKER, json.dumps(config), str(tmp_path)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert [computed for _, computed in json.loads(done.stdout).values()] == [0, 0, 0]
    assert contents(tmp_path) == serial


def test_a_rerun_that_finds_everything_does_not_start_ray(
    config: dict[str, Any], serial: dict[str, bytes], tmp_path: Path
) -> None:
    run(parse_config(config), out=tmp_path)
    script = """
import json, sys
from quant_core.config import parse_config
from quant_core.tournament import run
from resources.ray_compute import RayCompute

with RayCompute() as compute:
    run(parse_config(json.loads(sys.argv[1])), out=sys.argv[2], compute=compute)
    print("ray" in sys.modules, compute.leftovers())
"""
    done = subprocess.run(
        [sys.executable, "-c", script, json.dumps(config), str(tmp_path)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert done.stdout == "False 0\n"
    assert contents(tmp_path) == serial
