from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_core.champion import Figure, judge, model_figures, model_gates
from quant_core.config import ModelGateConfig
from quant_core.strategies import ModelRecord

GOOD: dict[str, Any] = {
    "rank_ic": 0.05,
    "parity": {"rows": 9, "beyond": 0.0},
    "serving": {"rows": 9, "beyond": 0.0},
    "batch_invariance": {"rows": 9, "identical": True},
}


def verdict(in_place: Figure | None = None, *, first: bool = False, **changes: Any) -> Any:
    record = ModelRecord("momo", "2001-03", "2001-03", "ok", **{**GOOD, **changes})
    gates = model_gates(ModelGateConfig(), first=first)
    return judge(("momo",), gates, model_figures(record, in_place=in_place))


@pytest.mark.parametrize(
    ("in_place", "passed"), [(0.05, True), (0.0599, True), (0.0601, False), (-1.0, True)]
)
def test_a_model_may_be_a_little_worse_than_the_one_in_place(
    in_place: float, *, passed: bool
) -> None:
    found = verdict(Figure(in_place))
    assert found.passed == passed
    worse = found.results[-1]
    assert (worse.name, worse.threshold) == ("not_worse", 0.01)
    assert worse.value == pytest.approx(in_place - 0.05)


def test_the_first_model_is_compared_with_none() -> None:
    found = verdict(first=True)
    assert found.passed
    names = [one.name for one in found.results]
    assert names == ["parity", "serving_parity", "batch_invariance", "rank_ic"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"rank_ic": -0.01}, "rank_ic: -0.01 is not at least 0"),
        ({"rank_ic": None}, "rank_ic: undefined: predictions or outcomes do not differ"),
        ({"parity": {"rows": 9, "beyond": None}}, "parity: missing: the report has no such share"),
        ({"parity": {"rows": 9, "beyond": 0.1}}, "parity: 0.1 is not at most 0"),
        ({"serving": {}}, "serving_parity: missing: no held-out row was compared"),
        ({"batch_invariance": {}}, "batch_invariance: missing: no held-out row was compared"),
        ({"batch_invariance": {"rows": 9}}, "batch_invariance: predictions depend on the rows"),
    ],
)
def test_what_a_model_fails(changes: dict[str, Any], reason: str) -> None:
    found = verdict(first=True, **changes)
    assert not found.passed
    assert found.reason.startswith(reason)


@given(
    value=st.sampled_from([None, math.nan, math.inf, -math.inf, True]),
    where=st.sampled_from(["rank_ic", "parity", "serving", "batch_invariance", "in_place"]),
)
def test_nothing_undefined_passes(value: Any, where: str) -> None:
    reports = {
        "rank_ic": value,
        "parity": {"rows": 9, "beyond": value},
        "serving": {"rows": 9, "beyond": value},
        "batch_invariance": {"rows": 9, "identical": value if value is not True else "True"},
    }
    if where == "in_place":
        assert not verdict(Figure(value if value is not True else None, "unknown")).passed
    else:
        assert not verdict(Figure(0.0), **{where: reports[where]}).passed


def test_without_a_comparison_a_model_does_not_take_over() -> None:
    assert verdict(None).reason == (
        "not_worse: missing: the model in place was not measured on the same rows"
    )
