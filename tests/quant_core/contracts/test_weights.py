from __future__ import annotations

import json
from math import inf, isnan, nan

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_core.contracts import check_weights
from quant_core.errors import ContractError, DataError


def _cube(rows: list[tuple[str, str, str | None, float | None]]) -> pa.Table:
    window, profile, atom, weight = zip(*rows, strict=True) if rows else ((), (), (), ())
    return pa.table(
        {
            "window": pa.array(window, pa.string()),
            "profile": pa.array(profile, pa.string()).dictionary_encode(),
            "atom": pa.array(atom, pa.string()).dictionary_encode(),
            "weight": pa.array(weight, pa.float64()),
        }
    )


GOOD = [
    ("2020-01-01", "hrp", "A", 0.5),
    ("2020-01-01", "hrp", "B", 0.5),
    ("2020-01-01", "market", None, None),
    ("2020-02-01", "hrp", "A", 1.0),
    ("2020-02-01", "hrp", "B", 0.0),
]

BAD = [
    ([("w", "p", "A", -1e-18)], ["w / p: weight of A is -1e-18, rule in_unit_interval"]),
    ([("w", "p", "A", 1 + 1e-9)], ["w / p: weight of A is 1.000000001, rule in_unit_interval"]),
    ([("w", "p", "A", nan)], ["w / p: weight of A is nan, rule finite"]),
    ([("w", "p", "A", inf)], ["w / p: weight of A is inf, rule finite"]),
    (
        [("w", "p", "A", 0.6), ("w", "q", "A", 0.6), ("w", "p", "B", 0.5)],
        ["w / p: sum of weights is 1.1, rule sum_at_most_one"],
    ),
    (
        [("w", "p", "A", 0.5), ("w", "p", "B", 0.5), ("w", "p", "C", 1.1e-6)],
        ["w / p: sum of weights is 1.0000011, rule sum_at_most_one"],
    ),
]


def test_good_weights() -> None:
    report = check_weights(_cube(GOOD))
    assert (report.weights, report.solves, report.ok) == (4, 3, True)
    report.require()


def test_a_sum_within_the_tolerance() -> None:
    assert check_weights(_cube([("w", "p", "A", 1.0), ("w", "p", "B", 0.9e-6)])).ok


def test_an_empty_cube() -> None:
    report = check_weights(_cube([]))
    assert (report.weights, report.solves, report.ok) == (0, 0, True)


@pytest.mark.parametrize(("rows", "expected"), BAD)
def test_bad_weights(rows: list[tuple[str, str, str, float]], expected: list[str]) -> None:
    report = check_weights(_cube(rows))
    assert [str(violation) for violation in report.violations] == expected
    with pytest.raises(ContractError, match="weights: 1 violations, first: w / p"):
        report.require()


def test_the_plain_form() -> None:
    plain = check_weights(_cube([("w", "p", "A", 2.0)])).to_dict()
    assert json.loads(json.dumps(plain)) == {
        "weights": 1,
        "solves": 1,
        "violations": [
            {"rule": "in_unit_interval", "solve": ["w", "p"], "atom": "A", "value": 2.0},
            {"rule": "sum_at_most_one", "solve": ["w", "p"], "atom": "", "value": 2.0},
        ],
    }


def test_a_table_that_is_no_cube() -> None:
    with pytest.raises(DataError, match="weights cube: no column 'weight' among atom"):
        check_weights(pa.table({"atom": ["A"]}))


WEIGHT = st.one_of(st.floats(0, 0.4), st.sampled_from([-0.1, 1.5, nan]))
ROW = st.tuples(st.sampled_from("uvw"), st.sampled_from("pq"), st.sampled_from("ABC"), WEIGHT)


@settings(deadline=None)
@given(rows=st.lists(ROW, max_size=20))
def test_every_violation_is_found(rows: list[tuple[str, str, str, float]]) -> None:
    sums: dict[tuple[str, str], float] = {}
    expected = [
        ((window, profile), atom)
        for window, profile, atom, weight in rows
        if isnan(weight) or not 0 <= weight <= 1
    ]
    for window, profile, _, weight in rows:
        solve = (window, profile)
        sums[solve] = sums.get(solve, 0.0) + (0.0 if isnan(weight) else weight)
    expected += [(solve, "") for solve, total in sums.items() if total > 1 + 1e-6]
    found = check_weights(_cube(list(rows))).violations
    assert [(violation.solve, violation.atom) for violation in found] == expected
