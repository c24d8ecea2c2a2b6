from __future__ import annotations

import numpy as np
import pytest

from quant_core.errors import DataError
from quant_core.features import Feature, FeatureBank, FeatureSet

PRICES = np.exp(np.random.default_rng(2).normal(0, 0.01, 400).cumsum())


def features(*windows: int) -> FeatureSet:
    return FeatureSet(features=tuple(Feature(kind="sma", window=window) for window in windows))


def push(bank: FeatureBank, start: int, stop: int, name: str = "a") -> np.ndarray:
    """Push prices of one instrument; the values of their rows."""
    piece = np.arange(start, stop)
    (rows,) = bank.push((name,), np.zeros(len(piece), int), piece, PRICES[piece])
    return np.asarray(rows.values)


def test_equal_features_are_computed_once() -> None:
    one, two, three = features(2, 3), features(3, 5), features(5, 2)
    bank = FeatureBank([one, two, two, three])
    assert push(bank, 0, 10).shape == (10, 3)
    assert bank.columns(one).tolist() == [0, 1]
    assert bank.columns(two).tolist() == [1, 2]
    assert bank.columns(three).tolist() == [2, 0]
    assert bank.hit_ratio == 1 - 3 / 8


def test_hit_ratio_before_any_tick_and_without_sets() -> None:
    assert FeatureBank([features(2), features(2)]).hit_ratio == 0.5
    assert FeatureBank([features(2)]).hit_ratio == 0.0
    assert FeatureBank([]).hit_ratio == 0.0


def test_utilization() -> None:
    bank = FeatureBank([features(4)])
    assert bank.utilization == 0.0
    push(bank, 0, 2)
    assert bank.utilization == 0.5
    push(bank, 2, 9)
    assert bank.utilization == 1.0
    push(bank, 0, 1, "b")
    assert bank.utilization == 0.625


def test_a_bank_without_sets_takes_ticks() -> None:
    bank = FeatureBank([])
    assert bank.push(("a",), np.zeros(2, int), np.arange(2), np.ones(2)) == []
    assert bank.instruments == ("a",)


def test_an_empty_batch() -> None:
    bank = FeatureBank([features(2)])
    (rows,) = bank.push((), np.empty(0, np.int32), np.empty(0, np.int64), np.empty(0))
    assert len(rows) == 0
    assert rows.values.shape == (0, 1)


def test_history_is_a_view_that_cannot_be_written() -> None:
    bank = FeatureBank([features(4)])
    for start in range(11):
        push(bank, start, start + 1)
        held = min(start + 1, 3)
        view = bank.history("a", "tick", 3)
        assert view.tolist() == PRICES[start + 1 - held : start + 1].tolist()
        assert view.base is not None
        assert view.flags.c_contiguous
    with pytest.raises(ValueError, match="read-only"):
        view[0] = 1.0
    assert bank.history("nobody", "tick", 3).tolist() == []


def test_history_beyond_the_ring_is_refused() -> None:
    bank = FeatureBank([features(4)])
    with pytest.raises(DataError, match="expected at most 4 observations, found 5"):
        bank.history("a", "tick", 5)
    with pytest.raises(DataError, match="expected one of tick, found 1m"):
        bank.history("a", "1m", 1)
    longer = FeatureBank([features(4)], history=9)
    push(longer, 0, 20)
    assert longer.history("a", "tick", 9).tolist() == PRICES[11:20].tolist()


def test_swapping_sets_keeps_history() -> None:
    old, new = features(3), features(5, 8)
    bank = FeatureBank([old])
    push(bank, 0, 50)
    swapped = bank.with_sets([old, new])
    values = push(swapped, 50, 60)
    expected = FeatureSet(features=old.features).batch(PRICES[:60, None])[50:, 0]
    assert values[:, swapped.columns(old)].tobytes() == expected.tobytes()
    # Three prices were held: the fifth comes with the second tick, the eighth with the fifth.
    later = new.batch(PRICES[47:60, None])[3:, 0]
    assert values[:, swapped.columns(new)].tobytes() == later.tobytes()
    assert np.isnan(values[:, swapped.columns(new)]).sum(axis=0).tolist() == [1, 4]


