from __future__ import annotations

from math import nan
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from quant_core.compute import SerialCompute, unit_runs
from quant_core.contracts import validate_io
from quant_core.errors import ContractError

if TYPE_CHECKING:
    from collections.abc import Mapping

DAYS = pd.date_range("2020-01-01", periods=2, tz="UTC", unit="us", name="date")
GOOD = pd.DataFrame({"A": [nan, 0.1], "B": [0.2, 0.3]}, index=DAYS)
BAD = pd.DataFrame({"A": [nan, 0.1], "B": [0.2, 7.0]}, index=DAYS)
WEIGHTS = pd.DataFrame({"atom": ["A", "B"], "weight": [0.5, 0.5]})


@validate_io(inputs={"matrix": "returns", "past": "returns"}, output="weights")
def solve(matrix: pd.DataFrame, past: Any = None, *, scale: float = 1.0) -> pd.DataFrame:
    """Return weights."""
    assert past is None or len(matrix)
    return WEIGHTS.assign(weight=WEIGHTS["weight"] * scale)


def test_a_stage_that_holds_its_contracts() -> None:
    assert solve(GOOD, scale=0.5)["weight"].tolist() == [0.25, 0.25]
    assert (solve.__name__, solve.__doc__) == ("solve", "Return weights.")


@pytest.mark.parametrize(
    ("call", "fragment"),
    [
        (
            lambda: solve(BAD),
            "solve, matrix: 1 violations of the contract of returns, first: column 'B', row 1",
        ),
        (lambda: solve(GOOD, BAD), "solve, past: 1 violations"),
        (lambda: solve(matrix=BAD), "solve, matrix: 1 violations"),
        (lambda: solve(GOOD, scale=3.0), "solve, result: 3 violations of the contract of weights"),
    ],
)
def test_a_broken_contract_names_stage_and_argument(call: Any, fragment: str) -> None:
    with pytest.raises(ContractError) as caught:
        call()
    assert fragment in str(caught.value)


@pytest.mark.parametrize("made", [{"w": WEIGHTS * 1, "n": 3}, type("R", (), {"w": WEIGHTS})()])
def test_entries_and_attributes_of_a_result(made: Any) -> None:
    @validate_io(output={"w": "weights"})
    def stage() -> Any:
        return made

    assert stage() is made


def test_a_result_without_the_entry() -> None:
    @validate_io(output={"w": "weights"})
    def stage() -> dict[str, int]:
        return {"v": 1}

    with pytest.raises(ContractError, match="stage, result w: expected such an entry, found dict"):
        stage()


def test_what_is_declared_wrongly_is_told_at_once() -> None:
    with pytest.raises(ContractError, match="expected one of prices, returns"):
        validate_io(output="candles")
    with pytest.raises(ContractError, match="no parameter 'nobody'; it takes unit, shared"):
        validate_io(inputs={"nobody": "returns"})(_in_a_unit)


def _in_a_unit(unit: float, shared: Mapping[str, np.ndarray]) -> tuple[bool, float]:
    assert "values" in shared
    return unit_runs(), float(solve(BAD, scale=unit)["weight"].sum())


def test_nothing_is_validated_inside_a_unit() -> None:
    # The input and the output are bad: a validation would raise.
    found = SerialCompute().map(_in_a_unit, [3.0, 4.0], shared={"values": np.zeros(1)})
    assert list(found) == [(0, (True, 3.0)), (1, (True, 4.0))]
    assert not unit_runs()
    with pytest.raises(ContractError):
        solve(BAD)
