from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from quant_core.compute import SerialCompute
from quant_core.tournament import run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from quant_core.tournament import Result
    from tests.quant_core.tournament.conftest import Market

FILES = ("leaderboard", "nav", "selected_atoms", "weights_cube", "window_metrics")


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / f"{name}.parquet").read_bytes() for name in FILES}


class Shuffled:
    """A backend of many workers whose results come in any order, each from a fresh start."""

    name = "shuffled"

    def __init__(self, workers: int) -> None:
        self.workers = workers

    def map[U, R](
        self,
        function: Callable[[U, Mapping[str, np.ndarray]], R],
        units: Sequence[U],
        *,
        shared: Mapping[str, np.ndarray],
        seconds_per_unit: float = 0.1,
    ) -> Iterator[tuple[int, R]]:
        order = list(range(len(units)))
        random.Random(self.workers).shuffle(order)  # noqa: S311 - an order, no secret
        for number in order:
            alone = SerialCompute().map(
                function, [units[number]], shared=shared, seconds_per_unit=seconds_per_unit
            )
            yield number, next(alone)[1]

    def close(self) -> None:
        """Release nothing."""


def test_two_fresh_runs(market: Market, base: Result) -> None:
    assert contents(market.run("again").out) == contents(base.out)


def test_a_rerun_in_the_same_folder_changes_no_byte(market: Market) -> None:
    first = market.run("rerun")
    before = contents(first.out)
    stamps = {name: (first.out / f"{name}.parquet").stat().st_mtime_ns for name in FILES}
    second = run(market.config("rerun"), out=first.out)
    assert second.counts == {"selection": (12, 0), "solve": (48, 0), "simulation": (16, 0)}
    assert contents(first.out) == before
    for name in ("nav", "selected_atoms", "weights_cube"):
        assert (first.out / f"{name}.parquet").stat().st_mtime_ns == stamps[name]


@pytest.mark.parametrize("workers", [1, 3, 16])
def test_any_number_of_workers_in_any_order(market: Market, base: Result, workers: int) -> None:
    out = market.folder / f"workers{workers}"
    run(market.config(), out=out, compute=Shuffled(workers))
    assert contents(out) == contents(base.out)


def test_any_order_of_rows_and_columns(market: Market, base: Result) -> None:
    drawn = np.random.default_rng(2)
    mixed = market.rows(drawn.permutation(len(market.dates)))
    mixed = mixed.columns(drawn.permutation(len(market.symbols)))
    assert contents(mixed.run("mixed").out) == contents(base.out)


def test_any_order_of_keys(market: Market, base: Result) -> None:
    turned: dict[str, Any] = {
        "profiles": [
            "equal_weight",
            "market",
            {"covariance": "sample", "name": "max_sharpe"},
            {"cap": 0.5, "name": "min_variance"},
        ],
        "windows": {"step": "month", "train": 40},
    }
    assert contents(market.run("turned", **turned).out) == contents(base.out)


@pytest.mark.parametrize("seed", ["0", "1"])
def test_any_hash_seed(market: Market, base: Result, seed: str) -> None:
    out = market.folder / f"hash{seed}"
    data = json.dumps(market.config().resolved())
    script = f"""
import json
from quant_core.config import parse_config
from quant_core.tournament import run
run(parse_config(json.loads({data!r})), out={str(out)!r})
"""
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    subprocess.run([sys.executable, "-c", script], check=True, env=environment)
    assert contents(out) == contents(base.out)
