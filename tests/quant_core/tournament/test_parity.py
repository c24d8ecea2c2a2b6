from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_core.config import Choice, TournamentConfig
from quant_core.simulators import Custom, SimulatedPath
from quant_core.tournament import CellPath
from quant_core.tournament._parity import compare, nav_gap

if TYPE_CHECKING:
    from quant_core.simulators import Rebalance
    from tests.quant_core.tournament.conftest import Market

LINE = ("all", "native", "hrp", "window")


class Echo(Custom):
    """The custom simulator, its NAV off by a factor."""

    name: Literal["echo"] = "echo"  # type: ignore[assignment]  # another name is the point
    off: float = 0.0
    wide: bool = False

    @property
    def tolerance(self) -> float:
        return 1e-9 if self.wide else 1e-10

    def run(self, rebalance: Rebalance, **given: Any) -> SimulatedPath:
        path = super().run(rebalance, **given)
        nav = path.nav.copy()
        nav[-1] *= 1.0 + self.off
        return SimulatedPath(nav, path.turnover, path.cost)


def path(label: str, *nav: float) -> CellPath:
    zeros = np.zeros(len(nav))
    return CellPath((*LINE, label), label, "", "", np.array(nav), zeros, zeros, zeros, zeros)


def config(*simulators: Choice[Any]) -> TournamentConfig:
    return TournamentConfig(simulators=list(simulators))


@pytest.mark.parametrize(
    ("one", "other", "gap"),
    [
        ([1.0, 2.0], [1.0, 2.0], 0.0),
        ([1.0, 2.0], [1.0, 1.0], 0.5),
        ([1.0, 1.0], [1.0, 2.0], 0.5),
        ([1.0, 0.0], [1.0, 0.0], 0.0),
        ([1.0, 0.0], [1.0, 1e-9], 1.0),
        ([1.0, 4.0], [1.25, 4.0], 0.2),
        ([], [], 0.0),
    ],
)
def test_the_gap_of_two_paths(one: list[float], other: list[float], gap: float) -> None:
    assert nav_gap(np.array(one), np.array(other)) == gap


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(1e-3, 1e3))
def test_a_gap_knows_no_side_and_no_scale(nav: list[float], scale: float) -> None:
    one = np.array(nav)
    other = one[::-1].copy()
    gap = nav_gap(one, other)
    assert gap == nav_gap(other, one)
    assert 0.0 <= gap <= 1.0
    # Subnormal values lose their digits when they are scaled.
    if one.min(initial=1.0) > 1e-200:
        assert nav_gap(one * scale, other * scale) == pytest.approx(gap, rel=1e-6, abs=1e-12)


def test_every_path_is_flagged_when_one_simulator_differs() -> None:
    simulators = [Choice("custom", Custom()), Choice("a", Echo()), Choice("b", Echo())]
    paths = [path("custom", 1.0, 2.0), path("a", 1.0, 2.0 + 1e-12), path("b", 1.0, 1.9)]
    found = compare(config(*simulators), paths, {})
    told = {names[-1]: (one.status, one.against, one.missing) for names, one in found.items()}
    assert told == {
        "custom": ("differs", "b", ""),
        "a": ("differs", "b", ""),
        "b": ("differs", "a", ""),
    }
    assert found[*LINE, "custom"].gap == pytest.approx(0.05)
    assert found[*LINE, "custom"].ratios["a"] == pytest.approx(0.005, rel=1e-3)


@pytest.mark.parametrize(
    ("off", "wide", "status"),
    [
        (0.9e-10, False, "agrees"),
        (1.1e-10, False, "differs"),
        (9e-10, True, "agrees"),
        (1.1e-9, True, "differs"),
    ],
)
def test_the_wider_tolerance_of_a_pair_counts(off: float, *, wide: bool, status: str) -> None:
    simulators = [Choice("custom", Custom()), Choice("echo", Echo(wide=wide))]
    paths = [path("custom", 1.0, 1.0), path("echo", 1.0, 1.0 + off)]
    found = compare(config(*simulators), paths, {})
    assert [one.status for one in found.values()] == [status, status]


def test_what_is_not_there_does_not_agree() -> None:
    simulators = [Choice("custom", Custom()), Choice("echo", Echo())]
    absent = {(*LINE, "echo"): ("unavailable", "not installed")}
    (found,) = compare(config(*simulators), [path("custom", 1.0)], absent).values()
    assert (found.status, found.gap, found.missing) == ("not compared", None, "echo: unavailable")
    (alone,) = compare(config(simulators[0]), [path("custom", 1.0)], {}).values()
    assert (alone.status, alone.missing) == ("not compared", "no other simulator takes part")


def test_a_leaderboard_says_where_simulators_differ(market: Market) -> None:
    simulators = [Choice("custom", Custom()), Choice("echo", Echo(off=1e-6))]
    small = {"profiles": ["equal_weight"], "selections": ["all"], "rebalances": ["window"]}
    rows = market.run("differs", simulators=simulators, **small).leaderboard.to_pylist()
    for row, other in zip(rows, ("echo", "custom"), strict=True):
        assert (row["parity"], row["parity_against"]) == ("differs", other)
        assert row["parity_gap"] == pytest.approx(1e-6, rel=1e-3)
        assert row["gates"] == "failed"
        assert "parity: 9999.99 is not at most 1" in row["gates_failed"]


def test_simulators_that_agree_change_no_figure_of_luck(market: Market) -> None:
    names = ("dsr", "psr", "pbo", "trials", "configurations")
    alone = market.run("alone").leaderboard.to_pylist()
    simulators = [Choice("custom", Custom()), Choice("echo", Echo())]
    rows = market.run("together", simulators=simulators).leaderboard.to_pylist()
    by_cell = {(r["selection"], r["profile"], r["rebalance"]): r for r in alone}
    assert len(rows) == 2 * len(alone)
    for row in rows:
        twin = by_cell[row["selection"], row["profile"], row["rebalance"]]
        assert [row[name] for name in names] == [twin[name] for name in names]
        assert (row["parity"], row["parity_gap"]) == ("agrees", 0.0)
        assert (row["rank"] - 1) // 2 == twin["rank"] - 1
