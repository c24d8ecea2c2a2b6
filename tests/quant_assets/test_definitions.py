from __future__ import annotations

from datetime import UTC, datetime

import dagster as dg
import pytest

from quant_assets.definitions import definitions
from resources.ray_io_manager import RayIOManager

MONTHLY = [
    "atom_returns",
    "feature_matrix",
    "raw_prices",
    "returns_matrix",
    "selected_atoms",
    "strategy_models",
    "universe",
    "weights_cube",
]


@pytest.fixture(scope="module")
def defs() -> dg.Definitions:
    return definitions()


def test_everything_loads(defs: dg.Definitions) -> None:
    dg.Definitions.validate_loadable(defs)
    specs = [spec for spec in defs.resolve_all_asset_specs() if spec.group_name != "deployment"]
    keys = sorted(spec.key.to_user_string() for spec in specs)
    whole = ["simulation_results", "leaderboard", "meta_portfolio", "published_results"]
    assert keys == sorted([*MONTHLY, *whole])


def test_no_asset_can_reach_the_io_manager_that_pickles(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    for node in graph.asset_nodes:
        assert node.io_manager_key == "io_manager"
    assert isinstance(defs.resources["io_manager"], RayIOManager)


def test_a_backfill_of_any_asset_is_one_run(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    for node in graph.asset_nodes:
        assert node.backfill_policy == dg.BackfillPolicy.single_run()
        assert node.code_version is not None
        assert len(node.code_version) == 32


def test_runs_stay_in_one_process(defs: dg.Definitions) -> None:
    assert defs.executor is dg.in_process_executor


def test_what_must_stop_what_follows_is_blocking(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    judging = {"deployment", "verification"}
    keys = [
        key for key in graph.asset_check_keys if graph.get(key.asset_key).group_name not in judging
    ]
    stopping = [key for key in keys if graph.get(key).blocking]
    assert {(key.asset_key.to_user_string(), key.name) for key in stopping} == {
        ("atom_returns", "nothing_from_the_future"),
        ("feature_matrix", "contract"),
        ("leaderboard", "simulators_agree"),
        ("meta_portfolio", "days_are_common"),
        ("meta_portfolio", "nothing_leaks"),
        ("meta_portfolio", "returns_compound"),
        ("meta_portfolio", "weights_within_bounds"),
        ("returns_matrix", "contract"),
        ("returns_matrix", "kept_plus_dropped_is_in"),
        ("selected_atoms", "winners_are_members"),
        ("simulation_results", "paths_add_up"),
        ("strategy_models", "batch_invariance"),
        ("strategy_models", "onnx_parity"),
        ("strategy_models", "trained_on_the_past"),
        ("weights_cube", "contract"),
        ("weights_cube", "nothing_from_the_future"),
        ("weights_cube", "weights_within_limits"),
    }
    audits = ["calendar", "drift", "gaps", "jumps", "lives", "stale_prices"]
    assert {(key.asset_key.to_user_string(), key.name) for key in set(keys) - set(stopping)} == {
        ("feature_matrix", "drift"),
        ("raw_prices", "observations"),
        *(("returns_matrix", name) for name in audits),
    }


@pytest.mark.parametrize(
    ("job", "assets"),
    [
        ("research", MONTHLY),
        ("simulation", ["simulation_results"]),
        ("ranking", ["leaderboard"]),
        ("portfolios", ["meta_portfolio"]),
        ("reproduction", ["published_results"]),
    ],
)
def test_jobs(defs: dg.Definitions, job: str, assets: list[str]) -> None:
    found = defs.resolve_job_def(job)
    keys = found.asset_layer.selected_asset_keys
    assert sorted(key.to_user_string() for key in keys) == assets


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (datetime(2022, 6, 1, 6, tzinfo=UTC), ["2022-05|us_equity"]),
        (datetime(2023, 1, 1, 6, tzinfo=UTC), ["2022-12|us_equity"]),
        (datetime(2023, 2, 1, 6, tzinfo=UTC), []),
    ],
)
def test_the_schedule_launches_the_month_that_has_ended(
    defs: dg.Definitions, day: datetime, expected: list[str]
) -> None:
    schedule = defs.resolve_schedule_def("monthly")
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_schedule_context(
            instance=instance,
            scheduled_execution_time=day,
            repository_def=defs.get_repository_def(),
        )
        found = schedule.evaluate_tick(context)
    assert [request.partition_key for request in found.run_requests] == expected
    if not expected:
        assert found.skip_message == "no sleeve has data for 2023-01"


def test_what_follows_the_cube_brings_itself_up_to_date(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    with_condition = {
        node.key.to_user_string()
        for node in graph.asset_nodes
        if node.automation_condition and node.group_name != "deployment"
    }
    assert with_condition == {"simulation_results", "leaderboard", "meta_portfolio"}
    assert defs.resolve_sensor_def("automation").default_status is dg.DefaultSensorStatus.RUNNING


def test_simulators_that_no_file_names_are_left_to_people(defs: dg.Definitions) -> None:
    simulated = dg.AssetSelection.assets("simulation_results")
    requested, cursor = [], None
    with dg.DagsterInstance.ephemeral() as instance:
        for content in ("one", "other"):
            instance.report_runless_asset_event(
                dg.AssetMaterialization(
                    "weights_cube",
                    partition="1991-01|us_equity",
                    tags={"dagster/data_version": content},
                )
            )
            found = dg.evaluate_automation_conditions(
                defs, instance, asset_selection=simulated, cursor=cursor
            )
            requested.append(found.get_requested_partitions(dg.AssetKey("simulation_results")))
            cursor = found.cursor
    assert requested == [set(), {"custom|us_equity"}]
