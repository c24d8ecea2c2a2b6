from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg
import pytest

from quant_core.clock import VirtualClock, use_clock
from quant_core.live import Served
from resources.mlflow_registry import CHALLENGER, CHAMPION

if TYPE_CHECKING:
    from quant_core.live import StrategyRow
    from tests.quant_assets.deployment.conftest import Platform


def checks_of(result: Any) -> dict[str, bool]:
    return {one.check_name: one.passed for one in result.get_asset_check_evaluations()}


def requests(told: Any) -> list[dg.RunRequest]:
    return list(told.run_requests or [])


def word_on(platform: Platform) -> tuple[bool, dg.AssetCheckSeverity, str]:
    (found,) = platform.run("verification").get_asset_check_evaluations()
    return found.passed, found.severity, found.description


def served(row: StrategyRow, **changes: str) -> Served:
    model = row.model
    assert model is not None
    own = {"state": "serving", "model_version": model.version, "sha256": model.sha256}
    return Served(row.name, **{**own, **changes})


def test_the_first_model_that_passes_its_gates_is_champion(platform: Platform) -> None:
    spec = platform.train("2001-03")
    result = platform.run("promotion", "momo")
    assert checks_of(result) == dict.fromkeys(
        ["parity", "serving_parity", "batch_invariance", "rank_ic", "not_worse"], True
    )
    assert platform.registry.aliases() == {"momo": {CHALLENGER: 1, CHAMPION: 1}}
    model = platform.registry.aliased("momo", CHAMPION)
    assert model is not None
    assert model.spec == spec
    assert model.tags["month"] == "2001-03"
    assert model.tags["gates_reason"] == "passed"
    (event,) = result.asset_materializations_for_node("registered_models")
    assert event.metadata["promoted"].value is True
    stored = platform.store("registered_models").receipt("momo")
    assert event.tags["dagster/data_version"] == stored.digest


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"parity": {"rows": 60, "beyond": 0.01}}, "parity: 0.01 is not at most 0"),
        ({"parity": {}}, "parity: missing: no held-out row was compared"),
        ({"serving": {"rows": 0, "beyond": 0.0}}, "serving_parity: missing"),
        (
            {"batch_invariance": {"rows": 5, "identical": False, "max_difference": 1e-9}},
            "batch_invariance: 1e-09 is not at most 0",
        ),
        (
            {"batch_invariance": {"rows": 5, "identical": False, "max_difference": 0.0}},
            "batch_invariance: predictions depend on the rows beside them",
        ),
        ({"rank_ic": None}, "rank_ic: undefined: predictions or outcomes do not differ"),
        ({"rank_ic": -2.0}, "rank_ic: -2 is not at least -1"),
    ],
)
def test_a_model_that_fails_a_gate_stays_challenger(
    platform: Platform, changes: dict[str, Any], reason: str
) -> None:
    platform.train("2001-03", **changes)
    result = platform.run("promotion", "momo")
    failed = [name for name, passed in checks_of(result).items() if not passed]
    assert failed == [reason.split(":", maxsplit=1)[0]]
    assert platform.registry.aliases() == {"momo": {CHALLENGER: 1}}
    assert reason in platform.registry.versions("momo")[0].tags["gates_reason"]
    assert requests(platform.tick(None)) == []


def test_a_challenger_is_compared_with_the_champion_on_the_same_rows(deployed: Platform) -> None:
    deployed.train("2001-06", rank_ic=-0.999, held_out=60)
    result = deployed.run("promotion", "momo")
    (event,) = result.asset_materializations_for_node("registered_models")
    table = deployed.store("registered_models").read("momo").to_pylist()
    (compared,) = [row for row in table if row["gate"] == "not_worse"]
    assert -1 < compared["value"] - 0.999 < 1
    assert compared["passed"]
    assert event.metadata["promoted"].value is True
    assert deployed.registry.aliases() == {"momo": {CHALLENGER: 2, CHAMPION: 2}}


