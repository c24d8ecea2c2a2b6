from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from quant_core.compute import SerialCompute
from quant_core.data import ingest, open_source
from quant_core.models import ModelStore
from quant_core.strategies import (
    FeatureMatrix,
    ModelRecord,
    TrainingPlan,
    distinct_features,
    features_of,
    models_table,
    plan_trainings,
    rank_ic,
    read_models,
    served_records,
    train_models,
    trained_for,
)
from tests.quant_core.strategies.conftest import STRATEGY

if TYPE_CHECKING:
    from pathlib import Path

    from quant_core.config import TournamentConfig
    from quant_core.data import ReturnsMatrix
    from tests.quant_core.strategies.conftest import Prices

MONTHS = [f"2020-{month:02d}" for month in range(1, 13)]


def market(config: TournamentConfig) -> tuple[ReturnsMatrix, FeatureMatrix]:
    assert config.data is not None
    found = ingest(open_source(config.data), config.data, prices=True)
    wanted = distinct_features(config.strategies)
    return found.matrix, features_of(found.matrix, found.prices, wanted, periods_per_year=252)


def planned(
    config: TournamentConfig, stored: list[ModelRecord], store: Path, months: Any = MONTHS
) -> TrainingPlan:
    kept = ModelStore(str(store)).holds
    return plan_trainings(*market(config), config, months, stored, kept=kept)


def trained(config: TournamentConfig, store: Path) -> list[ModelRecord]:
    plan = planned(config, [], store)
    facts = train_models(plan, *market(config), str(store), compute=SerialCompute())
    return served_records(plan, facts)


@pytest.mark.parametrize(
    ("every", "month", "expected"),
    [(1, "2020-05", "2020-05"), (3, "2020-05", "2020-04"), (12, "2020-12", "2020-01")],
)
def test_trainings_hang_on_the_calendar(
    prices: Prices, every: int, month: str, expected: str
) -> None:
    training = {**STRATEGY["training"], "retrain_months": every}
    config = prices.config(strategies=[{**STRATEGY, "training": training}])
    assert trained_for(config.strategies[0], month) == expected


def test_a_model_serves_until_the_next_training_and_none_before_the_first(
    prices: Prices, tmp_path: Path
) -> None:
    records = trained(prices.config(), tmp_path / "models")
    assert [one.month for one in records] == MONTHS
    early = [one.status for one in records if not one.ok]
    assert early == [
        "insufficient history: expected 60 dates before 2020-01, found none",
        "insufficient history: expected 60 dates before 2020-01, found none",
        "insufficient history: expected 60 dates before 2020-03, found 43",
        "insufficient history: expected 60 dates before 2020-03, found 43",
    ]
    served = {one.month: one.sha256 for one in records if one.ok}
    assert served["2020-05"] == served["2020-06"] != served["2020-07"] == served["2020-08"]
    for one in records:
        assert one.train_last < f"{one.month}-01"
        assert one.sha256 == "" or one.parity["passed"]
        assert one.sha256 == "" or one.batch_invariance["identical"]
    assert read_models(models_table("small", records)) == records


def test_a_second_plan_finds_every_model(prices: Prices, tmp_path: Path) -> None:
    store, config = tmp_path / "models", prices.config()
    records = trained(config, store)
    again = planned(config, records, store)
    assert (again.cached, again.stale) == (4, 0)
    for file in store.rglob("*.onnx"):
        file.unlink()
    assert planned(config, records, store).reasons == {"model missing": 4}


@pytest.mark.parametrize(
    ("change", "stale"),
    [
        ({"decision": {"kind": "scaled", "scale": 0.01}}, {}),
        ({"directions": ["short"]}, {}),
        ({"model": {"kind": "linear", "alpha": 2}}, {"parameters changed": 4}),
        ({"horizon": 3}, {"parameters changed": 4}),
        ({"name": "other"}, {"new": 4}),
        ({"symbols": ["AA", "CC"]}, {"inputs changed": 4}),
    ],
)
def test_what_makes_a_model_stale(
    prices: Prices, tmp_path: Path, change: dict[str, Any], stale: dict[str, int]
) -> None:
    store = tmp_path / "models"
    records = trained(prices.config(), store)
    changed = prices.config(strategies=[{**STRATEGY, **change}])
    assert planned(changed, records, store).reasons == stale
    assert planned(prices.config(seed=1), records, store).reasons == {"parameters changed": 4}


def test_a_later_price_makes_no_earlier_model_stale(prices: Prices, tmp_path: Path) -> None:
    store = tmp_path / "models"
    records = trained(prices.config(), store)
    later = prices.changed(200, "AA", 1.5)
    assert str(later.dates[200]) == "2020-10-07"
    plan = planned(later.config("later"), records, store)
    assert [one.month for one in plan.trainings if one.stale] == ["2020-11"]
    assert trained(prices.until(180).config("short"), tmp_path / "other")[:9] == records[:9]


def test_equal_input_gives_equal_bytes(prices: Prices, tmp_path: Path) -> None:
    model = {"kind": "hist_gradient_boosting", "trees": 5, "min_rows": 5}
    config = prices.config(strategies=[{**STRATEGY, "model": model}])
    one, other = trained(config, tmp_path / "one"), trained(config, tmp_path / "other")
    assert one == other
    assert {record.serving["backend"] for record in one if record.ok} == {"trees"}


def test_rank_ic_is_the_mean_over_dates() -> None:
    dates = np.array([0, 0, 0, 1, 1, 1, 2])
    predictions = np.array([1.0, 2, 3, 1, 2, 3, 9])
    outcomes = np.array([1.0, 2, 3, 3, 2, 1, 0])
    assert rank_ic(predictions, outcomes, dates) == 0.0
    assert rank_ic(predictions[:3], outcomes[:3], dates[:3]) == 1.0
    assert rank_ic(predictions[[0, 3]], outcomes[[0, 3]] * 0, dates[[0, 3]]) != 0.0
