from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_core.errors import ConfigError, DataError
from quant_core.windows import WindowGrid


def days(first: str, last: str) -> np.ndarray:
    return np.arange(first, last, dtype="datetime64[D]").astype("datetime64[us]")


def weekdays(first: str, last: str) -> np.ndarray:
    every = np.arange(first, last, dtype="datetime64[D]")
    return every[np.is_busday(every)].astype("datetime64[us]")


MONTHS = [
    ("2020-02-01", (0, 31), (31, 60)),
    ("2020-03-01", (29, 60), (60, 91)),
    ("2020-04-01", (60, 91), (91, 93)),
]
WEEKS = [
    # 2020-01-06 is a Monday; the first three rows are Wednesday to Friday of the week before.
    ("2020-01-13", (3, 8), (8, 13)),
    ("2020-01-20", (8, 13), (13, 18)),
    ("2020-01-27", (13, 18), (18, 20)),
]


@pytest.mark.parametrize(
    ("step", "train", "dates", "expected"),
    [
        ("month", 31, days("2020-01-01", "2020-04-03"), MONTHS),
        ("week", 5, weekdays("2020-01-01", "2020-01-29"), WEEKS),
        ("month", 2, days("2020-01-30", "2020-02-02"), [("2020-02-01", (0, 2), (2, 3))]),
        # One observation short of a full train period in February.
        ("month", 32, days("2020-01-01", "2020-03-02"), [("2020-03-01", (28, 60), (60, 61))]),
    ],
)
def test_windows(
    step: str,
    train: int,
    dates: np.ndarray,
    expected: list[tuple[str, tuple[int, int], tuple[int, int]]],
) -> None:
    found = WindowGrid(train=train, step=step).windows(dates)
    assert [(w.key, w.train, w.test) for w in found] == [
        (key, slice(*trained), slice(*tested)) for key, trained, tested in expected
    ]


def test_a_period_without_rows_is_no_window() -> None:
    dates = np.concatenate([days("2020-01-01", "2020-02-01"), days("2020-03-05", "2020-03-07")])
    found = WindowGrid(train=31).windows(dates)
    assert [(w.key, w.test) for w in found] == [("2020-03-01", slice(31, 33))]


@pytest.mark.parametrize(
    ("step", "day", "start", "following", "ordinal"),
    [
        ("month", "1970-01-31", "1970-01-01", "1970-02-01", 0),
        ("month", "2020-12-31", "2020-12-01", "2021-01-01", 611),
        ("week", "1970-01-04", "1969-12-29", "1970-01-05", -1),
        ("week", "1970-01-05", "1970-01-05", "1970-01-12", 0),
        ("week", "2020-01-05", "2019-12-30", "2020-01-06", 2608),
    ],
)
def test_calendar(step: str, day: str, start: str, following: str, ordinal: int) -> None:
    grid, instant = WindowGrid(train=2, step=step), np.datetime64(day, "D")
    assert grid.period(instant) == np.datetime64(start)
    assert grid.following(np.datetime64(start, "D")) == np.datetime64(following)
    late = instant.astype("datetime64[us]") + np.timedelta64(23, "h")
    assert grid.ordinals(np.array([late])).tolist() == [ordinal]


def test_a_window_is_open_before_its_first_row() -> None:
    window = WindowGrid(train=31).window(
        days("2020-01-01", "2020-02-01"), np.datetime64("2020-02-01")
    )
    assert window is not None
    assert (window.train, window.test, window.month) == (slice(0, 31), slice(31, 31), "2020-02")


def test_no_window_without_a_full_train_period() -> None:
    assert (
        WindowGrid(train=32).window(days("2020-01-01", "2020-02-09"), np.datetime64("2020-02-01"))
        is None
    )


@pytest.mark.parametrize("rows", [0, 1, 31])
def test_too_short_data_are_an_error(rows: int) -> None:
    dates = days("2020-01-01", "2020-02-01")[:rows]
    with pytest.raises(DataError) as raised:
        WindowGrid(train=31).windows(dates)
    assert str(raised.value) == (
        f"windows.train: 31 observations leave no test period in the {rows} rows of the data; "
        "shorten windows.train or bring more history"
    )


@pytest.mark.parametrize(
    ("train", "step", "message"),
    [
        (1, "month", "windows.train: expected at least 2 observations, found 1"),
        (2, "day", "windows.step: expected 'month' or 'week', found 'day'"),
    ],
)
def test_a_wrong_grid_is_an_error(train: int, step: str, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        WindowGrid(train=train, step=step)  # type: ignore[arg-type] - what is wrong is the point
    assert str(raised.value) == message


@given(
    gaps=st.lists(st.integers(1, 9), min_size=40, max_size=120),
    front=st.integers(1, 30),
    train=st.integers(2, 20),
    step=st.sampled_from(["month", "week"]),
)
def test_more_history_in_front_moves_no_window(
    gaps: list[int], front: int, train: int, step: str
) -> None:
    dates = np.datetime64("2019-05-17", "us") + np.cumsum(gaps).astype("timedelta64[D]")
    grid = WindowGrid(train=train, step=step)
    whole = {w.key: w for w in grid.windows(dates)}
    for window in grid.windows(dates[front:]):
        longer = whole[window.key]
        assert (longer.start, longer.end) == (window.start, window.end)
        assert slice(longer.train.start - front, longer.train.stop - front) == window.train
        assert slice(longer.test.start - front, longer.test.stop - front) == window.test


@given(
    gaps=st.lists(st.integers(1, 9), min_size=40, max_size=120),
    train=st.integers(2, 20),
    step=st.sampled_from(["month", "week"]),
)
def test_test_periods_cover_the_days_once_and_train_periods_end_before_them(
    gaps: list[int], train: int, step: str
) -> None:
    dates = np.datetime64("2019-05-17", "us") + np.cumsum(gaps).astype("timedelta64[D]")
    found = WindowGrid(train=train, step=step).windows(dates)
    assert found[-1].test.stop == len(dates)
    for before, after in pairwise(found):
        assert before.test.stop == after.test.start
    for window in found:
        assert window.train.stop == window.test.start
        assert window.train.stop - window.train.start == train
        assert (dates[window.train] < window.start).all()
        assert (window.start <= dates[window.test]).all()
        assert (dates[window.test] < window.end).all()
