"""Registries, specifications and what the dispatch refuses."""

from __future__ import annotations

import importlib
import subprocess
import sys

import numpy as np
import pytest
from pydantic import ValidationError

from quant_core.errors import DataError
from quant_core.simulators import (
    REBALANCES,
    SIMULATORS,
    Custom,
    DailyRebalance,
    DriftRebalance,
    WindowRebalance,
    code_modules,
    simulate,
)

VALUES = np.zeros((5, 2))
WEIGHTS = np.array([[0.5, 0.5], [1.0, 0.0]])
ROWS = np.array([1, 3])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"values": np.zeros(5)}, r"values: expected shape \(T, n\), found \(5,\)"),
        ({"values": np.zeros((5, 3))}, r"weights: expected shape \(2, 3\)"),
        ({"rows": np.array([1])}, r"weights: expected shape \(1, 2\)"),
        ({"rows": np.array([3, 3])}, r"rows: expected strictly increasing .* 3 then 3 at window 1"),
        ({"rows": np.array([-1, 3])}, r"rows: expected row numbers in \[0, 5\), found -1 to 3"),
        ({"rows": np.array([1, 5])}, r"rows: expected row numbers in \[0, 5\), found 1 to 5"),
        ({"rows": np.array([1.0, 3.0])}, r"rows: expected integers"),
        ({"weights": np.array([[0.5, -0.6], [1.0, 0.0]])}, r"at most 1 .* found 1.1 at window 0"),
        ({"weights": np.array([[0.5, 0.5], [np.nan, 0.0]])}, r"found nan at window 1, column 0"),
        ({"weights": np.array([[0.5, 0.5], [-np.inf, 0.0]])}, r"found -inf at window 1, column 0"),
        ({"weights": np.array([[0.5, 0.5], [1.0, 2e-6]])}, r"sum to at most 1 .* at window 1"),
        ({"rate": -0.001}, r"rate: expected a finite cost >= 0"),
        ({"rate": float("nan")}, r"rate: expected a finite cost >= 0"),
        ({"values": np.full((5, 2), np.inf)}, r"values: the path is inf from row 2 on"),
    ],
)
def test_wrong_input_is_refused(change: dict[str, object], message: str) -> None:
    arguments = {"values": VALUES, "weights": WEIGHTS, "rows": ROWS, "rate": 0.001} | change
    with pytest.raises(DataError, match=message):
        simulate(Custom(), WindowRebalance(), **arguments)  # type: ignore[arg-type]


def test_a_sum_within_the_tolerance_is_taken() -> None:
    weights = np.array([[0.5, 0.5 + 5e-7], [1.0, 0.0]])
    path = simulate(
        Custom(), WindowRebalance(), values=VALUES, weights=weights, rows=ROWS, rate=0.0
    )
    np.testing.assert_allclose(path.nav, 1.0, rtol=1e-14)


def test_an_infinite_return_that_is_not_held_is_not_read() -> None:
    values = np.column_stack([np.zeros(5), np.full(5, np.inf)])
    path = simulate(
        Custom(),
        WindowRebalance(),
        values=values,
        weights=np.array([[1.0, 0.0]]),
        rows=np.array([0]),
        rate=0.0,
    )
    assert path.nav.tolist() == [1.0] * 5


def test_registries_hold_each_specification_under_its_own_name() -> None:
    for registry in (REBALANCES, SIMULATORS):
        for name, kind in registry.items():
            assert kind().model_dump()["name"] == name
    assert list(REBALANCES) == ["window", "daily", "daily_5pct"]
    assert list(SIMULATORS) == ["custom", "vectorbt", "cvxportfolio", "nautilus"]


def test_specifications_are_frozen_and_closed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        DriftRebalance().threshold = 0.1  # type: ignore[misc]
    with pytest.raises(ValidationError, match="Extra inputs"):
        DailyRebalance.model_validate({"threshold": 0.1})
    with pytest.raises(ValidationError, match="less than 1"):
        DriftRebalance(threshold=1.0)


def test_code_modules_exist_and_are_narrow() -> None:
    daily = code_modules(Custom(), DailyRebalance())
    window = code_modules(Custom(), WindowRebalance())
    assert set(daily) ^ set(window) == {
        "quant_core.simulators._daily",
        "quant_core.simulators._window",
    }
    assert "quant_core.simulators._kernel" in daily
    for name in daily:
        importlib.import_module(name)


def test_reading_a_configuration_brings_no_compiler() -> None:
    code = "import sys, quant_core.simulators; print('numba' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