def test_swapping_back_and_forth_is_as_if_never_swapped() -> None:
    long, short = features(20), features(3)
    bank, still = FeatureBank([long, short]), FeatureBank([long, short])
    for start in range(0, 200, 10):
        bank = bank.with_sets([short, long] if start % 20 else [long, short])
        ours = push(bank, start, start + 10)[:, bank.columns(long)]
        assert ours.tobytes() == push(still, start, start + 10)[:, still.columns(long)].tobytes()
    shorter = bank.with_sets([short])
    push(shorter, 200, 210)
    again = shorter.with_sets([long])
    assert again.history("a", "tick", 20).tolist() == PRICES[190:210].tolist()


def test_a_longer_history_comes_with_new_sets() -> None:
    bank = FeatureBank([features(3)])
    push(bank, 0, 50)
    longer = bank.with_sets([features(3)], history=30).with_sets([features(2)])
    push(longer, 50, 60)
    assert longer.history("a", "tick", 30).tolist() == PRICES[47:60].tolist()


def test_counts_after_a_ring_grew() -> None:
    bank = FeatureBank([features(3)])
    push(bank, 0, 50)
    swapped = bank.with_sets([features(10)])
    (rows,) = swapped.push(("a",), np.zeros(8, int), np.arange(50, 58), PRICES[50:58])
    assert rows.count.tolist() == [4, 5, 6, 7, 8, 9, 10, 11]
    assert rows.seen.tolist() == [51, 52, 53, 54, 55, 56, 57, 58]
    assert (np.isnan(rows.values[:, 0]) == (rows.count < 10)).all()


def test_an_old_bank_writes_within_its_rings() -> None:
    bars = FeatureSet(features=features(2).features, sampling="1s")
    bank = FeatureBank([bars])
    swapped = bank.with_sets([features(2)])
    names = tuple(f"i{number}" for number in range(100))
    swapped.push(names, np.arange(100), np.zeros(100, int), np.ones(100))
    bank.push(names, np.arange(100), np.full(100, 2 * 10**9), np.ones(100))
    assert [len(rows) for rows in bank.close_bars()] == [100]


def test_a_set_of_another_bank_has_no_columns() -> None:
    bank = FeatureBank([features(3)])
    with pytest.raises(DataError, match=r"found sma_4 at tick; call with_sets first"):
        bank.columns(features(3, 4))
    with pytest.raises(DataError, match=r"found sma_3 at 1m"):
        bank.columns(FeatureSet(features=features(3).features, sampling="1m"))


@pytest.mark.parametrize("price", [0.0, -1.0, np.nan, np.inf])
def test_a_wrong_price_takes_nothing(price: float) -> None:
    bank = FeatureBank([features(2)])
    wrong = np.array([1.0, price])
    with pytest.raises(DataError, match=f"positive finite numbers, found {price} at 1"):
        bank.push(("a",), np.zeros(2, int), np.arange(2), wrong)
    assert bank.history("a", "tick", 2).tolist() == []


def test_a_late_tick_takes_nothing() -> None:
    bank = FeatureBank([features(2)])
    ts = np.array([5, 7, 6])
    bank.push(("a", "b"), np.array([0, 1, 0]), ts, np.ones(3))
    with pytest.raises(DataError, match="ticks of b in order, found 8 at 2 after a later one"):
        bank.push(("a", "b"), np.array([0, 1, 1]), np.array([7, 9, 8]), np.full(3, 2.0))
    assert bank.history("a", "tick", 2).tolist() == [1.0, 1.0]
    (rows,) = bank.push(("b", "a"), np.array([0, 1]), np.array([7, 6]), np.full(2, 2.0))
    assert rows.count.tolist() == [2, 3]


def test_a_refused_batch_makes_no_instrument_known() -> None:
    bank, names = FeatureBank([features(2)], max_instruments=2), ("a", "b", "c")
    for instrument, ts, price in (
        ([0, 1], [5, 6], [1.0, -1.0]),  # a wrong price
        ([0, 1, 1], [5, 6, 4], [1.0, 1.0, 1.0]),  # a late tick of a name in the same batch
        ([0, 1, 2], [5, 6, 7], [1.0, 1.0, 1.0]),  # one too many
        ([0, 3], [5, 6], [1.0, 1.0]),  # a code without a name
    ):
        with pytest.raises(DataError):
            bank.push(names, np.array(instrument), np.array(ts), np.array(price))
        assert bank.instruments == ()
    (rows,) = bank.push(names, np.array([2, 1]), np.array([1, 1]), np.ones(2))
    assert bank.instruments == ("c", "b")
    assert rows.instrument.tolist() == [0, 1]
    assert rows.count.tolist() == [1, 1]


