"""The assets of strategies, month by month, against the plain library on the whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from quant_assets._models import ModelMonths, market_of
from quant_assets._resources import LakehouseRoot
from quant_assets._sleeves import Sleeve
from quant_assets.defs.models.atom_returns import _Streams
from quant_assets.defs.models.feature_matrix import _features
from quant_assets.partitions import partition_key
from quant_core.compute import SerialCompute
from quant_core.data import RawObservations, ReturnsMatrix, ingest_month, open_source
from quant_core.errors import DataError
from quant_core.strategies import month_rows, read_models
from quant_core.tournament import run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SLEEVE = """
sleeve: own
data: {sample: true, start: 2006-01-01, end: 2007-06-30}
selections: [all]
profiles: [equal_weight]
rebalances: [window]
windows: {train: 60}
strategies:
  - name: trend
    features: [{kind: momentum, window: 20}, {kind: zscore, window: 15}]
    model: {kind: linear}
    training: {observations: 120, validation: 40, retrain_months: 3}
  - name: trees
    features: [{kind: zscore, window: 15}]
    model: {kind: hist_gradient_boosting, trees: 4}
    training: {observations: 90, validation: 30}
    directions: [short]
    symbols: [AAPL, KO]
"""
MONTHS = [f"2006-{month:02d}" for month in range(1, 13)] + [f"2007-0{m}" for m in range(1, 7)]

type Tables = dict[str, pa.Table]


@pytest.fixture(scope="module")
def sleeve(tmp_path_factory: pytest.TempPathFactory) -> Sleeve:
    path = tmp_path_factory.mktemp("sleeve") / "own.yaml"
    path.write_text(SLEEVE)
    return Sleeve.load(path)


@pytest.fixture(scope="module")
def whole(sleeve: Sleeve, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("whole")
    run(sleeve.config, out=out)
    return out


def key(month: str) -> str:
    return str(partition_key("own", month))


@pytest.fixture(scope="module")
def raw(sleeve: Sleeve) -> Tables:
    every = open_source(sleeve.data).read()
    found = {}
    for month in MONTHS:
        first = np.datetime64(month, "M")
        ends = (first, first + np.timedelta64(1, "M"))
        found[key(month)] = every.between(*(end.astype("M8[us]") for end in ends)).to_table()
    return found


@pytest.fixture(scope="module")
def returns(raw: Tables) -> Tables:
    found, before = {}, None
    for month in MONTHS:
        own = RawObservations.from_table(raw[key(month)])
        found[key(month)] = ingest_month(own, before).matrix.to_table()
        before = own
    return found


def read(tables: Tables, month: str, back: int, *, until: int = 0) -> Tables:
    """Return the partitions that a look-back loads."""
    place = MONTHS.index(month)
    return {key(m): tables[key(m)] for m in MONTHS[max(place - back, 0) : place + until + 1]}


@pytest.fixture(scope="module")
def features(sleeve: Sleeve, raw: Tables) -> Tables:
    found = {}
    for month in MONTHS:
        made = _features(sleeve, [month], read(raw, month, sleeve.feature_look_back))
        found[key(month)] = made.to_table(month_rows(made.dates, month))
    return found


@pytest.fixture(scope="module")
def months(sleeve: Sleeve, returns: Tables, features: Tables) -> Callable[..., ModelMonths]:
    def made(names: list[str], lake: Path) -> ModelMonths:
        given = [read(one, names[-1], len(MONTHS), until=-1) for one in (returns, features)]
        lakehouse = LakehouseRoot(url=str(lake))
        return ModelMonths(sleeve, tuple(names), *market_of(sleeve, *given), lakehouse)

    return made


@pytest.fixture(scope="module")
def trained(months: Callable[..., ModelMonths], tmp_path_factory: pytest.TempPathFactory) -> Any:
    lake = tmp_path_factory.mktemp("lake")
    for month in MONTHS:
        work = months([month], lake)
        work.train(work.plan(), compute=SerialCompute())
    return months(MONTHS, lake)


def test_features_of_a_month_are_those_of_the_whole(
    sleeve: Sleeve, raw: Tables, features: Tables
) -> None:
    made = _features(sleeve, MONTHS, raw)
    for month in MONTHS:
        expected = made.to_table(month_rows(made.dates, month))
        assert features[key(month)].equals(expected)


def test_models_trained_month_by_month_are_those_of_the_plain_library(
    trained: ModelMonths, whole: Path
) -> None:
    expected = read_models(pq.read_table(whole / "strategy_models.parquet"))
    found = [one for month in MONTHS for one in read_models(trained.store.read(month))]
    in_order = sorted(found, key=lambda one: (["trend", "trees"].index(one.strategy), one.month))
    assert in_order == expected
    assert {one.strategy for one in found if one.ok} == {"trend", "trees"}


def test_a_run_over_all_months_finds_every_model_and_changes_no_byte(
    trained: ModelMonths,
) -> None:
    before = {month: trained.store.receipt(month).digest for month in MONTHS}
    plan = trained.plan()
    assert plan.stale == 0
    _, receipts, facts = trained.train(plan, compute=SerialCompute())
    assert {month: receipt.digest for month, receipt in receipts.items()} == before
    assert all(fact.seconds is None for fact in facts)


def test_streams_of_a_month_are_those_of_the_plain_library(
    sleeve: Sleeve, trained: ModelMonths, returns: Tables, features: Tables, whole: Path
) -> None:
    expected = ReturnsMatrix.from_table(pq.read_table(whole / "atom_returns.parquet"))
    seen = set()
    for month in MONTHS:
        given = [read(one, month, 2) for one in (returns, features)]
        matrix, own = market_of(sleeve, *given)
        names = [key.split("|")[0] for key in given[0]]
        records = [one for name in names for one in read_models(trained.store.read(name))]
        work = _Streams(sleeve, records, trained.lakehouse)
        found = work.over(matrix, own, [month])
        rows, place = month_rows(found.dates, month), month_rows(expected.dates, month)
        for symbol in found.symbols:
            column = expected.symbols.index(symbol)
            values = found.values[rows, found.symbols.index(symbol)]
            np.testing.assert_array_equal(values, expected.values[place, column])
        assert work.differing(found, matrix, own, month) == []
        seen |= set(found.symbols)
    assert seen == set(expected.symbols)
    assert {"KO_trees_short", "KO_trend_long", "KO_trend_short"} <= seen


def test_too_short_a_look_back_is_an_error(
    sleeve: Sleeve, returns: Tables, features: Tables, tmp_path: Path
) -> None:
    given = [read(one, "2007-06", 2, until=-1) for one in (returns, features)]
    market = market_of(sleeve, *given)
    late = Sleeve(sleeve.config, sleeve.data, "2000-01", None)
    work = ModelMonths(late, ("2007-06",), *market, LakehouseRoot(url=str(tmp_path)))
    with pytest.raises(DataError, match="120 observations to train trend on do not lie in the"):
        work.plan()
