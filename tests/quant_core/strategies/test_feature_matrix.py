from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from quant_core.data import ReturnsMatrix, ingest, open_source
from quant_core.features import Feature, FeatureSet
from quant_core.strategies import FeatureMatrix, feature_months, features_of

if TYPE_CHECKING:
    from quant_core.data import Ingested
    from tests.quant_core.strategies.conftest import Prices

FEATURES = (Feature(kind="momentum", window=5), Feature(kind="zscore", window=8))


def ingested(prices: Prices, name: str = "prices") -> Ingested:
    data = prices.config(name).data
    assert data is not None
    return ingest(open_source(data), data, prices=True)


def features(found: Ingested, *, of_prices: bool = True) -> FeatureMatrix:
    prices = found.prices if of_prices else None
    return features_of(found.matrix, prices, FEATURES, periods_per_year=252)


def test_prices_stand_where_the_returns_do(prices: Prices) -> None:
    found = ingested(prices)
    assert found.prices is not None
    np.testing.assert_array_equal(found.prices, prices.values)
    assert np.isnan(found.matrix.values[0]).all()


def test_a_gap_is_passed_over_as_live_ticks_are(prices: Prices) -> None:
    found, column = features(ingested(prices)), prices.symbols.index("CC")
    seen = ~np.isnan(prices.values[:, column])
    ticks = prices.values[seen][:, [column]]
    expected = FeatureSet(features=FEATURES).batch(ticks)[:, 0]
    assert found.values[seen, column].tobytes() == expected.tobytes()
    assert np.isnan(found.values[~seen, column]).all()


@pytest.mark.parametrize("cut", [60, 131, 222])
@pytest.mark.parametrize("of_prices", [True, False])
def test_the_future_changes_no_earlier_feature(
    prices: Prices, cut: int, *, of_prices: bool
) -> None:
    whole = features(ingested(prices), of_prices=of_prices)
    short = features(ingested(prices.until(cut), "short"), of_prices=of_prices)
    place = [whole.symbols.index(symbol) for symbol in short.symbols]
    assert whole.values[:cut][:, place].tobytes() == short.values.tobytes()


@pytest.mark.parametrize("of_prices", [True, False])
def test_a_month_needs_only_the_months_that_it_may_reach(
    prices: Prices, *, of_prices: bool
) -> None:
    found = ingested(prices)
    whole = features(found, of_prices=of_prices)
    months = found.matrix.dates.astype("datetime64[M]").astype(int)
    reach = max(feature_months(one.lookback, 252) for one in FEATURES)
    for month in np.unique(months)[4:]:
        since = int(np.searchsorted(months, month - reach))
        rows = slice(since, int(np.searchsorted(months, month + 1)))
        part = ReturnsMatrix(
            found.matrix.dates[rows], found.matrix.symbols, found.matrix.values[rows]
        )
        assert found.prices is not None
        own = features_of(
            part, found.prices[rows] if of_prices else None, FEATURES, periods_per_year=252
        )
        begin = int(np.searchsorted(months, month))
        assert own.values[begin - since :].tobytes() == whole.values[begin : rows.stop].tobytes()


def test_a_feature_that_would_reach_too_far_is_left_out(prices: Prices) -> None:
    values = prices.values.copy()
    column = prices.symbols.index("AA")
    values[30:150, column] = np.nan
    matrix = ReturnsMatrix(
        prices.dates.astype("datetime64[us]"), prices.symbols, np.zeros(values.shape)
    )
    found = features_of(matrix, values, FEATURES, periods_per_year=252).values[:, column]
    assert feature_months(6, 252) == 3
    assert np.isfinite(found[29]).all()
    assert np.isnan(found[150:155, 0]).all()
    assert np.isfinite(found[155:, 0]).all()


def test_returns_give_the_features_of_their_index(prices: Prices) -> None:
    found = ingested(prices)
    one, other = features(found), features(found, of_prices=False)
    both = np.isfinite(one.values) & np.isfinite(other.values)
    assert both.mean() > 0.7
    np.testing.assert_allclose(one.values[both], other.values[both], atol=1e-9)


def test_tables_of_months_are_the_matrix_again(prices: Prices) -> None:
    found = features(ingested(prices))
    tables = [found.to_table(slice(0, 100)), found.to_table(slice(100, None))]
    back = FeatureMatrix.from_tables(tables, found.names, found.dates, found.symbols)
    np.testing.assert_array_equal(back.values, found.values)
    fewer = FeatureMatrix.from_tables(tables, found.names[1:], found.dates[50:], ("CC", "ZZ"))
    np.testing.assert_array_equal(fewer.values[:, 0], found.values[50:, 2, 1:])
    assert np.isnan(fewer.values[:, 1]).all()
