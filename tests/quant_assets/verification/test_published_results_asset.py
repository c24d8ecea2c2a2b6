from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg
import pyarrow.parquet as pq
import pytest

from quant_assets.definitions import definitions
from quant_assets.defs.verification import published_results as module
from quant_core.verification import PublishedResult, results_table
from resources.ray_io_manager import RayIOManager

if TYPE_CHECKING:
    from pathlib import Path

WEALTH = PublishedResult("portfolios", "wealth", "a book", 1.61, 0.005)
RESULTS = (WEALTH.found(1.6129, "held"), WEALTH.lacking("not installed"))


def run(folder: Path) -> Any:
    with dg.DagsterInstance.ephemeral() as instance:
        return (
            definitions()
            .resolve_job_def("reproduction")
            .execute_in_process(
                instance=instance,
                resources={"io_manager": RayIOManager(lakehouse=str(folder))},
                raise_on_error=False,
            )
        )


@pytest.mark.parametrize(
    ("results", "passed", "why"),
    [
        (RESULTS, True, ""),
        ((*RESULTS, WEALTH.found(1.7)), False, "portfolios, wealth: 1.61, measured 1.7"),
    ],
)
def test_the_asset_stores_what_was_found_and_its_check_says_what_is_off(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    results: tuple[PublishedResult, ...],
    why: str,
    *,
    passed: bool,
) -> None:
    asked: list[str | None] = []

    def found(riskfolio_sdist: str | None) -> tuple[PublishedResult, ...]:
        asked.append(riskfolio_sdist)
        return results

    monkeypatch.setattr(module, "verify", found)
    result = run(tmp_path)
    assert result.success
    assert asked == [None]
    [stored] = (tmp_path / "published_results").rglob("*.parquet")
    assert pq.read_table(stored).equals(results_table(results))
    [check] = result.get_asset_check_evaluations()
    assert (check.passed, check.severity) == (passed, dg.AssetCheckSeverity.ERROR)
    assert check.description == why
    [event] = result.asset_materializations_for_node("published_results")
    assert event.metadata["agrees"].value == 1
    assert event.metadata["off"].value == len(results) - len(RESULTS)
    assert event.metadata["unavailable"].value == 1
    assert "| portfolios | wealth | 1.61 | 1.613 | 0.005 | agrees | held |" in (
        event.metadata["results"].value
    )


def test_the_schedule_launches_it_every_monday() -> None:
    schedule = definitions().resolve_schedule_def("weekly")
    assert (schedule.cron_schedule, schedule.job_name) == ("0 5 * * 1", "reproduction")