def test_a_champion_of_other_features_is_replaced_by_hand_alone(platform: Platform) -> None:
    spec = platform.train("2001-03").model_copy(update={"feature_hash": "e" * 32})
    platform.registry.register("momo", spec, strategy={}, tags={})
    platform.registry.promote("momo", 1)
    platform.train("2001-06")
    failed = [
        name for name, passed in checks_of(platform.run("promotion", "momo")).items() if not passed
    ]
    assert failed == ["not_worse"]
    why = platform.registry.versions("momo")[1].tags["gates_reason"]
    assert "reads other features: compare the two and promote by hand" in why
    assert platform.registry.aliases() == {"momo": {CHALLENGER: 2, CHAMPION: 1}}


def test_a_model_of_former_features_is_not_registered(platform: Platform) -> None:
    platform.train("2001-03", feature_hash="e" * 32)
    with pytest.raises(dg.Failure, match=r"other features .* materialize strategy_models again"):
        platform.run("promotion", "momo")
    assert platform.registry.aliases() == {}


def test_a_rollback_outlasts_the_next_run(deployed: Platform) -> None:
    deployed.train("2001-06")
    deployed.run("promotion", "momo")
    assert deployed.registry.aliases()["momo"][CHAMPION] == 2
    deployed.registry.promote("momo", 1)
    deployed.run("promotion", "momo")
    assert deployed.registry.aliases()["momo"] == {CHALLENGER: 2, CHAMPION: 1}


def test_a_redeploy_writes_the_row_with_its_lineage(deployed: Platform) -> None:
    row = deployed.row()
    assert (row.name, row.mode, row.allocation) == ("momo", "live", 0.375)
    assert row.instruments == ("AAPL", "JPM", "PG", "XOM")
    assert row.model == deployed.registry.version("momo", 1).spec
    assert row.seed == 3
    lineage = dict(row.lineage)
    assert len(lineage.pop("run_id")) == 36
    assert int(lineage.pop("ledger_seq")) > 0
    assert lineage == {
        "strategy": "momo",
        "month": "2001-03",
        "sleeve": "small",
        "inputs_hash": "11",
        "registered_version": "1",
    }
    (version,) = deployed.database.history("momo")
    assert version.updated_by.startswith("dagster run ")
    table = deployed.store("deployed_models").read("momo").to_pylist()[0]
    assert (table["champion"], table["window"]) == (
        "all/native/equal_weight/window/custom",
        "2001-06-01",
    )


def test_telling_the_same_again_is_no_new_revision(deployed: Platform) -> None:
    before = deployed.database.revision()
    deployed.run("redeploy", "momo")
    assert deployed.database.revision() == before


@pytest.mark.parametrize("weight", [0.0, None])
def test_without_a_place_in_the_champion_portfolio_a_strategy_is_shadow(
    platform: Platform, weight: float | None
) -> None:
    platform.train("2001-03")
    platform.run("promotion", "momo")
    if weight is not None:
        platform.elect(weight=weight)
    platform.run("redeploy", "momo")
    assert (platform.row().mode, platform.row().allocation) == ("shadow", None)
    why = platform.store("deployed_models").read("momo")["why"].to_pylist()[0]
    assert ("nobody was elected yet" if weight is None else "holds none of its atoms") in why


def test_when_nobody_passes_the_gates_nothing_goes_live(platform: Platform) -> None:
    platform.train("2001-03")
    platform.run("promotion", "momo")
    platform.elect("nobody")
    platform.run("redeploy", "momo")
    assert platform.row().mode == "shadow"


def test_without_a_champion_version_there_is_nothing_to_tell(platform: Platform) -> None:
    with pytest.raises(dg.Failure, match="no version has the alias champion"):
        platform.run("redeploy", "momo")
    assert platform.database.rows() == []


