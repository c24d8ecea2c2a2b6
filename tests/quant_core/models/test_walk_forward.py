from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_core.errors import ConfigError
from quant_core.models import WalkForward

WEEKDAYS = np.busday_offset("2020-01-20", np.arange(35), roll="forward")


def _days(dates: np.ndarray, rows: slice) -> tuple[str, str, int]:
    chosen = dates[rows].astype("datetime64[D]").astype(str).tolist()
    return (chosen[0], chosen[-1], len(chosen)) if chosen else ("", "", 0)


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        # The label of Thursday 30 ends on Friday 31; that of Friday would end in February.
        (
            {"train": 5, "horizon": 1},
            [
                (("2020-01-24", "2020-01-30", 5), ("2020-01-31", "2020-01-31", 1), 20),
                (("2020-02-21", "2020-02-27", 5), ("2020-02-28", "2020-02-28", 1), 5),
            ],
        ),
        # Labels of five days: the last to end in January begins on Friday 24.
        (
            {"train": 4, "horizon": 5},
            [
                (("2020-01-21", "2020-01-24", 4), ("2020-01-27", "2020-01-31", 5), 20),
                (("2020-02-18", "2020-02-21", 4), ("2020-02-24", "2020-02-28", 5), 5),
            ],
        ),
        # Two days of embargo more.
        (
            {"train": 3, "horizon": 5, "embargo": 2},
            [
                (("2020-01-20", "2020-01-22", 3), ("2020-01-23", "2020-01-31", 7), 20),
                (("2020-02-17", "2020-02-19", 3), ("2020-02-20", "2020-02-28", 7), 5),
            ],
        ),
        # One more day to train on than January has.
        (
            {"train": 4, "horizon": 5, "embargo": 2},
            [(("2020-02-14", "2020-02-19", 4), ("2020-02-20", "2020-02-28", 7), 5)],
        ),
        (
            {"train": 5, "horizon": 1, "expanding": True},
            [
                (("2020-01-20", "2020-01-30", 9), ("2020-01-31", "2020-01-31", 1), 20),
                (("2020-01-20", "2020-02-27", 29), ("2020-02-28", "2020-02-28", 1), 5),
            ],
        ),
        (
            {"train": 8, "horizon": 2, "step": "week"},
            [
                (("2020-01-20", "2020-01-29", 8), ("2020-01-30", "2020-01-31", 2), 5),
                (("2020-01-27", "2020-02-05", 8), ("2020-02-06", "2020-02-07", 2), 5),
                (("2020-02-03", "2020-02-12", 8), ("2020-02-13", "2020-02-14", 2), 5),
                (("2020-02-10", "2020-02-19", 8), ("2020-02-20", "2020-02-21", 2), 5),
                (("2020-02-17", "2020-02-26", 8), ("2020-02-27", "2020-02-28", 2), 5),
            ],
        ),
    ],
)
def test_the_dates_of_every_split(parameters: dict[str, Any], expected: list[Any]) -> None:
    found = [
        (
            _days(WEEKDAYS, split.train),
            _days(WEEKDAYS, split.purged),
            _days(WEEKDAYS, split.test)[2],
        )
        for split in WalkForward(**parameters).splits(WEEKDAYS)
    ]
    assert found == expected


def test_keys_are_the_calendar() -> None:
    splits = list(WalkForward(train=5).splits(WEEKDAYS))
    assert [split.key for split in splits] == ["2020-02-01", "2020-03-01"]
    assert [split.month for split in splits] == ["2020-02", "2020-03"]


@given(
    train=st.integers(2, 60),
    horizon=st.integers(1, 30),
    embargo=st.integers(0, 20),
    expanding=st.booleans(),
    step=st.sampled_from(["month", "week"]),
    gaps=st.lists(st.integers(1, 9), min_size=1, max_size=250),
)
def test_no_label_of_a_training_row_reaches_into_the_test(
    train: int, horizon: int, embargo: int, *, expanding: bool, step: Any, gaps: list[int]
) -> None:
    dates = np.datetime64("2021-05-03") + np.cumsum(gaps)
    plan = WalkForward(train, step, horizon, embargo, expanding)
    tested: list[int] = []
    for split in plan.splits(dates):
        rows = np.arange(len(dates))
        ends = rows[split.train] + horizon
        assert ends.max() + embargo < split.test.start
        assert ends.max() + embargo == split.test.start - 1
        assert dates[split.test.start] >= np.datetime64(split.key) > dates[split.test.start - 1]
        assert split.train.stop == split.purged.start
        assert split.purged.stop == split.test.start
        length = split.train.stop - split.train.start
        assert length == split.train.stop if expanding else length == train
        assert length >= train
        tested.extend(rows[split.test])
    assert tested == sorted(set(tested))
    if tested:
        assert tested == list(range(tested[0], len(dates)))


def test_more_history_in_front_moves_no_split() -> None:
    plan = WalkForward(train=5, horizon=3, embargo=1)
    longer = np.concatenate(
        [np.busday_offset("2019-12-02", np.arange(35), roll="forward"), WEEKDAYS]
    )
    found = {s.key: longer[s.train].tolist() for s in plan.splits(longer)}
    for split in plan.splits(WEEKDAYS):
        assert found[split.key] == WEEKDAYS[split.train].tolist()


def test_the_model_of_a_month_to_come() -> None:
    split = WalkForward(train=5, horizon=2).split(WEEKDAYS, np.datetime64("2020-04-01"))
    assert split is not None
    assert _days(WEEKDAYS, split.train) == ("2020-02-27", "2020-03-04", 5)
    assert _days(WEEKDAYS, split.purged) == ("2020-03-05", "2020-03-06", 2)
    assert _days(WEEKDAYS, split.test) == ("", "", 0)


def test_too_little_to_train_on() -> None:
    plan = WalkForward(train=10, horizon=1)
    assert plan.split(WEEKDAYS, np.datetime64("2020-02-01")) is None
    assert [split.key for split in plan.splits(WEEKDAYS)] == ["2020-03-01"]
    assert list(plan.splits(WEEKDAYS[:0])) == []


def test_instants_are_dates_too() -> None:
    instants = WEEKDAYS.astype("datetime64[us]") + np.timedelta64(16, "h")
    plan = WalkForward(train=5)
    assert list(plan.splits(instants)) == list(plan.splits(WEEKDAYS))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"train": 1}, "walk_forward.train: expected at least 2, found 1"),
        ({"train": 5, "horizon": 0}, "walk_forward.horizon: expected at least 1, found 0"),
        ({"train": 5, "embargo": -1}, "walk_forward.embargo: expected at least 0, found -1"),
        ({"train": 5, "step": "day"}, "expected 'month' or 'week', found 'day'"),
    ],
)
def test_parameters_of_the_plan_out_of_range(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        WalkForward(**parameters)
