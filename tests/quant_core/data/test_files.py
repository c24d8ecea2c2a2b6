from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from quant_core.data import DataConfig, Ingested, ingest, open_source

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NAN = float("nan")
DAYS = np.array(["2020-01-01", "2020-01-02", "2020-01-03"], "datetime64[us]")
RETURNS = np.array([[NAN, NAN], [0.1, -0.5], [0.0, 0.2]])

WIDE = "date,AAA,BBB\n2020-01-01,10,20\n2020-01-02,11,10\n2020-01-03,11,12\n"
LONG = """Date,Ticker,Adj Close
2020-01-01,AAA,10
2020-01-01,BBB,20
2020-01-02,AAA,11
2020-01-02,BBB,10
2020-01-03,AAA,11
2020-01-03,BBB,12
"""


@pytest.mark.parametrize(
    "text",
    [
        WIDE,
        LONG,
        "\ufeff" + WIDE,
        WIDE.replace("date", ""),
        WIDE.replace("date", "Unnamed: 0"),
        WIDE.replace("date", "Timestamp"),
        WIDE.replace("\n", "\r\n"),
        WIDE + "\n\n",
        WIDE + ",,\n",
        WIDE.replace("2020-01-0", "2020/01/0"),
        WIDE.replace("2020-01-0", "2020010"),
        WIDE.replace("2020-01-0", "2020-01-0").replace(",10,20", "T00:00:00Z,10,20"),
        "date,BBB,AAA\n2020-01-03,12,11\n2020-01-01,20,10\n2020-01-02,10,11\n",
        LONG.replace("Ticker", "asset").replace("Adj Close", "PriceUSD"),
        LONG.replace("Adj Close", "close"),
        LONG.replace("Adj Close", "VALUE").replace("Ticker", "SYMBOL").replace("Date", "TS"),
        "\n".join([LONG.splitlines()[0], *reversed(LONG.splitlines()[1:])]) + "\n",
        LONG.replace("AAA", " AAA "),
        LONG + ",,\n",
    ],
)
def test_the_same_prices_in_many_shapes(write: Callable[[str, str], str], text: str) -> None:
    found = _ingest(prices=write("prices.csv", text))
    _check(found)
    assert found.report.to_dict() == {
        "rows_in": 6,
        "kept": 6,
        "dropped": {},
        "reported": {},
        "symbols_dropped": {},
    }


def test_all_shapes_have_one_version(write: Callable[[str, str], str]) -> None:
    wide, long = write("wide.csv", WIDE), write("long.csv", LONG)
    versions = {_ingest(prices=wide).version, _ingest(prices=long).version}
    assert len(versions) == 1
    other = write("other.csv", WIDE.replace("2020-01-03", "2020-01-04"))
    assert _ingest(prices=other).version not in versions


def test_gzip(tmp_path: Path) -> None:
    path = tmp_path / "prices.csv.gz"
    path.write_bytes(gzip.compress(WIDE.encode()))
    _check(_ingest(prices=str(path)))


def test_a_file_by_url(write: Callable[[str, str], str]) -> None:
    _check(_ingest(prices="file://" + write("prices.csv", WIDE)))


DATE_COLUMNS: list[Any] = [
    pa.array(["2020-01-01", "2020-01-02", "2020-01-03"], pa.large_string()),
    pa.array(["2020-01-01", "2020-01-02", "2020-01-03"]).dictionary_encode(),
    pa.array(DAYS).cast(pa.date32()),
    pa.array(DAYS, pa.timestamp("ns")),
    pa.array(DAYS, pa.timestamp("ms")).cast(pa.timestamp("ms", tz="UTC")),
    pa.array(DAYS, pa.timestamp("us")).cast(pa.timestamp("us", tz="America/New_York")),
    pa.array([20200101, 20200102, 20200103]),
]


@pytest.mark.parametrize("dates", DATE_COLUMNS, ids=lambda column: str(column.type))
def test_dates_of_every_type(tmp_path: Path, dates: Any) -> None:
    path = tmp_path / "prices.parquet"
    pq.write_table(pa.table({"date": dates, "AAA": [10, 11, 11], "BBB": [20.0, 10.0, 12.0]}), path)
    _check(_ingest(prices=str(path)))


