"""Simulators of other libraries in a tournament: their limits, and what becomes of the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from quant_core.simulators import simulate_apart
from quant_core.tournament import plan

if TYPE_CHECKING:
    from quant_core.tournament import Result
    from tests.quant_core.tournament.conftest import Market

AXES: dict[str, Any] = {
    "selections": ["all"],
    "profiles": ["equal_weight"],
    "rebalances": ["window"],
    "directions": ["short"],
    "simulators": [
        "custom",
        {"name": "vectorbt", "as": "hurried", "time_limit": 1e-3},
        "cvxportfolio",
    ],
}


@pytest.fixture(scope="module")
def result(market: Market) -> Result:
    for name in ("vectorbt", "cvxportfolio"):
        pytest.importorskip(name, reason=f"{name} is not installed (extra simulators)")
    return market.run("apart", **AXES)


def row(result: Result, simulator: str) -> dict[str, Any]:
    board = result.leaderboard
    (found,) = board.filter(pc.field("simulator") == simulator).to_pylist()
    return found


def test_a_path_that_takes_too_long_fails_alone(result: Result) -> None:
    hurried = row(result, "hurried")
    assert hurried["status"] == "failed"
    assert hurried["reason"] == (
        "expected an answer within 0.001 seconds, found none; its process was ended"
    )
    assert (hurried["rank"], hurried["sharpe"], hurried["key"]) == (None, None, None)
    assert [row(result, name)["status"] for name in ("custom", "cvxportfolio")] == ["ok", "ok"]


def test_the_others_agree_on_short_assets(result: Result) -> None:
    paths = pq.read_table(result.out / "nav.parquet")
    assert sorted(set(paths["simulator"].to_pylist())) == ["custom", "cvxportfolio"]
    own, other = (
        paths.filter(pc.field("simulator") == name)["nav"].to_numpy()
        for name in ("custom", "cvxportfolio")
    )
    assert np.ptp(own) > 0.01
    np.testing.assert_allclose(other, own, rtol=1e-12, atol=0)


def test_what_failed_is_tried_again_and_nothing_else(result: Result, market: Market) -> None:
    patient = [*AXES["simulators"][:1], {"name": "vectorbt", "as": "hurried"}, "cvxportfolio"]
    for simulators in (AXES["simulators"], patient):
        config = market.config("again", **{**AXES, "simulators": simulators})
        found = plan(config, out=result.out)
        assert found.counts["simulation"] == (2, 1)
        assert found.reasons["simulation"] == {"failed before": 1}


def test_the_stage_leaves_no_process_behind(result: Result) -> None:
    assert result.counts["simulation"] == (0, 3)
    apart = simulate_apart.__globals__["_own"]
    assert [one.pid for one in apart.values()] in ([], [None])
