from __future__ import annotations

import numpy as np
import pytest

from quant_core.errors import DataError
from quant_core.features import Feature, FeatureBank, FeatureSet


def history(length: int) -> np.ndarray:
    prices = np.exp(np.random.default_rng(3).normal(0, 0.02, (length, 4)).cumsum(axis=0))
    prices[:41, 1] = np.nan
    prices[:, 2] = np.nan
    prices[150:, 3] = np.nan
    return prices


def test_the_future_changes_no_row(every_kind: tuple[Feature, ...]) -> None:
    chosen, prices = FeatureSet(features=every_kind), history(220)
    whole = chosen.batch(prices)
    for cut in range(len(prices) + 1):
        assert chosen.batch(prices[:cut]).tobytes() == whole[:cut].tobytes()


def test_the_past_beyond_the_lookback_changes_no_row(every_kind: tuple[Feature, ...]) -> None:
    chosen, prices = FeatureSet(features=every_kind), history(220)[:, :1]
    whole = chosen.batch(prices)
    for start in range(220 - chosen.lookback + 1):
        part = chosen.batch(prices[start:])
        assert (
            part[chosen.lookback - 1 :].tobytes() == whole[start + chosen.lookback - 1 :].tobytes()
        )


def test_other_columns_change_no_value(every_kind: tuple[Feature, ...]) -> None:
    chosen, prices = FeatureSet(features=every_kind), history(120)
    whole = chosen.batch(prices)
    for column in range(4):
        alone = chosen.batch(prices[:, [column]])[:, 0]
        assert alone.tobytes() == np.ascontiguousarray(whole[:, column]).tobytes()


def test_real_closes(
    closes: tuple[tuple[str, ...], np.ndarray, np.ndarray], every_kind: tuple[Feature, ...]
) -> None:
    chosen, prices = FeatureSet(features=every_kind), closes[2][:, ::25]
    whole = chosen.batch(prices)
    for cut in range(1, len(prices), 61):
        assert chosen.batch(prices[:cut]).tobytes() == whole[:cut].tobytes()


def test_no_row_of_the_stream_sees_a_later_tick(every_kind: tuple[Feature, ...]) -> None:
    chosen = FeatureSet(features=every_kind, sampling="2s")
    rng = np.random.default_rng(5)
    ts, price = rng.integers(0, 10**9, 400).cumsum(), np.exp(rng.normal(0, 0.01, 400).cumsum())
    code = np.zeros(400, dtype=np.int32)
    (whole,) = FeatureBank([chosen]).push(("a",), code, ts, price)
    for cut in range(0, 401, 9):
        (part,) = FeatureBank([chosen]).push(("a",), code[:cut], ts[:cut], price[:cut])
        assert part.tick.tolist() == whole.tick[whole.tick < cut].tolist()
        assert part.values.tobytes() == whole.values[: len(part)].tobytes()


def test_rows_without_a_price_are_missing(every_kind: tuple[Feature, ...]) -> None:
    values = FeatureSet(features=every_kind).batch(history(220))
    assert np.isnan(values[:, 2]).all()
    assert np.isnan(values[150:, 3]).all()
    assert not np.isnan(values[149, 3]).any()
    assert not np.isinf(values).any()


@pytest.mark.parametrize(
    ("row", "price", "message"),
    [
        (3, np.nan, "expected NaN only before the first and after the last price .* row 3 of colu"),
        (2, 0.0, "expected positive finite numbers, found 0.0 in row 2 of column 1"),
        (2, -1.0, "found -1.0 in row 2"),
        (0, np.inf, "found inf in row 0"),
    ],
)
def test_wrong_prices_are_refused(row: int, price: float, message: str) -> None:
    prices = np.ones((6, 2))
    prices[row, 1] = price
    with pytest.raises(DataError, match=message):
        FeatureSet(features=(Feature(kind="return", window=1),)).batch(prices)


def test_a_vector_is_refused() -> None:
    with pytest.raises(DataError, match=r"\(T, n\) matrix, found shape \(5,\)"):
        FeatureSet(features=(Feature(kind="return", window=1),)).batch(np.ones(5))


@pytest.mark.parametrize("shape", [(0, 3), (4, 0)])
def test_nothing_gives_nothing(shape: tuple[int, int]) -> None:
    chosen = FeatureSet(features=(Feature(kind="return", window=1),))
    assert chosen.batch(np.ones(shape)).shape == (*shape, 1)
