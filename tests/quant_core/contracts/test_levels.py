from __future__ import annotations

import sys
from math import inf, nan
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from quant_core.contracts import LEVELS, keep_valid, require, schema, violations
from quant_core.data import DATE_TYPE, ReturnsMatrix
from quant_core.errors import ContractError

DAYS = pd.date_range("2020-01-01", periods=3, tz="UTC", unit="us")
PRICES: dict[str, Any] = {
    "date": DAYS,
    "symbol": ["A", "A", "B"],
    "value": [10.0, 11.0, 12.0],
    "high": [10.5, 11.0, 12.0],
    "low": [9.0, 11.0, 11.0],
    "volume": [0, 5, 7],
}
RETURNS: dict[str, Any] = {"date": DAYS, "A": [nan, 0.1, 5.0], "B": [-0.99, 0.0, nan]}
FEATURES: dict[str, Any] = {"date": DAYS, "symbol": ["A", "B", "B"], "momentum": [nan, 1.0, -1e9]}
SCORES: dict[str, Any] = {
    "window": ["w", "w", "w"],
    "selection": ["s", "s", "t"],
    "atom": ["A", "B", "A"],
    "selected": [True, False, True],
    "score": [1.0, nan, nan],
    "reason": ["", "vetoed", None],
}
WEIGHTS: dict[str, Any] = {
    "window": ["v", "v", "w"],
    "atom": ["A", "B", None],
    "direction": ["long", "short", None],
    "weight": [0.5, 0.5 + 9e-7, nan],
    "net_weight": [0.5, -0.5 - 9e-7, nan],
}
GOOD = {
    "prices": PRICES,
    "returns": RETURNS,
    "features": FEATURES,
    "scores": SCORES,
    "weights": WEIGHTS,
}

BAD: list[tuple[str, dict[str, Any], list[str]]] = [
    (
        "prices",
        {"value": [10.0, -1.0, 12.0]},
        [
            "column 'low', row 1: found 11.0, rule low_is_lowest",
            "column 'value', row 1: found -1.0, rule positive",
        ],
    ),
    ("prices", {"value": [10.0, nan, 12.0]}, ["column 'value', row 1: found nan, rule present"]),
    (
        "prices",
        {"value": [10.0, 11.0, inf], "high": [11.0, 12.0, inf]},
        [
            "column 'high', row 2: found inf, rule finite",
            "column 'value', row 2: found inf, rule finite",
        ],
    ),
    (
        "prices",
        {"high": [9.5, 11.0, 12.0]},
        ["column 'high', row 0: found 9.5, rule high_is_highest"],
    ),
    (
        "prices",
        {"low": [9.0, 11.5, 11.0]},
        ["column 'high', row 1", "column 'low', row 1: found 11.5, rule low_is_lowest"],
    ),
    ("prices", {"volume": [0, -5, 7]}, ["column 'volume', row 1: found -5, rule not_negative"]),
    ("prices", {"symbol": ["A", "", "B"]}, ["column 'symbol', row 1: found '', rule named"]),
    (
        "prices",
        {"date": [DAYS[0], DAYS[0], DAYS[0]]},
        ["row 1: found the key of a row before it, rule unique"],
    ),
    ("prices", {"date": DAYS.tz_localize(None)}, ["column 'date': found another type, rule utc"]),
    ("prices", {"value": ["x", "y", "z"]}, ["column 'value': found another type, rule float64"]),
    (
        "returns",
        {"A": [nan, -1.0, 5.1]},
        [
            "column 'A', row 1: found -1.0, rule returns_in_range",
            "column 'A', row 2: found 5.1, rule returns_in_range",
        ],
    ),
    (
        "returns",
        {"B": [inf, 0.0, -inf]},
        ["column 'B', row 0: found inf", "column 'B', row 2: found -inf"],
    ),
    ("returns", {"date": DAYS[[0, 2, 1]]}, ["column 'date', row 2: found 2020-01-02"]),
    ("returns", {"date": DAYS[[0, 1, 1]]}, ["column 'date', row 2: found 2020-01-02"]),
    ("returns", {"A": np.zeros(3, "float32")}, ["column 'A': found 0.0, rule all_numbers"]),
    (
        "features",
        {"momentum": [nan, inf, 0.0]},
        ["column 'momentum', row 1: found inf, rule finite_numbers"],
    ),
    (
        "features",
        {"date": DAYS[[0, 1, 1]]},
        ["row 2: found the key of a row before it, rule unique"],
    ),
    ("scores", {"score": [1.0, nan, inf]}, ["column 'score', row 2: found inf, rule finite"]),
    ("scores", {"reason": ["", "", ""]}, ["column 'reason', row 1: found '', rule reason_given"]),
    (
        "weights",
        {"weight": [0.5, 0.6, nan], "net_weight": [0.5, -0.6, nan]},
        ["column 'weight', row 0: found 0.5, rule sums_to_one"],
    ),
    (
        "weights",
        {"weight": [1.5, -0.5, nan], "net_weight": [1.5, 0.5, nan]},
        [
            "column 'weight', row 0: found 1.5, rule in_unit_interval",
            "column 'net_weight', row 1",
            "column 'weight', row 1: found -0.5, rule in_unit_interval",
        ],
    ),
    (
        "weights",
        {"net_weight": [0.5, 0.5 + 9e-7, nan]},
        ["column 'net_weight', row 1: found 0.5000009, rule net_is_signed"],
    ),
]


