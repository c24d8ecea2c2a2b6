from __future__ import annotations

import io

import numpy as np
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_core.data import RawObservations, ReturnsMatrix, ingest_month, ingest_observations
from quant_core.errors import DataError

CELL = st.one_of(
    st.floats(0.5, 2.0),
    st.sampled_from([float("nan"), float("nan"), float("inf"), 0.0, -1.0, 1000.0]),
)


@st.composite
def raw_prices(draw: st.DrawFn) -> RawObservations:
    rows, columns = draw(st.integers(1, 12)), draw(st.integers(1, 4))
    steps = draw(st.lists(st.integers(0, 9), min_size=rows, max_size=rows))
    cells = draw(st.lists(CELL, min_size=rows * columns, max_size=rows * columns))
    values = np.array(cells).reshape(rows, columns)
    dates = np.datetime64("2020-01-25", "us") + np.cumsum(steps).astype("timedelta64[D]")
    codes = np.arange(columns, dtype=np.int32).reshape(1, -1)
    return RawObservations(
        kind="prices",
        origin="generated",
        symbols=("A", "B", "C", "D")[:columns],
        dates=dates.reshape(-1, 1),
        codes=codes,
        values=values,
        rows=np.arange(1, rows + 1).reshape(-1, 1),
    )


@st.composite
def long_prices(draw: st.DrawFn) -> RawObservations:
    rows = draw(st.integers(1, 30))
    days = draw(st.lists(st.integers(0, 60), min_size=rows, max_size=rows))
    codes = draw(st.lists(st.integers(-1, 2), min_size=rows, max_size=rows))
    cells = draw(st.lists(CELL, min_size=rows, max_size=rows))
    dates = np.datetime64("2020-01-01", "us") + np.array(days).astype("timedelta64[D]")
    return RawObservations(
        kind="prices",
        origin="generated",
        symbols=("A", "B", "C"),
        dates=dates.reshape(-1, 1),
        codes=np.array(codes, dtype=np.int32).reshape(-1, 1),
        values=np.array(cells).reshape(-1, 1),
        rows=np.arange(1, rows + 1).reshape(-1, 1),
        value_column="close",
    )


@settings(deadline=None)
@given(raw=st.one_of(raw_prices(), long_prices()))
def test_kept_and_dropped_make_up_what_was_found(raw: RawObservations) -> None:
    try:
        found = ingest_observations(raw, duplicates="keep_first")
    except DataError as error:
        assert "usable symbols" in str(error) or "out of range" in str(error)  # noqa: PT017 - either
        return
    report = found.report
    counted = found.dropped.filter(found.dropped["date"].is_valid())
    assert report.rows_in == int(raw.present().sum())
    assert counted.num_rows == report.dropped_total
    assert report.kept == report.rows_in - counted.num_rows
    assert set(found.matrix.symbols) | set(report.symbols_dropped) == set(raw.symbols)
    assert not set(found.matrix.symbols) & set(report.symbols_dropped)
    assert int((~np.isnan(found.matrix.values)).sum()) <= report.kept
    assert not (~np.isfinite(found.matrix.values) & ~np.isnan(found.matrix.values)).any()
    assert (found.matrix.values[~np.isnan(found.matrix.values)] <= 5.0).all()


@settings(deadline=None)
@given(raw=raw_prices())
def test_a_wide_file_unrolled_gives_the_same_matrix(raw: RawObservations) -> None:
    try:
        wide = ingest_observations(raw, duplicates="keep_first")
    except DataError:
        return
    long = ingest_observations(_stored(raw), duplicates="keep_first")
    assert long.version == wide.version
    assert long.report == wide.report
    assert long.dropped.to_pylist() == wide.dropped.to_pylist()


@settings(deadline=None)
@given(raw=st.one_of(raw_prices(), long_prices()))
def test_months_are_the_whole(raw: RawObservations) -> None:
    try:
        whole = ingest_observations(raw, duplicates="keep_first", max_gap_days=28)
    except DataError:
        return
    parts, previous, last = [], None, None
    for month in raw.months():
        start = np.datetime64(month, "M")
        end = start + np.timedelta64(1, "M")
        here = _stored(raw.between(start.astype("datetime64[us]"), end.astype("datetime64[us]")))
        adjacent = previous if last == start - _MONTH else None
        parts.append(ingest_month(here, adjacent, duplicates="keep_first", max_gap_days=28))
        previous, last = here, start
    joined = ReturnsMatrix.concatenate([part.matrix for part in parts])
    rows = np.isin(joined.dates, whole.matrix.dates)
    assert joined.symbols == whole.matrix.symbols
    assert joined.dates[rows].tolist() == whole.matrix.dates.tolist()
    assert joined.values[rows].tobytes() == whole.matrix.values.tobytes()
    assert np.isnan(joined.values[~rows]).all()
    assert sum(part.report.rows_in for part in parts) == whole.report.rows_in


_MONTH = np.timedelta64(1, "M")


def _stored(raw: RawObservations) -> RawObservations:
    buffer = io.BytesIO()
    pq.write_table(raw.to_table(), buffer)
    return RawObservations.from_table(pq.read_table(buffer))
