from __future__ import annotations

from math import nan
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from quant_core.calendars import open_calendar
from quant_core.contracts import CHECKS, AuditRules, audit, schema
from quant_core.data import DataConfig, ReturnsMatrix, ingest, open_source
from quant_core.errors import ContractError

REAL = Path(__file__).parents[4] / "shared/data"
EQUITIES = REAL / "equities/sp500_ohlcv_2013_2018.parquet"
CRYPTO = REAL / "crypto/coinmetrics_105_daily_2010_2021.parquet"
DAYS = pd.date_range("2021-01-01", periods=200, tz="UTC", unit="us", name="date")


def frame(*cells: tuple[int | slice, int | slice, float]) -> pd.DataFrame:
    """Return noise of one per cent a day, with other values in some cells."""
    values = np.random.default_rng(5).normal(0.0, 0.01, (200, 3))
    for row, column, value in cells:
        values[row, column] = value
    return pd.DataFrame(values, index=DAYS, columns=list("ABC")).assign(date=DAYS)


def failures(data: pd.DataFrame, **options: Any) -> set[tuple[str, str, str]]:
    """Return check, symbol and day of each failure case."""
    import pandera.errors

    try:
        schema("returns", tier=2, **options).validate(data, lazy=True)
    except pandera.errors.SchemaErrors as broken:
        return {
            (str(case["check"]), str(symbol), str(case["index"])[:10])
            for case in broken.failure_cases.to_dict("records")
            for symbol in (
                case["failure_case"] if isinstance(case["failure_case"], dict) else [case["column"]]
            )
        }
    return set()


def test_noise_and_a_late_start_break_nothing() -> None:
    data = frame((slice(0, 5), 2, nan))
    assert schema("returns", tier=2).validate(data, lazy=True) is not None
    assert failures(data) == set()


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ((slice(10, 13), 1, nan), ("gap", "B", "2021-01-14")),
        ((slice(100, 200), 0, nan), ("early_end", "A", "2021-04-10")),
        ((slice(20, 26), 1, 0.0), ("stale", "B", "2021-01-21")),
        ((50, 0, -0.5), ("split_like", "A", "2021-02-20")),
        ((50, 0, -0.4), ("jump", "A", "2021-02-20")),
        ((slice(137, 200), 2, 0.05), ("drift", "C", "2021-05-18")),
    ],
)
def test_a_finding_is_a_failure_case(cell: Any, expected: tuple[str, str, str]) -> None:
    assert expected in failures(frame(cell))


def test_a_day_as_a_whole_is_its_date() -> None:
    data = frame((1, slice(0, 3), 0.0))
    assert failures(data) == {("padding", "date", "2021-01-02")}
    assert failures(data.reset_index(drop=True)) == {("padding", "date", "1")}


def test_calendar_and_thresholds() -> None:
    # 1 January is a holiday, 2 and 3 a weekend; the session of the 5th is taken out.
    days = frame().iloc[:8].drop(index=DAYS[4])
    assert failures(days, calendar=open_calendar("XNYS")) == {
        ("not_a_session", "date", "2021-01-01"),
        ("not_a_session", "date", "2021-01-02"),
        ("not_a_session", "date", "2021-01-03"),
        ("missing_session", "date", "2021-01-06"),
    }
    short = frame((slice(20, 24), 1, 0.0))
    assert failures(short) == set()
    assert failures(short, rules=AuditRules(stale=4)) == {("stale", "B", "2021-01-21")}


def test_what_has_no_second_tier_is_said() -> None:
    with pytest.raises(ContractError, match="schema 'weights', tier 2: expected 'returns'"):
        schema("weights", tier=2)
    with pytest.raises(ContractError, match="a calendar and rules are of tier 2"):
        schema("returns", rules=AuditRules())


def test_dates_are_a_column() -> None:
    import pandera.errors

    with pytest.raises(pandera.errors.SchemaErrors, match="column 'date' not in dataframe"):
        schema("returns", tier=2).validate(frame().drop(columns="date"), lazy=True)


@pytest.mark.parametrize("check", CHECKS)
def test_one_check_alone_finds_what_it_finds_among_all(check: str) -> None:
    cells = [(slice(10, 13), 1, nan), (50, 0, -0.5), (slice(20, 26), 1, 0.0), (60, 2, 4.89)]
    data = frame(*cells, (slice(100, 200), 0, nan), (slice(0, 5), 2, nan), (90, slice(0, 3), 0.0))
    matrix = ReturnsMatrix(
        DAYS.tz_localize(None).to_numpy("M8[us]"), tuple("ABC"), data[list("ABC")].to_numpy()
    )
    sessions = matrix.dates[:-1]
    assert audit(matrix, sessions, checks=[check]).findings == audit(matrix, sessions).of(check)


@pytest.mark.skipif(not REAL.exists(), reason="no folder shared/data beside the repository")
@pytest.mark.parametrize(
    ("file", "calendar", "known"),
    [
        (EQUITIES, "XNYS", None),
        (CRYPTO, "24/7", ("split_like", "mco", "2021-04-04")),
    ],
)
def test_real_files_fail_where_the_audit_finds(
    file: Path, calendar: str, known: tuple[str, str, str] | None
) -> None:
    data = DataConfig(prices=str(file))
    matrix = ingest(open_source(data), data).matrix
    days = pd.DatetimeIndex(matrix.dates, tz="UTC")
    wide = pd.DataFrame(matrix.values, index=days, columns=list(matrix.symbols)).assign(date=days)
    report = audit(matrix, open_calendar(calendar))
    found = failures(wide, calendar=open_calendar(calendar))
    expected = {
        (one.check, one.symbol or "date", one.first)
        for one in report.findings
        if one.severity == "warn" and one.check not in {"gap", "missing_session"}
    }
    assert {one for one in found if one[0] not in {"gap", "missing_session"}} == expected
    assert {one[1] for one in found if one[0] == "gap"} == {one.symbol for one in report.of("gap")}
    assert known is None or known in found