def test_the_sensor_asks_once_for_each_move_and_for_a_rollback_too(deployed: Platform) -> None:
    first = deployed.tick(None)
    (request,) = requests(first)
    assert request.partition_key == "momo"
    assert request.tags["registered_version"] == "1"
    assert requests(deployed.tick(first.cursor)) == []

    deployed.train("2001-06")
    deployed.run("promotion", "momo")
    second = deployed.tick(first.cursor)
    assert [one.tags["registered_version"] for one in requests(second)] == ["2"]
    assert requests(deployed.tick(second.cursor)) == []

    deployed.registry.promote("momo", 1)
    third = deployed.tick(second.cursor)
    assert [one.tags["registered_version"] for one in requests(third)] == ["1"]
    keys = [requests(one)[0].run_key for one in (first, second, third)]
    assert len(set(keys)) == 3
    assert requests(deployed.tick(third.cursor)) == []

    deployed.run("redeploy", "momo")
    assert deployed.row().model == deployed.registry.version("momo", 1).spec


def test_the_same_tick_twice_asks_with_the_same_key(deployed: Platform) -> None:
    assert requests(deployed.tick(None))[0].run_key == requests(deployed.tick(None))[0].run_key


def test_a_lost_cursor_begins_behind_what_was_told(deployed: Platform) -> None:
    first = requests(deployed.tick(None))[0].run_key
    deployed.elect(weight=0.1)
    deployed.run("redeploy", "momo")
    again = requests(deployed.tick(None))[0].run_key
    assert again != first


def test_an_election_moves_the_sensor_but_a_failed_one_does_not(deployed: Platform) -> None:
    cursor = deployed.tick(None).cursor
    deployed.elect("nobody")
    told = deployed.tick(cursor)
    assert requests(told) == []
    table = deployed.store("champion").read("small")
    assert table.num_rows == 1
    deployed.elect()
    assert requests(deployed.tick(told.cursor)) == []
    champion = deployed.store("champion").read("small")
    deployed.store("champion").write("small", champion.slice(0, 0))
    assert len(requests(deployed.tick(told.cursor))) == 1


def test_the_cursor_is_readable(deployed: Platform) -> None:
    cursor = json.loads(deployed.tick(None).cursor)
    assert cursor["momo"]["version"] == 1
    assert cursor["momo"]["moves"] == 2


def test_no_runner_has_spoken_yet(deployed: Platform) -> None:
    passed, severity, text = word_on(deployed)
    assert (passed, severity) == (False, dg.AssetCheckSeverity.WARN)
    assert text == "momo: no runner has reported it: start one with `quant runner serve`"


@pytest.mark.parametrize("state", ["serving", "warming"])
def test_a_runner_serves_what_it_was_told(deployed: Platform, state: str) -> None:
    deployed.database.report("runner-1", [served(deployed.row(), state=state)])
    passed, _, text = word_on(deployed)
    assert (passed, text) == (True, "")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"model_version": "2001-01-old"}, "runner-1: serving 2001-01-old ("),
        ({"sha256": "0" * 64}, "(000000000000)"),
        ({"state": "refused", "detail": "checksum"}, "runner-1: refused 2001-03-"),
        ({"state": "quarantined", "detail": "3 failures"}, "3 failures"),
        ({"state": "disabled", "detail": "its row is not enabled"}, "not enabled"),
    ],
)
def test_a_runner_says_otherwise(deployed: Platform, changes: dict[str, str], said: str) -> None:
    deployed.database.report("runner-1", [served(deployed.row(), **changes)])
    deployed.database.report("runner-2", [served(deployed.row())])
    passed, severity, text = word_on(deployed)
    assert (passed, severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert said in text


def test_a_runner_that_was_silent_since_does_not_outweigh_one_that_serves(
    deployed: Platform,
) -> None:
    told = deployed.database.history("momo")[-1].updated_at
    before = VirtualClock(told - timedelta(minutes=5))
    with use_clock(before):
        deployed.database.report("gone", [served(deployed.row(), model_version="old")])
    passed, severity, text = word_on(deployed)
    assert (passed, severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert text.endswith("none has reported since it was told")
    deployed.database.report("runner-1", [served(deployed.row())])
    assert word_on(deployed)[0]
