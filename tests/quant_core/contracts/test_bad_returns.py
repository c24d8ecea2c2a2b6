"""Kinds of bad returns data, each through every way in: a frame, a CSV and a Parquet file."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from math import inf, nan
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from quant_core.contracts import Reason
from quant_core.data import DataConfig, FrameSource, Ingested, Source, ingest, open_source
from quant_core.errors import DataError, QuantError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DAYS = pd.bdate_range("2020-01-01", periods=8, tz="UTC", name="date", unit="us")


def base(rows: int = 8, columns: int = 3) -> pd.DataFrame:
    """Return small returns, all of them different."""
    values = 0.001 * (1 + np.arange(rows * columns).reshape(rows, columns) % 37)
    days = pd.bdate_range("2020-01-01", periods=rows, tz="UTC", name="date", unit="us")
    return pd.DataFrame(values, index=days, columns=[f"S{n:04d}" for n in range(columns)])


def with_cell(value: Any, *, dtype: str | None = None) -> pd.DataFrame:
    """Return the base with one other cell: the third row of the second symbol."""
    frame = base() if dtype is None else base().astype(dtype)
    frame.iloc[2, 1] = value
    return frame


def long(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a row an observation."""
    return frame.reset_index().melt(id_vars="date", var_name="symbol", value_name="return")


def with_column(name: Any, column: Any, *, at: int = 1) -> pd.DataFrame:
    frame = base()
    frame.insert(at, name, column, allow_duplicates=True)
    return frame


def with_index(index: Any) -> pd.DataFrame:
    return base().set_axis(pd.Index(index, name="date"), axis=0)


def with_names(*names: Any) -> pd.DataFrame:
    return base().set_axis(pd.Index(names, dtype=object), axis=1)


def nan_block() -> pd.DataFrame:
    frame = base()
    frame.iloc[2:5, 0:2] = nan
    return frame


def lived(first: int, last: int) -> pd.DataFrame:
    """Return the base whose second symbol lives from one row to another."""
    frame = base()
    frame.iloc[:first, 1] = frame.iloc[last:, 1] = nan
    return frame


def renamed() -> pd.DataFrame:
    frame = base(8, 4)
    frame.iloc[4:, 1] = frame.iloc[:4, 2] = nan
    return frame


def long_without_symbol() -> pd.DataFrame:
    frame = long(base()).astype({"symbol": object})
    frame.loc[3, "symbol"] = None
    return frame


