from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg
import pytest

from quant_assets._fidelity import with_simulators
from quant_assets._sleeves import sleeves
from quant_assets.definitions import definitions
from quant_assets.partitions import SIMULATED
from resources.lakehouse import Lakehouse

if TYPE_CHECKING:
    from pathlib import Path

    from tests.quant_assets.conftest import Graph

ALL = ["custom", "cvxportfolio", "nautilus", "vectorbt"]


def test_every_simulator_is_a_partition_of_every_sleeve() -> None:
    keys = SIMULATED.get_partition_keys()
    assert sorted(keys) == sorted(f"{name}|{sleeve}" for name in ALL for sleeve in sleeves())
    config = sleeves()["us_equity"].config
    for name in ALL:
        (choice,) = with_simulators(config, name).simulators
        assert (choice.label, choice.spec.name) == (name, name)


@pytest.mark.parametrize("job", ["simulation", "ranking"])
def test_the_launchpad_offers_the_tiers(job: str) -> None:
    found = definitions().resolve_job_def(job)
    (asset,) = (key.to_user_string() for key in found.asset_layer.selected_asset_keys)
    chosen = {"ops": {asset: {"config": {"fidelity": "high", "finalists": 5}}}}
    assert dg.validate_run_config(found, chosen)["ops"][asset]["config"]["finalists"] == 5
    chosen["ops"][asset]["config"]["fidelity"] = "highest"
    with pytest.raises(dg.DagsterInvalidConfigError):
        dg.validate_run_config(found, chosen)


@pytest.fixture(scope="module")
def medium(graph: tuple[Graph, Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A copy of the graph whose sleeve was simulated and ranked as chosen in the launchpad."""
    pytest.importorskip("vectorbt", reason="vectorbt is not installed (extra simulators)")
    made = graph[0].copy(tmp_path_factory.mktemp("medium"))
    chosen = {"fidelity": "medium", "finalists": 2}
    simulated = made.run("simulation", "custom|us_equity", config=chosen)
    return made, simulated, made.run("ranking", "us_equity", config=chosen)


def test_a_chosen_tier_is_simulated_whole(medium: Any) -> None:
    made, simulated, _ = medium
    events = {
        event.partition: event.tags["dagster/data_version"]
        for event in simulated.asset_materializations_for_node("simulation_results")
    }
    assert events == {
        f"{name}|us_equity": made.store("simulation_results").receipt(name).digest
        for name in ("custom", "vectorbt")
    }


def test_finalists_are_told_from_the_rest_and_simulators_agree(medium: Any) -> None:
    made, _, ranked = medium
    (event,) = ranked.asset_materializations_for_node("leaderboard")
    cells = 4 * 9 * 3
    assert event.metadata["statuses"].value == {"not a finalist": cells - 2, "ok": cells + 2}
    (check,) = ranked.get_asset_check_evaluations()
    assert (check.check_name, check.passed, check.blocking) == ("simulators_agree", True, True)
    assert check.metadata["us_equity"].value == {"agrees": 4, "not compared": cells - 2}
    assert made.store("simulation_results").partitions() == ["custom", "vectorbt"]


def test_parity_is_drawn_where_two_simulators_told_the_same_paths(medium: Any) -> None:
    _, simulated, ranked = medium
    pictures = {
        event.partition: {name for name in event.metadata if name in {"nav", "simulator_parity"}}
        for event in simulated.asset_materializations_for_node("simulation_results")
    }
    assert pictures == {
        "custom|us_equity": {"nav"},
        "vectorbt|us_equity": {"nav", "simulator_parity"},
    }
    (event,) = ranked.asset_materializations_for_node("leaderboard")
    told = {"sharpe_ratios", "frontier", "best_weights", "simulator_parity", "engine_agreement"}
    assert told & event.metadata.keys() == told - {"engine_agreement"}
    for name in told - {"engine_agreement"}:
        assert "](data:image/png;base64," in event.metadata[name].value


def test_the_cube_is_drawn_by_symbol(graph: tuple[Graph, Any]) -> None:
    *_, last = graph[1].asset_materializations_for_node("weights_cube")
    assert {"weights", "by_symbol"} <= last.metadata.keys()
    assert "engine_agreement" not in last.metadata  # one engine


def test_nothing_compared_is_a_warning_and_no_agreement(medium: Any) -> None:
    made, *_ = medium
    result = made.run("ranking", "us_equity")
    (check,) = result.get_asset_check_evaluations()
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert check.description == "us_equity: no path was compared with another simulator's"


def test_simulators_that_differ_stop_what_follows(medium: Any, tmp_path: Path) -> None:
    made = medium[0].copy(tmp_path)
    store = made.store("simulation_results")
    table = store.read("vectorbt")
    nav = table["nav"].to_numpy() * (1.0 + 1e-8)
    column = table.schema.get_field_index("nav")
    store.write("vectorbt", table.set_column(column, table.schema.field("nav"), [nav]))
    with pytest.raises(dg.DagsterError, match="leaderboard: simulators_agree"):
        made.run("ranking", "us_equity", config={"fidelity": "medium", "finalists": 2})
    board = Lakehouse(str(tmp_path / "lakehouse")).store("leaderboard").read("us_equity")
    flagged = [row for row in board.to_pylist() if row["parity"] == "differs"]
    assert len(flagged) == 4
    assert all(row["parity_gap"] == pytest.approx(1e-8, rel=1e-3) for row in flagged)
    assert all("parity: 100 is not at most 1" in row["gates_failed"] for row in flagged)