def test_a_name_twice_is_one_instrument() -> None:
    bank = FeatureBank([features(2)])
    (rows,) = bank.push(("a", "a", "b"), np.array([0, 1, 2]), np.arange(3), np.ones(3))
    assert bank.instruments == ("a", "b")
    assert rows.instrument.tolist() == [0, 0, 1]


def test_names_in_a_list_are_not_those_of_no_names() -> None:
    bank = FeatureBank([features(2)])
    bank.push(["a"], np.zeros(1, int), np.arange(1), np.ones(1))
    with pytest.raises(DataError, match="expected codes of 0 names, found 0"):
        bank.push((), np.zeros(1, int), np.arange(1), np.ones(1))


def test_columns_that_cannot_be_written_or_have_gaps_or_other_widths() -> None:
    bank, still = FeatureBank([features(2)]), FeatureBank([features(2)])
    ts, price = np.arange(6), PRICES[:6].copy()
    ts.flags.writeable = price.flags.writeable = False
    (ours,) = bank.push(("a",), np.zeros(6, np.uint16)[::2], ts[::2], price[::2])
    (theirs,) = still.push(("a",), np.zeros(3, int), np.arange(0, 6, 2), PRICES[:6:2].copy())
    assert ours.values.tobytes() == theirs.values.tobytes()
    with pytest.raises(TypeError, match="Cannot cast"):
        bank.push(("a",), np.zeros(1), np.arange(9, 10), np.ones(1))


def test_codes_that_do_not_fit_the_prices() -> None:
    with pytest.raises(DataError, match=r"expected 2 codes, found \(3,\)"):
        FeatureBank([features(2)]).push(("a",), np.zeros(3, int), np.arange(2), np.ones(2))


@pytest.mark.parametrize("code", [-1, 2])
def test_codes_without_a_name(code: int) -> None:
    with pytest.raises(DataError, match=f"expected codes of 2 names, found {code}"):
        FeatureBank([features(2)]).push(("a", "b"), np.array([code]), np.arange(1), np.ones(1))


def test_instants_that_do_not_fit_the_prices() -> None:
    with pytest.raises(DataError, match=r"ts: expected 2 instants, found \(1,\)"):
        FeatureBank([features(2)]).push(("a",), np.zeros(2, int), np.arange(1), np.ones(2))


def test_instruments_are_capped() -> None:
    bank = FeatureBank([features(2)], max_instruments=20)
    names = tuple(f"i{number}" for number in range(21))
    bank.push(names, np.arange(20), np.arange(20), np.ones(20))
    with pytest.raises(DataError, match="at most 20, found another one, i20"):
        bank.push(names, np.array([3, 20]), np.array([30, 31]), np.ones(2))
    assert len(bank.instruments) == 20
    (rows,) = bank.push(names, np.array([3]), np.array([30]), np.ones(1))
    assert rows.count.tolist() == [2]


def test_many_instruments_grow_the_rings() -> None:
    bank = FeatureBank([features(2)])
    expected = {}
    for number in range(100):
        push(bank, number, number + 3, f"i{number}")
        expected[f"i{number}"] = PRICES[number + 1 : number + 3].tolist()
    assert {name: bank.history(name, "tick", 2).tolist() for name in expected} == expected


def test_only_instruments_with_ticks_count() -> None:
    bank = FeatureBank([features(2)], max_instruments=1)
    bank.push(("a", "b", "c"), np.array([1, 1]), np.arange(2), np.ones(2))
    assert bank.instruments == ("b",)


def test_names_in_a_list_may_change() -> None:
    bank, names = FeatureBank([features(2)]), ["a"]
    bank.push(names, np.zeros(1, int), np.arange(1), np.ones(1))
    names[0] = "b"
    bank.push(names, np.zeros(1, int), np.arange(1), np.ones(1))
    assert bank.instruments == ("a", "b")


def test_a_forgotten_instrument_begins_again() -> None:
    bank = FeatureBank([features(3)])
    push(bank, 100, 110)
    bank.forget("a")
    bank.forget("nobody")
    again = push(bank, 0, 10)
    assert again.tobytes() == features(3).batch(PRICES[:10, None])[:, 0].tobytes()
    assert bank.instruments == ("a",)


def test_memory_stays_as_it_is() -> None:
    bank = FeatureBank([features(50)])
    push(bank, 0, 1)
    block = bank.history("a", "tick", 1).base
    push(bank, 1, 400)
    assert bank.history("a", "tick", 1).base is block
