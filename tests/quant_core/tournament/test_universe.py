from __future__ import annotations

import numpy as np
import pytest

from quant_core.tournament import members
from quant_core.windows import Window

NAN = np.nan
COLUMNS: dict[str, tuple[list[float], str | None]] = {
    # Before the train period, four days of it, and one day after.
    "complete": ([NAN, 1, 2, 1, 2, NAN], ""),
    "late": ([NAN, NAN, NAN, 1, 2, 3], "first observation inside the train period"),
    "late, seen before": ([1, NAN, NAN, 1, 2, 3], "first observation inside the train period"),
    "ended": ([1, 2, 1, 2, NAN, NAN], "no observation at the end of the train period"),
    "seen once": ([NAN, NAN, 1, NAN, NAN, 1], "no observation at the end of the train period"),
    "gap": ([1, 2, NAN, 1, 2, 3], "gap inside the train period"),
    "late with a gap": ([NAN, NAN, 1, NAN, 2, 3], "gap inside the train period"),
    "constant": ([1, 2, 2, 2, 2, 3], "constant over the train period"),
    "constant but late": ([NAN, NAN, 2, 2, 2, 3], "first observation inside the train period"),
    "not listed yet": ([NAN, NAN, NAN, NAN, NAN, 3], None),
    "gone": ([1, NAN, NAN, NAN, NAN, NAN], None),
}
WINDOW = Window(
    "2020-02-01",
    np.datetime64("2020-02-01"),
    np.datetime64("2020-03-01"),
    train=slice(1, 5),
    test=slice(5, 6),
)


@pytest.mark.parametrize("name", COLUMNS)
def test_reasons(name: str) -> None:
    series, reason = COLUMNS[name]
    found = members(np.array([series]).T, np.array([0]), WINDOW)
    assert found.reason == (() if reason is None else (reason,))
    assert found.columns.tolist() == ([] if reason is None else [0])
    assert found.eligible.tolist() == ([0] if reason == "" else [])


def test_columns_keep_their_numbers_and_the_benchmark_stays_out() -> None:
    values = np.column_stack([COLUMNS[name][0] for name in COLUMNS])
    found = members(values, np.array([0, 3, 5, 9]), WINDOW)
    assert found.columns.tolist() == [0, 3, 5]
    assert found.eligible.tolist() == [0]


def test_only_the_train_period_is_read() -> None:
    values = np.column_stack([COLUMNS[name][0] for name in COLUMNS])
    blind = values.copy()
    blind[[0, 5]] = 99.0
    every = np.arange(values.shape[1])
    assert members(blind, every, WINDOW).reason == members(values, every, WINDOW).reason