def duplicated(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([frame, frame.iloc[[2, 4]]])


def repeated_labels() -> pd.DataFrame:
    """Return a long frame in which every row has the same label; one row is bad."""
    frame = long(base())
    frame.loc[5, "return"] = -3.0
    return frame.set_axis([0] * len(frame), axis=0)


MIXED_ZONES = [
    datetime(2020, 1, day, tzinfo=ZoneInfo(zone))
    for day, zone in zip(
        range(1, 9), ["UTC", "Asia/Tokyo", "America/New_York", "UTC"] * 2, strict=True
    )
]
# Clocks in New York skip from 2 to 3 on 2020-03-08, and run twice from 1 to 2 on 2020-11-01.
DST_GAP = pd.date_range("2020-03-08 00:00", periods=8, freq="30min", tz="America/New_York")
DST_FOLD = pd.date_range("2020-11-01 00:30", periods=8, freq="30min", tz="America/New_York")
PADDED = pd.date_range("2020-01-01", periods=8, tz="UTC")


@dataclass(frozen=True)
class Case:
    """What one kind of data is, and what becomes of it."""

    make: Callable[[], pd.DataFrame]
    rows_in: int = 24
    dropped: dict[str, int] = field(default_factory=dict)
    symbols: tuple[str, ...] = ("S0000", "S0001", "S0002")
    reported: dict[str, int] = field(default_factory=dict)
    refused: str = ""
    duplicates: str = "error"


def refused(make: Callable[[], pd.DataFrame], text: str) -> Case:
    return Case(make, refused=text)


WORST = {str(Reason.RETURN_OUT_OF_RANGE): 1}
INFINITE = {str(Reason.NON_FINITE): 1}

CASES: dict[str, Case] = {
    "good": Case(base),
    "a block of NaN": Case(nan_block, 18, reported={"inner_gap": 6}),
    "a symbol of NaN": Case(lambda: with_column("X", nan), 24, reported={"all_missing_symbol": 1}),
    "plus infinity": Case(lambda: with_cell(inf), dropped=INFINITE, reported={"inner_gap": 1}),
    "minus infinity": Case(lambda: with_cell(-inf), dropped=INFINITE, reported={"inner_gap": 1}),
    "exactly -1": Case(lambda: with_cell(-1.0), dropped=WORST),
    "below -1": Case(lambda: with_cell(-1.5), dropped=WORST),
    "just above -1": Case(lambda: with_cell(np.nextafter(-1.0, 0.0))),
    "above 5": Case(lambda: with_cell(5.000001), dropped=WORST),
    "exactly 5": Case(lambda: with_cell(5.0), reported={"return_past_one": 1}),
    "minus zero": Case(lambda: with_cell(-0.0)),
    "denormals": Case(lambda: with_cell(5e-324)),
    "the largest float": Case(lambda: with_cell(1.7976931348623157e308), dropped=WORST),
    "numbers as text": Case(lambda: base().astype(str)),
    "numbers as padded text": Case(lambda: with_cell(" 0.25 ", dtype="object")),
    "words": refused(lambda: with_cell("n.a.", dtype="object"), "expected a number"),
    "an underscore in a number": refused(
        lambda: with_cell("1_0", dtype="object"), "expected a number"
    ),
    "objects that are numbers": Case(lambda: with_cell(Decimal("0.25"), dtype="object")),
    "objects that are none": refused(lambda: with_cell([0.1], dtype="object"), "expected"),
    "None among objects": Case(
        lambda: with_cell(None, dtype="object"), 23, reported={"inner_gap": 1}
    ),
    "a date twice": refused(lambda: duplicated(base()), "was already given in"),
    "a date twice, the first kept": Case(
        lambda: duplicated(base()), 30, {str(Reason.DUPLICATE): 6}, duplicates="keep_first"
    ),
    "a symbol twice": refused(lambda: with_column("S0000", 0.5), "both named 'S0000'"),
    "a date and symbol twice": refused(
        lambda: duplicated(long(base())), "symbol S0000 was already"
    ),
    "a date and symbol twice, the first kept": Case(
        lambda: duplicated(long(base())), 26, {str(Reason.DUPLICATE): 2}, duplicates="keep_first"
    ),
    "labels that repeat": Case(repeated_labels, dropped=WORST),
    "unsorted dates": Case(lambda: base().iloc[::-1]),
    "unsorted symbols": Case(lambda: base().iloc[:, ::-1]),
    "naive dates": Case(lambda: base().tz_localize(None)),
    "another time zone": Case(lambda: base().tz_convert("Asia/Tokyo")),
    "mixed time zones": Case(lambda: with_index(np.array(MIXED_ZONES, dtype=object))),
    "a gap of summer time": Case(lambda: with_index(DST_GAP)),
    "an hour that runs twice": Case(lambda: with_index(DST_FOLD)),
    "a leap day": Case(lambda: with_index(pd.date_range("2020-02-26", periods=8))),
    "weekends padded with zero": Case(lambda: with_index(PADDED)),
    "a gap of months": Case(
        lambda: with_index(
            [*pd.date_range("2020-01-01", periods=4), *pd.date_range("2021", periods=4)]
        )
    ),
    "stale": Case(
        lambda: with_column("S0003", 0.0), 32, symbols=("S0000", "S0001", "S0002", "S0003")
    ),
    "a split": Case(lambda: with_cell(-0.5)),
    "one row": Case(lambda: base(1), 3),
    "no row": refused(lambda: base(0), "no rows"),
    "no column": refused(lambda: base(8, 0), "no column of numbers"),
    "one asset": refused(lambda: base(8, 1), "expected at least 2 usable symbols"),
    "5,000 assets": Case(
        lambda: base(3, 5000), 15_000, symbols=tuple(f"S{n:04d}" for n in range(5000))
    ),
    "more assets than days": Case(
        lambda: base(4, 40), 160, symbols=tuple(f"S{n:04d}" for n in range(40))
    ),
    "a late genesis": Case(lambda: lived(5, 8), 19, reported={"late_start": 1}),
    "a delisting": Case(lambda: lived(0, 5), 21, reported={"early_end": 1}),
    "a life of one day": Case(lambda: lived(3, 4), 17, reported={"early_end": 1, "late_start": 1}),
    "a rename": Case(
        renamed,
        24,
        symbols=("S0000", "S0001", "S0002", "S0003"),
        reported={"early_end": 1, "late_start": 1},
    ),
    "names in unicode": Case(
        lambda: with_names("Zürich", "日経", "\U0001f4c8"), symbols=("Zürich", "日経", "\U0001f4c8")
    ),
    "names that look alike": Case(
        lambda: with_names("A\u0301", "\u00c1", "A"), symbols=("A", "A\u0301", "\u00c1")
    ),
    "half a character": refused(lambda: with_names("\ud800", "B", "C"), "UTF-8"),
    "names like paths": Case(
        lambda: with_names("../../etc/passwd", "C:\\con", "a/b"),
        symbols=("../../etc/passwd", "C:\\con", "a/b"),
    ),
    "huge names": Case(
        lambda: with_names("A" * 100_000, "B" * 100_000, "C"),
        symbols=("A" * 100_000, "B" * 100_000, "C"),
    ),
    "names that are numbers": Case(
        lambda: with_names(600_000, 600_001, 9), symbols=("600000", "600001", "9")
    ),
    "an empty name": refused(lambda: with_names("A", " ", "C"), "has no name"),
    "a symbol called date": refused(
        lambda: with_names("A", "B", "date "), "may not be called 'date'"
    ),
    "a date of the year 1": refused(
        lambda: with_index(["0001-01-01", *[f"2020-01-0{n}" for n in range(1, 8)]]),
        "the year 1 is outside",
    ),
    "a date of the year 9999": refused(
        lambda: with_index(
            np.array(["9999-12-31", *[f"2020-01-0{n}" for n in range(1, 8)]], "datetime64[s]")
        ),
        "the year 9999 is outside",
    ),
    "a date that is none": refused(
        lambda: with_index(["2021-02-29", *[f"2020-01-0{n}" for n in range(1, 8)]]),
        "cannot read '2021-02-29' as a date",
    ),
    "an empty date": refused(lambda: with_index([pd.NaT, *DAYS[1:]]), "the date is empty"),
    "dates that are numbers": refused(lambda: with_index(np.arange(8) * 0.5), "date"),
    "dates as YYYYMMDD": Case(lambda: with_index(np.arange(20200101, 20200109))),
    "dates as periods": Case(
        lambda: with_index(pd.period_range("2020-01-01", periods=8, freq="D"))
    ),
    "float32": Case(lambda: base().astype("float32")),
    "float16": Case(lambda: base().astype("float16")),
    "whole numbers": Case(
        lambda: with_column("S0003", 0), 32, symbols=("S0000", "S0001", "S0002", "S0003")
    ),
    "nullable floats": Case(
        lambda: with_cell(pd.NA, dtype="Float64"), 23, reported={"inner_gap": 1}
    ),
    "arrow floats": Case(
        lambda: with_cell(None, dtype="double[pyarrow]"), 23, reported={"inner_gap": 1}
    ),
    "sparse floats": Case(lambda: base().astype(pd.SparseDtype("float64", np.nan))),
    "categories": Case(lambda: long(base()).astype({"symbol": "category"})),
    "arrow text": Case(lambda: long(base()).astype({"symbol": pd.ArrowDtype(pa.string())})),
    "booleans": refused(
        lambda: with_column("X", np.ones(8, dtype=bool)), "expected numbers, found bool"
    ),
    "complex numbers": refused(lambda: with_column("X", 1j), "expected"),
    "durations": refused(lambda: with_column("X", pd.Timedelta(days=1)), "expected"),
    "dates among the values": refused(
        lambda: with_column("X", pd.Timestamp("2020-01-01")), "expected"
    ),
    "a MultiIndex": Case(lambda: long(base()).set_index(["date", "symbol"])),
    "columns of several levels": refused(
        lambda: pd.concat({"Close": base(), "Open": base()}, axis=1), "have 2 levels"
    ),
    "a row without a symbol": Case(
        long_without_symbol, dropped={str(Reason.MISSING_SYMBOL): 1}, reported={"inner_gap": 1}
    ),
    "prices instead of returns": refused(lambda: base() * 1e5, "prices or per cent"),
    "returns in per cent": refused(lambda: base() * 1e4, "prices or per cent"),
}


def _ingest(source: Source, duplicates: str) -> Ingested:
    config = DataConfig(sample=True, duplicates=duplicates)
    return ingest(source, config)


@pytest.mark.parametrize("kind", CASES)
def test_what_becomes_of_a_frame(kind: str) -> None:
    case = CASES[kind]
    frame = case.make()
    before = frame.copy(deep=True)
    if case.refused:
        with pytest.raises(DataError) as caught:
            _ingest(FrameSource(frame, "returns"), case.duplicates)
        assert case.refused in str(caught.value)
        return
    found = _ingest(FrameSource(frame, "returns"), case.duplicates)
    report = found.report
    assert report.rows_in == case.rows_in
    assert dict(report.dropped) == case.dropped
    assert report.kept == case.rows_in - sum(case.dropped.values())
    assert dict(report.reported) == case.reported
    assert found.matrix.symbols == case.symbols
    _conserves(found)
    pd.testing.assert_frame_equal(frame, before)


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "parquet"])
@pytest.mark.parametrize("kind", CASES)
def test_a_file_conserves_or_is_refused(kind: str, ending: str, tmp_path: Path) -> None:
    url = tmp_path / f"returns.{ending}"
    case = CASES[kind]
    if not _written(case.make(), url):
        return
    config = DataConfig(returns=str(url), duplicates=case.duplicates)
    try:
        found = ingest(open_source(config), config)
    except QuantError as error:
        assert str(url) in str(error)  # noqa: PT017 - either is right
        return
    _conserves(found)


