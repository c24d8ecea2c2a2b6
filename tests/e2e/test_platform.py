"""The README's section on the asset graph, followed on a real platform."""

from __future__ import annotations

import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
from selenium.common.exceptions import StaleElementReferenceException

from quant_core import load_config, run
from tests.e2e._platform import BIN, ROOT, Platform, launch_tags, unfinished, wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from selenium.webdriver.chrome.webdriver import WebDriver

MONTHS = 24
ASSETS = {
    "raw_prices": MONTHS,
    "returns_matrix": MONTHS,
    "feature_matrix": MONTHS,
    "strategy_models": MONTHS,
    "atom_returns": MONTHS,
    "universe": MONTHS,
    "selected_atoms": MONTHS,
    "weights_cube": MONTHS,
    "simulation_results": 1,
    "leaderboard": 1,
}
MATERIALIZED = """
query Materialized($keys: [AssetKeyInput!]) {
  assetNodes(assetKeys: $keys) {
    assetKey { path }
    partitionStats { numMaterialized numFailed numPartitions }
  }
}
"""


def _materialized(platform: Platform) -> dict[str, int]:
    keys = [{"path": [name]} for name in ASSETS]
    nodes = platform.query(MATERIALIZED, keys=keys)["assetNodes"]
    return {
        node["assetKey"]["path"][0]: node["partitionStats"]["numMaterialized"] for node in nodes
    }


def _button(browser: WebDriver, text: str) -> Any:
    found = browser.find_elements("xpath", f"//button[contains(., '{text}')]")
    return next((one for one in found if one.is_displayed() and one.is_enabled()), None)


def _launch(browser: WebDriver) -> Any:
    """Return the button that launches, or ask again for all partitions of both dimensions.

    The dialog forgets what was chosen before it had loaded the partitions.
    """
    with suppress(StaleElementReferenceException):
        launch = _button(browser, "Launch backfill")
        if launch is not None:
            return launch
        for choice in browser.find_elements("xpath", "//button[normalize-space(.)='All']"):
            if choice.is_displayed():
                choice.click()
    return None


@pytest.fixture(scope="module")
def researched(platform: Platform, browser: WebDriver) -> Platform:
    """Materialize all months from the browser; where that fails, what reads them fails with it."""
    browser.get(f"{platform.url}/locations/quant-assets/jobs/research")
    wait_for(
        lambda: _button(browser, "Materialize all"), seconds=120, what="the button of the job"
    ).click()
    wait_for(lambda: _launch(browser), seconds=120, what="a complete selection", every=2).click()
    wait_for(
        lambda: _materialized(platform) == ASSETS,
        seconds=1800,
        what=f"all assets, see {platform.log}",
    )
    wait_for(lambda: not unfinished(platform), seconds=1800, what="the last run to end")
    return platform


def test_all_months_are_materialized_from_the_browser_in_one_run(researched: Platform) -> None:
    assert {one["status"] for one in researched.runs()} == {"SUCCESS"}
    assert sum(one["jobName"] == "research" for one in researched.runs()) == 1


def test_the_graph_gives_the_numbers_of_the_plain_library(
    researched: Platform, tmp_path: Path
) -> None:
    config = load_config(str(researched.home / "sleeves" / "small.yaml"))
    alone = run(config, out=tmp_path).leaderboard
    table = pq.read_table(researched.home / "lakehouse" / "leaderboard" / "small.parquet")
    figures = [name for name in table.column_names if name != "sleeve"]
    assert table.select(figures).to_pylist() == alone.select(figures).to_pylist()


def test_a_job_launched_from_a_shell_finds_every_cell(researched: Platform) -> None:
    before = {one["runId"] for one in researched.runs()}
    tags = launch_tags("2006-01|small", "2007-12|small")
    workspace = ["--workspace", str(ROOT / "workspace.yaml")]
    job = ["--job", "research", "--tags", tags]
    command = [str(BIN / "dagster"), "job", "launch", *workspace, *job]
    subprocess.run(command, check=True, env=researched.env, cwd=researched.home, timeout=300)

    def launched() -> list[dict[str, Any]]:
        # The automation may launch runs of its own meanwhile.
        mine = [one for one in researched.runs() if one["jobName"] == "research"]
        found = [one for one in mine if one["runId"] not in before]
        return [one for one in found if one["status"] in {"SUCCESS", "FAILURE", "CANCELED"}]

    found = wait_for(launched, seconds=1800, what="the launched run")
    assert [one["status"] for one in found] == ["SUCCESS"]
    assert _computed(researched, found[0]["runId"]) == {
        "selected_atoms": 0,
        "strategy_models": 0,
        "weights_cube": 0,
    }


def _computed(platform: Platform, run_id: str) -> dict[str, int]:
    """Add up the cells that a run computed, as its materializations say."""
    query = """
    query Events($runId: ID!) {
      logsForRun(runId: $runId, limit: 5000) {
        ... on EventConnection { events { ... on MaterializationEvent {
          assetKey { path }
          metadataEntries { label ... on IntMetadataEntry { intValue } }
        } } }
      }
    }
    """
    total: dict[str, int] = {}
    for event in platform.query(query, runId=run_id)["logsForRun"]["events"]:
        for entry in event.get("metadataEntries", []):
            if entry["label"] == "computed":
                name = event["assetKey"]["path"][0]
                total[name] = total.get(name, 0) + entry["intValue"]
    return total


def test_the_leaderboard_is_a_page_that_shows_its_plots(
    researched: Platform, browser: WebDriver
) -> None:
    browser.get(f"{researched.url}/assets/leaderboard?view=overview")
    text = browser.find_element("tag name", "body")
    for shown in ("sharpe_ratios", "ledger_head", "Show Markdown"):
        wait_for(lambda wanted=shown: wanted in text.text, seconds=120, what=f"{shown} on the page")
    severe = [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    assert severe == []