@pytest.mark.parametrize("level", LEVELS)
def test_good_data(level: str) -> None:
    frame = pd.DataFrame(GOOD[level])
    before = frame.copy(deep=True)
    assert violations(level, frame) == ()
    require(level, frame)
    pd.testing.assert_frame_equal(frame, before)
    assert violations(level, frame.iloc[:0]) == ()


@pytest.mark.parametrize(("level", "other", "expected"), BAD)
def test_a_violation_names_column_row_value_and_rule(
    level: str, other: dict[str, Any], expected: list[str]
) -> None:
    # Labels that repeat: only a position tells the rows apart.
    frame = pd.DataFrame(GOOD[level] | other).set_axis([7, 7, 7], axis=0)
    found = [str(one) for one in violations(level, frame)]
    assert len(found) == len(expected)
    for text, start in zip(found, expected, strict=True):
        assert text.startswith(start)
    with pytest.raises(ContractError) as caught:
        require(level, frame, what="stage x, prices")
    assert f"stage x, prices: {len(expected)} violations of the contract of {level}" in str(
        caught.value
    )


@pytest.mark.parametrize("level", LEVELS)
def test_a_missing_column_is_named(level: str) -> None:
    frame = pd.DataFrame(GOOD[level])
    name = {"prices": "value", "returns": "date", "features": "symbol"}.get(level, "atom")
    with pytest.raises(ContractError, match=f"column '{name}': found no such column"):
        require(level, frame.drop(columns=name))


def test_a_matrix_a_table_and_a_frame_are_held_alike() -> None:
    dates = DAYS.tz_localize(None).to_numpy().astype("datetime64[us]")
    matrix = ReturnsMatrix(dates, ("A", "B"), np.array([[nan, 0.1], [0.2, 9.0], [0.0, nan]]))
    frame = pd.DataFrame(matrix.values, index=DAYS.rename("date"), columns=["A", "B"])
    expected = ["column 'B', row 1: found 9.0, rule returns_in_range"]
    assert matrix.to_table().schema.field("date").type == DATE_TYPE
    for value in (matrix, matrix.to_table(), frame):
        assert [str(one) for one in violations("returns", value)] == expected


def test_rows_are_dropped_by_position_and_booked() -> None:
    frame = pd.DataFrame(PRICES | {"value": [10.0, nan, inf], "high": [11.0, 11.0, inf]})
    kept = keep_valid("prices", frame.set_axis([0, 0, 0], axis=0))
    assert kept.frame["value"].tolist() == [10.0]
    assert kept.report.to_dict()["dropped"] == {"finite": 1, "present": 1}
    assert (kept.report.rows_in, kept.report.kept) == (3, 1)
    assert [one.row for one in kept.dropped] == [1, 2]


def test_keys_that_repeat_lose_the_later_row() -> None:
    frame = pd.DataFrame(PRICES | {"date": [DAYS[0]] * 3}).set_index(["date", "symbol"])
    kept = keep_valid("prices", frame)
    assert kept.frame["value"].tolist() == [10.0, 12.0]
    assert kept.report.to_dict()["dropped"] == {"unique": 1}


def test_cells_of_a_matrix_are_dropped_not_its_rows() -> None:
    kept = keep_valid("returns", pd.DataFrame(RETURNS | {"A": [9.0, 0.1, -1.0]}))
    assert kept.frame["A"].isna().tolist() == [True, False, True]
    assert kept.frame["B"].tolist()[:2] == [-0.99, 0.0]
    assert (kept.report.rows_in, kept.report.kept) == (5, 3)
    assert [(one.row, one.column) for one in kept.dropped] == [(0, "A"), (2, "A")]


@pytest.mark.parametrize(
    ("level", "value", "fragment"),
    [
        ("candles", pd.DataFrame(), "expected one of prices, returns, features, scores, weights"),
        ("prices", [1.0], "expected a pandas DataFrame, a pyarrow Table or a ReturnsMatrix"),
        ("returns", pd.DataFrame([[1, 2]], columns=["A", "A"]), "columns named alike: A"),
        ("returns", pa.table({"A": [0.1]}), "no such column among A"),
    ],
)
def test_what_is_no_table_of_a_level(level: str, value: Any, fragment: str) -> None:
    with pytest.raises(ContractError) as caught:
        require(level, value)
    assert fragment in str(caught.value)


def test_a_column_as_a_whole_cannot_be_filtered() -> None:
    with pytest.raises(ContractError, match="rule utc"):
        keep_valid("prices", pd.DataFrame(PRICES | {"date": DAYS.tz_localize(None)}))
    with pytest.raises(ContractError, match="sort the dates"):
        keep_valid("returns", pd.DataFrame(RETURNS | {"date": DAYS[[0, 2, 1]]}))


def test_a_schema_is_built_once_and_when_asked_for() -> None:
    assert schema("weights") is schema("weights")
    assert "pandera" in sys.modules