def _written(frame: pd.DataFrame, url: Path) -> bool:
    """Write a frame where the format can hold it."""
    try:
        if url.suffix == ".parquet":
            _with_text_names(frame.reset_index()).to_parquet(url)
        else:
            frame.to_csv(url)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return False
    return True


def _with_text_names(frame: pd.DataFrame) -> pd.DataFrame:
    return frame if frame.columns.nlevels > 1 else frame.set_axis([str(n) for n in frame], axis=1)


def _conserves(found: Ingested) -> None:
    """Hold the books to what they are the books of."""
    report, values = found.report, found.matrix.values  # noqa: PD011 - no pandas
    counted = found.dropped.filter(found.dropped["date"].is_valid())
    assert report.kept + report.dropped_total == report.rows_in
    assert counted.num_rows == report.dropped_total
    assert set(found.dropped["reason"].to_pylist()) <= {str(reason) for reason in Reason}
    assert int((~np.isnan(values)).sum()) == report.kept
    there = values[~np.isnan(values)]
    assert ((there > -1.0) & (there <= 5.0)).all()


def test_a_return_that_overflows_is_dropped() -> None:
    prices = pd.DataFrame({"A": [5e-324, 1e308, 1e308], "B": [1.0, 1.1, 1.2]}, index=DAYS[:3])
    found = ingest(FrameSource(prices, "prices"))
    assert dict(found.report.dropped) == {str(Reason.RETURN_OUT_OF_RANGE): 1}
    assert found.report.kept == 5
