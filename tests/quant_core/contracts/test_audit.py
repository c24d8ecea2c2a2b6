from __future__ import annotations

from math import nan

import numpy as np
import pytest

from quant_core.calendars import open_calendar
from quant_core.contracts import CHECKS, AuditRules, audit
from quant_core.data import ReturnsMatrix
from quant_core.errors import ContractError

FRIDAY = np.datetime64("2021-01-01")


def matrix(rows: int = 200, columns: int = 3, *, first: np.datetime64 = FRIDAY) -> ReturnsMatrix:
    """Return noise of one per cent a day, on every calendar day."""
    noise = np.random.default_rng(5).normal(0.0, 0.01, (rows, columns))
    days = first + np.arange(rows).astype("timedelta64[D]")
    return ReturnsMatrix(days, tuple("ABCDEFGH"[:columns]), noise)


def changed(*cells: tuple[int | slice, int | slice, float], rows: int = 200) -> ReturnsMatrix:
    """Return the noise with other values in some cells."""
    noise = matrix(rows)
    values = noise.values.copy()
    for row, column, value in cells:
        values[row, column] = value
    return ReturnsMatrix(noise.dates, noise.symbols, values)


def found(data: ReturnsMatrix, check: str) -> list[tuple[str, str, str, int]]:
    report = audit(data)
    return [(one.symbol, one.first, one.last, one.count) for one in report.of(check)]


def test_noise_has_no_findings() -> None:
    report = audit(matrix())
    assert report.findings == ()
    assert report.to_dict()["findings"] == dict.fromkeys(CHECKS, 0)
    assert (report.observations, report.symbols, report.days) == (600, 3, 200)


KINDS = [
    ("gap", [(slice(10, 13), 1, nan)], [("B", "2021-01-11", "2021-01-13", 3)]),
    ("late_start", [(slice(0, 5), 2, nan)], [("C", "2021-01-06", "2021-01-06", 5)]),
    ("early_end", [(slice(100, 200), 0, nan)], [("A", "2021-04-10", "2021-04-10", 100)]),
    ("early_end", [(slice(120, 200), 0, nan)], []),
    ("padding", [(1, slice(0, 3), 0.0)], [("", "2021-01-02", "2021-01-02", 3)]),
    ("stale", [(slice(20, 26), 1, 0.0)], [("B", "2021-01-21", "2021-01-26", 6)]),
    ("stale", [(slice(20, 24), 1, 0.0)], []),
    ("split_like", [(50, 0, -0.5)], [("A", "2021-02-20", "2021-02-20", 1)]),
    ("split_like", [(50, 0, 2.01)], [("A", "2021-02-20", "2021-02-20", 1)]),
    ("jump", [(50, 0, -0.4)], [("A", "2021-02-20", "2021-02-20", 1)]),
    ("jump", [(50, 0, -0.2)], []),
    ("glitch", [(50, 0, 4.89), (51, 0, -0.82)], [("A", "2021-02-20", "2021-02-21", 2)]),
    ("glitch", [(50, 0, 1.0), (51, 0, nan), (52, 0, -0.5)], [("A", "2021-02-20", "2021-02-22", 2)]),
    ("thin_symbol", [(slice(10, 21), 1, nan)], [("B", "2021-01-01", "2021-07-19", 11)]),
    ("thin_day", [(10, 1, nan)], [("", "2021-01-11", "2021-01-11", 1)]),
    ("drift", [(slice(137, 200), 2, 0.05)], [("C", "2021-05-18", "2021-07-19", 63)]),
]


@pytest.mark.parametrize(("check", "cells", "expected"), KINDS)
def test_what_a_check_finds(
    check: str,
    cells: list[tuple[int | slice, int | slice, float]],
    expected: list[tuple[str, str, str, int]],
) -> None:
    assert found(changed(*cells), check) == expected


def test_a_glitch_is_one_finding() -> None:
    report = audit(changed((50, 0, 4.89), (51, 0, -0.82)))
    assert report.counts() == dict.fromkeys(CHECKS, 0) | {"glitch": 1}
    assert (
        report.findings[0].text == "A moves by +489.0% on 2021-02-20, and by -82.0% on 2021-02-21"
    )


def test_a_first_price_is_an_observation() -> None:
    data = changed((slice(0, 5), 2, nan), (20, 1, nan))
    prices = np.full((200, 3), 10.0)
    prices[:4, 2] = nan
    report = audit(data, prices=prices, checks=["late_start", "gap"])
    assert [(one.check, one.first) for one in report.findings] == [("late_start", "2021-01-05")]
    with pytest.raises(ContractError, match=r"expected prices of shape \(200, 3\)"):
        audit(data, prices=prices[1:])


def test_weekends_against_the_calendar_of_an_exchange() -> None:
    # 2021-01-01 is a holiday, 2 and 3 a weekend; the session of the 5th is taken out.
    data = matrix(8)
    keep = np.arange(8) != 4
    report = audit(
        ReturnsMatrix(data.dates[keep], data.symbols, data.values[keep]), open_calendar("XNYS")
    )
    assert [one.first for one in report.of("not_a_session")] == [
        "2021-01-01",
        "2021-01-02",
        "2021-01-03",
    ]
    assert [one.first for one in report.of("missing_session")] == ["2021-01-05"]


@pytest.mark.parametrize("calendar", [None, open_calendar("24/7"), open_calendar("observed")])
def test_weekends_of_a_market_that_never_closes(calendar: object) -> None:
    assert audit(matrix(8), calendar).findings == ()  # type: ignore[arg-type]  # any calendar


def test_sessions_as_an_array() -> None:
    sessions = matrix(8).dates.astype("datetime64[D]")[[0, 1, 3, 7]]
    report = audit(matrix(8), np.append(sessions, np.datetime64("2030-01-01")))
    assert len(report.of("not_a_session")) == 4
    assert report.of("missing_session") == ()


def test_nothing_to_audit() -> None:
    nothing = ReturnsMatrix(np.zeros(0, "datetime64[us]"), (), np.zeros((0, 0)))
    assert audit(nothing, open_calendar("XNYS")).findings == ()
    empty = ReturnsMatrix(matrix(4).dates, ("A",), np.full((4, 1), nan))
    assert audit(empty).findings == ()


def test_thresholds_and_names_are_held() -> None:
    assert len(audit(changed((slice(20, 24), 1, 0.0)), rules=AuditRules(stale=4)).of("stale")) == 1
    with pytest.raises(ContractError, match="no check 'gaps'; expected one of gap, late_start"):
        audit(matrix(), checks=["gaps"])


def test_the_table_has_a_row_a_finding() -> None:
    table = audit(changed((50, 0, -0.5))).to_table()
    assert table.to_pylist() == [
        {
            "check": "split_like",
            "symbol": "A",
            "first": "2021-02-20",
            "last": "2021-02-20",
            "count": 1,
            "value": -0.5,
            "severity": "warn",
            "text": "A moves by -50.0% on 2021-02-20, the ratio of a split 2 to 1",
        }
    ]