def test_aware_dates_are_converted(write: Callable[[str, str], str]) -> None:
    text = "date,AAA,BBB\n2020-01-01T20:00:00-05:00,1,2\n2020-01-03T00:00:00+01:00,1,2\n"
    dates = _ingest(prices=write("aware.csv", text)).matrix.dates
    assert dates.astype(str).tolist() == [
        "2020-01-02T01:00:00.000000",
        "2020-01-02T23:00:00.000000",
    ]


@pytest.mark.parametrize("kind", [pa.float32(), pa.int64(), pa.decimal128(21, 2), pa.string()])
def test_numbers_of_every_type(tmp_path: Path, kind: pa.DataType) -> None:
    path = tmp_path / "prices.parquet"
    columns = {"AAA": pa.array([10, 11, 11]), "BBB": pa.array([20, 10, 12])}
    typed = {name: column.cast(kind) for name, column in columns.items()}
    pq.write_table(pa.table({"date": pa.array(DAYS), **typed}), path)
    _check(_ingest(prices=str(path)))


def test_integers_too_long_for_a_float_are_rounded(tmp_path: Path) -> None:
    path = tmp_path / "prices.parquet"
    table = {"date": DAYS[:2], "AAA": [2**60, 2**60 + 1], "BBB": [1, 2]}
    pq.write_table(pa.table(table), path)
    assert _ingest(prices=str(path)).matrix.values[1].tolist() == [0.0, 1.0]


def test_symbols_that_are_numbers(tmp_path: Path) -> None:
    path = tmp_path / "prices.parquet"
    dates = np.repeat(DAYS, 2)
    table = {"date": dates, "asset": [10107, 9] * 3, "price": [10.0, 20, 11, 10, 11, 12]}
    pq.write_table(pa.table(table), path)
    found = _ingest(prices=str(path))
    assert found.matrix.symbols == ("10107", "9")
    np.testing.assert_array_equal(found.matrix.values.round(12), RETURNS)


def test_the_symbol_na_is_a_symbol(write: Callable[[str, str], str]) -> None:
    found = _ingest(prices=write("long.csv", LONG.replace("AAA", "NA")))
    assert found.matrix.symbols == ("BBB", "NA")


def test_columns_named_by_the_configuration(write: Callable[[str, str], str]) -> None:
    text = LONG.replace("Date", "when").replace("Ticker", "who").replace("Adj Close", "what")
    found = _ingest(prices=write("odd.csv", text), date="when", symbol="who", value="what")
    _check(found)


def test_the_adjusted_close_goes_before_the_close(write: Callable[[str, str], str]) -> None:
    lines = LONG.splitlines()
    text = "\n".join([f"close,{lines[0]}", *(f"1,{line}" for line in lines[1:])]) + "\n"
    _check(_ingest(prices=write("both.csv", text)))


def test_returns_are_taken_as_they_are(write: Callable[[str, str], str]) -> None:
    text = "date,AAA,BBB\n2020-01-01,,\n2020-01-02,0.1,-0.5\n2020-01-03,0,0.2\n"
    found = _ingest(returns=write("returns.csv", text))
    assert found.matrix.values.tolist() == [[0.1, -0.5], [0.0, 0.2]]
    assert found.matrix.dates.tolist() == DAYS[1:].tolist()


def test_excluded_columns_may_hold_text(write: Callable[[str, str], str]) -> None:
    text = "date,AAA,note,BBB\n2020-01-01,10,x,20\n2020-01-02,11,y,10\n2020-01-03,11,z,12\n"
    _check(_ingest(prices=write("note.csv", text), exclude=["note"]))


def test_excluded_symbols_of_a_long_file_are_not_counted(write: Callable[[str, str], str]) -> None:
    url = write("long.csv", LONG + "2020-01-01,CCC,-5\n")
    found = _ingest(prices=url, exclude=["CCC"])
    _check(found)
    assert found.report.rows_in == 6


def test_both_ends_are_included(write: Callable[[str, str], str]) -> None:
    url = write("prices.csv", WIDE)
    found = _ingest(prices=url, start="2020-01-02", end="2020-01-03")
    assert found.matrix.dates.tolist() == DAYS[1:].tolist()
    assert np.isnan(found.matrix.values[0]).all()


def _ingest(**fields: Any) -> Ingested:
    config = DataConfig(**fields)
    return ingest(open_source(config), config)


def _check(found: Ingested) -> None:
    assert found.matrix.symbols == ("AAA", "BBB")
    assert found.matrix.dates.tolist() == DAYS.tolist()
    np.testing.assert_array_equal(found.matrix.values.round(12), RETURNS)
