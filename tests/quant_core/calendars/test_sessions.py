import subprocess
import sys

import numpy as np
import pytest

from quant_core.calendars import OBSERVED, calendar_names, open_calendar
from quant_core.errors import ConfigError, DataError


def _days(*days: str) -> np.ndarray:
    return np.array(days, dtype="datetime64[D]")


def _sessions(name: str, first: str, last: str) -> list[str]:
    return open_calendar(name).sessions(*_days(first, last)).astype(str).tolist()


@pytest.mark.parametrize(
    ("name", "first", "last", "expected"),
    [
        # New Year's Day and a weekend.
        ("XNYS", "2014-12-31", "2015-01-05", ["2014-12-31", "2015-01-02", "2015-01-05"]),
        # The mourning of George H. W. Bush: an unplanned holiday.
        ("XNYS", "2018-12-04", "2018-12-06", ["2018-12-04", "2018-12-06"]),
        ("XNYS", "2013-02-09", "2013-02-10", []),
        ("XNYS", "2013-02-08", "2013-02-08", ["2013-02-08"]),
        ("XNYS", "2013-02-09", "2013-02-09", []),
        ("XNYS", "2013-02-09", "2013-02-08", []),
        ("NYSE", "2018-07-03", "2018-07-05", ["2018-07-03", "2018-07-05"]),
        ("XTKS", "1997-01-03", "1997-01-07", ["1997-01-06", "1997-01-07"]),
        ("24/7", "2021-01-02", "2021-01-03", ["2021-01-02", "2021-01-03"]),
        ("24/7", "2021-01-02", "2021-01-01", []),
    ],
)
def test_sessions(name: str, first: str, last: str, expected: list[str]) -> None:
    assert _sessions(name, first, last) == expected


def test_years_have_the_known_number_of_sessions() -> None:
    years = {
        year: len(_sessions("XNYS", f"{year}-01-01", f"{year}-12-31")) for year in (2012, 2016)
    }
    # 2012 lost two days to a hurricane.
    assert years == {2012: 250, 2016: 252}


def test_asking_further_back_later_on_changes_nothing() -> None:
    once = _sessions("XLON", "2015-03-01", "2015-03-31")
    assert len(_sessions("XLON", "1999-01-01", "2031-12-31")) > 8000
    assert _sessions("XLON", "2015-03-01", "2015-03-31") == once


def test_a_calendar_known_up_to_a_day_is_asked_up_to_it() -> None:
    last = _sessions("XTKS", "1997-01-01", "1997-12-31")[-1]
    assert last == "1997-12-30"


def test_a_calendar_that_does_not_reach_so_far_says_so() -> None:
    with pytest.raises(DataError, match=r"calendar XTKS: does not reach from 1990-01-01"):
        _sessions("XTKS", "1990-01-01", "1991-01-01")


def test_a_date_beyond_all_calendars_is_an_error_of_ours() -> None:
    with pytest.raises(DataError, match="does not reach"):
        _sessions("XNYS", "2015-01-01", "9999-01-01")


def test_sessions_cannot_be_overwritten() -> None:
    found = open_calendar("XNYS").sessions(*_days("2015-01-01", "2015-02-01"))
    with pytest.raises(ValueError, match="read-only"):
        found[0] = found[1]


def test_observed_days_are_not_judged() -> None:
    calendar = open_calendar(OBSERVED)
    assert not calendar.judges
    assert open_calendar("24/7").judges
    with pytest.raises(ConfigError, match="knows no sessions"):
        calendar.sessions(*_days("2015-01-01", "2015-02-01"))


def test_an_unknown_calendar_names_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"unknown calendar 'XNYX'; expected .*'XNYS'"):
        open_calendar("XNYX")


def test_names() -> None:
    names = calendar_names()
    assert {"observed", "24/7", "XNYS", "XTKS"} <= set(names)
    assert names == sorted(names)


def test_days_without_an_exchange_need_no_library() -> None:
    code = (
        "import sys; from quant_core.calendars import open_calendar; "
        "open_calendar('24/7'); open_calendar('observed'); "
        "assert not {'exchange_calendars', 'pandas'} & set(sys.modules), 'imported'"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
