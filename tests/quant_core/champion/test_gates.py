from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_core.champion import (
    Election,
    Figure,
    Gate,
    GateResult,
    Verdict,
    cell_gates,
    elect,
    election_table,
    judge,
    read_election,
)
from quant_core.config import GateConfig
from quant_core.errors import ConfigError, DataError

THRESHOLDS = {
    "friction_decay": (0.30, "at most"),
    "fragility": (1.5, "at most"),
    "jaccard": (0.30, "at least"),
    "turnover": (0.50, "at most"),
    "cvar": (1.25, "at most"),
    "drawdown": (1.25, "at most"),
    "parity": (1.0, "at most"),
    "cagr_gap": (0.015, "at most"),
    "dsr": (0.95, "at least"),
}
GATES = cell_gates(GateConfig())
GOOD = {name: Figure(limit) for name, (limit, _) in THRESHOLDS.items()}
UNDEFINED = (None, math.nan, math.inf, -math.inf, np.nan, np.float64("inf"), "0.1", True, 1j)


def test_the_gates_of_a_cell_and_their_thresholds() -> None:
    assert {gate.name: (gate.threshold, gate.side) for gate in GATES} == THRESHOLDS
    assert all(gate.definition for gate in GATES)


@pytest.mark.parametrize(
    ("side", "value", "passed"),
    [
        ("at most", 0.4999, True),
        ("at most", 0.5, True),
        ("at most", 0.5001, False),
        ("at least", 0.4999, False),
        ("at least", 0.5, True),
        ("at least", np.float64(0.5001), True),
        ("at most", -3, True),
        ("at least", -3, False),
    ],
)
def test_a_figure_on_its_side_of_the_threshold_passes(
    side: Any, value: float, *, passed: bool
) -> None:
    result = Gate("one", 0.5, side, "a figure").judge(Figure(value))
    assert (result.passed, result.value, result.threshold) == (passed, float(value), 0.5)
    assert result.reason == ("" if passed else f"{value:.6g} is not {side} 0.5")


@pytest.mark.parametrize("side", ["at most", "at least"])
@given(
    threshold=st.floats(allow_nan=False, allow_infinity=False),
    value=st.sampled_from(UNDEFINED),
    why=st.text(max_size=5),
)
def test_nothing_undefined_ever_passes(side: Any, threshold: float, value: Any, why: str) -> None:
    result = Gate("one", threshold, side, "a figure").judge(Figure(value, why))
    assert result == GateResult("one", None, threshold, False, why or f"undefined: {value}")


@pytest.mark.parametrize("threshold", [math.nan, math.inf, -math.inf])
def test_a_gate_needs_a_finite_threshold(threshold: float) -> None:
    with pytest.raises(ConfigError, match="gate one: expected a finite threshold, found"):
        Gate("one", threshold, "at most", "a figure")
    with pytest.raises(ValueError, match=r"finite|greater"):
        GateConfig(turnover=threshold)


@given(name=st.sampled_from(sorted(THRESHOLDS)), value=st.sampled_from(UNDEFINED))
def test_one_undefined_figure_fails_the_whole_candidate(name: str, value: Any) -> None:
    assert judge(("a",), GATES, GOOD).passed
    verdict = judge(("a",), GATES, {**GOOD, name: Figure(value, "not measured here")})
    assert not verdict.passed
    assert verdict.reason == f"{name}: not measured here"


@pytest.mark.parametrize("name", THRESHOLDS)
def test_a_figure_that_was_forgotten_fails_its_gate(name: str) -> None:
    figures = {other: figure for other, figure in GOOD.items() if other != name}
    verdict = judge(("a",), GATES, figures)
    assert (verdict.passed, verdict.reason) == (False, f"{name}: missing: it was not measured")


def test_without_gates_nothing_passes() -> None:
    assert not Verdict(("a",), ()).passed
    assert elect([("a",)], (), lambda _: GOOD, candidates=1).champion is None


def _ranked(*passing: str, candidates: int = 25) -> tuple[Election, list[str]]:
    asked: list[str] = []

    def figures(cell: tuple[str, ...]) -> dict[str, Figure]:
        asked.append(cell[0])
        return GOOD if cell[0] in passing else {**GOOD, "dsr": Figure(0.5)}

    return elect([("a",), ("b",), ("c",)], GATES, figures, candidates=candidates), asked


def test_the_first_of_the_ranking_that_passes_is_elected() -> None:
    election, asked = _ranked("b", "c")
    assert (election.champion, election.reason, election.ranked) == (("b",), "", 3)
    assert asked == ["a", "b"]
    assert [verdict.passed for verdict in election.verdicts] == [False, True]


def test_nobody_is_elected_when_nobody_passes() -> None:
    election, asked = _ranked()
    assert asked == ["a", "b", "c"]
    assert election.champion is None
    assert election.reason == (
        "no champion: none of the 3 cells tried of 3 ranked passes every gate; the best ranked, "
        "a, fails dsr: 0.5 is not at least 0.95"
    )


def test_only_so_many_are_tried() -> None:
    election, asked = _ranked("c", candidates=2)
    assert (election.champion, asked) == (None, ["a", "b"])
    assert "2 cells tried of 3 ranked" in election.reason


def test_an_empty_ranking_has_no_champion() -> None:
    election = elect([], GATES, lambda _: GOOD, candidates=5)
    assert (election.champion, election.reason) == (None, "no champion: no cell is ranked")


@pytest.mark.parametrize("passing", [(), ("b",)])
def test_an_election_is_read_back_from_its_table(passing: tuple[str, ...]) -> None:
    election, _ = _ranked(*passing)
    table = election_table(election)
    assert table.num_rows == len(election.verdicts) * len(GATES)
    assert read_election(table) == election
    assert read_election(election_table(elect([], GATES, lambda _: GOOD, candidates=1))).ranked == 0


def test_another_table_is_no_election() -> None:
    election, _ = _ranked()
    with pytest.raises(DataError, match="expected the table of an election"):
        read_election(election_table(election).replace_schema_metadata(None))
