from __future__ import annotations

import numpy as np
import pytest

from quant_core.errors import DataError
from quant_core.features import Feature, FeatureBank, FeatureSet, bars

SECOND = 10**9
CLOSES = FeatureSet(features=(Feature(kind="sma", window=1),), sampling="10s")


def ticks(*at: float) -> np.ndarray:
    return np.array([round(second * SECOND) for second in at], dtype=np.int64)


def test_bars_of_one_instrument() -> None:
    found = bars(ticks(0, 3, 9.999, 10, 35, 36, 61), np.arange(1.0, 8.0), "10s")
    assert (found.start // SECOND).tolist() == [0, 10, 30, 60]
    assert found.close.tolist() == [3.0, 4.0, 6.0, 7.0]
    assert found.known.tolist() == [3, 4, 6, 7]


def test_bars_are_aligned_to_the_epoch_and_before_it() -> None:
    found = bars(ticks(-11, -10, -1, 0), np.arange(1.0, 5.0), "10s")
    assert (found.start // SECOND).tolist() == [-20, -10, 0]
    assert found.close.tolist() == [1.0, 3.0, 4.0]


@pytest.mark.parametrize(
    ("sampling", "seconds"), [("1s", 1), ("5m", 300), ("2h", 7200), ("1d", 86_400)]
)
def test_width(sampling: str, seconds: int) -> None:
    found = bars(ticks(0, seconds - 1, seconds), np.ones(3), sampling)
    assert (found.start // SECOND).tolist() == [0, seconds]


def test_ticks_are_bars_of_their_own() -> None:
    found = bars(ticks(1, 1, 2), np.array([3.0, 4.0, 5.0]), "tick")
    assert found.close.tolist() == [3.0, 4.0, 5.0]
    assert found.known.tolist() == [0, 1, 2]


def test_no_ticks_make_no_bars() -> None:
    assert bars(ticks(), np.empty(0), "1m").known.tolist() == []


def test_ticks_out_of_order_make_no_bars() -> None:
    with pytest.raises(DataError, match="an earlier one at 2"):
        bars(ticks(1, 3, 2), np.ones(3), "1m")


def test_a_bar_closes_with_the_first_tick_of_a_later_one() -> None:
    bank = FeatureBank([CLOSES])
    code = np.array([0, 1, 0, 0, 1, 0])
    at, price = ticks(1, 2, 9, 10, 11, 45), np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    (rows,) = bank.push(("a", "b"), code, at, price)
    assert rows.tick.tolist() == [3, 4, 5]
    assert [bank.instruments[code] for code in rows.instrument] == ["a", "b", "a"]
    assert rows.values[:, 0].tolist() == [3.0, 2.0, 4.0]
    assert rows.ts.tolist() == at[[3, 4, 5]].tolist()
    assert rows.count.tolist() == [1, 1, 2]
    (ends,) = bank.close_bars()
    assert ends.tick.tolist() == [-1, -1]
    assert ends.values[:, 0].tolist() == [6.0, 5.0]
    assert ends.ts.tolist() == ticks(50, 20).tolist()
    assert ends.count.tolist() == [3, 2]
    assert len(bank.close_bars()[0]) == 0


def test_a_tick_within_a_closed_bar_is_late() -> None:
    bank = FeatureBank([CLOSES])
    bank.push(("a",), np.zeros(1, int), ticks(12), np.ones(1))
    bank.close_bars()
    with pytest.raises(DataError, match="expected the ticks of a in order"):
        bank.push(("a",), np.zeros(1, int), ticks(19), np.ones(1))
    (rows,) = bank.push(("a",), np.zeros(2, int), ticks(20, 30), np.array([2.0, 3.0]))
    assert rows.values[:, 0].tolist() == [2.0]
    assert rows.count.tolist() == [2]


def test_samplings_side_by_side() -> None:
    each = FeatureSet(features=CLOSES.features)
    bank = FeatureBank([each, CLOSES])
    assert bank.samplings == ("tick", "10s")
    every, closed = bank.push(("a",), np.zeros(3, int), ticks(1, 2, 11), np.array([1.0, 2.0, 3.0]))
    assert (every.sampling, every.tick.tolist()) == ("tick", [0, 1, 2])
    assert (closed.sampling, closed.tick.tolist()) == ("10s", [2])
    assert [len(rows) for rows in bank.close_bars()] == [0, 1]
