"""Waiting for the word of runners, on a clock that moves by sleeping alone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from quant_assets._serving import wait_for_word
from quant_core.clock import VirtualClock, use_clock
from quant_core.features import Feature, FeatureSet
from quant_core.live import Served, StrategyRow
from quant_core.models import ModelSpec, Signature
from resources.strategy_database import StrategyDatabase

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FEATURES = FeatureSet(features=(Feature(kind="momentum", window=5),))
MODEL = ModelSpec(
    uri="m.onnx",
    sha256="a" * 64,
    framework="numpy",
    version="2001-03-a",
    signature=Signature(inputs=1),
    feature_hash=FEATURES.hash,
)
GOOD = Served("momo", "serving", MODEL.version, MODEL.sha256)
BAD = Served("momo", "serving", "older", "b" * 64)


class Runner(VirtualClock):
    """A clock on which a runner reports its swap once somebody has slept long enough."""

    def __init__(self, database: StrategyDatabase, swaps: float) -> None:
        super().__init__(datetime(2026, 1, 1, tzinfo=UTC))
        self._database, self._swaps = database, swaps

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        if self.seconds() >= self._swaps:
            self._database.report("runner-1", [GOOD])


@pytest.fixture
def database(tmp_path: Path) -> Iterator[StrategyDatabase]:
    with StrategyDatabase(str(tmp_path / "strategies.db")) as opened:
        yield opened


@pytest.mark.parametrize(
    ("swaps", "patience", "serves", "slept"),
    [(3.0, 20.0, True, 3.0), (30.0, 20.0, False, 20.0), (0.0, 0.0, False, 0.0)],
)
def test_a_runner_has_so_long_to_swap(
    database: StrategyDatabase, swaps: float, patience: float, *, serves: bool, slept: float
) -> None:
    with use_clock(Runner(database, swaps)) as clock:
        database.put(StrategyRow(name="momo", features=FEATURES, model=MODEL), by="test")
        database.report("runner-1", [BAD])
        words = wait_for_word(database, ["momo"], patience=patience)
        assert (words["momo"].serves, clock.seconds()) == (serves, slept)


def test_nobody_waits_for_runners_that_never_spoke(database: StrategyDatabase) -> None:
    with use_clock(Runner(database, 1.0)) as clock:
        database.put(StrategyRow(name="momo", features=FEATURES, model=MODEL), by="test")
        words = wait_for_word(database, ["momo"], patience=20.0)
        assert (words["momo"].serves, clock.seconds()) == (None, 0.0)
