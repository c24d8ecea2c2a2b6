from __future__ import annotations

import gzip
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from quant_core.data import DataConfig, ingest, open_source
from quant_core.errors import DataError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WIDE = "date,AAA,BBB\n2020-01-01,10,20\n2020-01-02,11,21\n2020-01-03,12,22\n"

BAD_TEXT = [
    ("", ["bad.csv: the file is empty"]),
    ("\n", ["bad.csv: the file is empty"]),
    ("date,AAA,BBB\n", ["bad.csv: the file has a header and no rows"]),
    ("AAA,BBB\n1,2\n", ["bad.csv: no date column among 'AAA', 'BBB'", "data.date"]),
    ("date;AAA;BBB\n2020-01-01;1;2\n", ["no date column", "separated by commas"]),
    ("date\n2020-01-01\n", ["bad.csv: no column of numbers beside 'date'"]),
    (
        "date,AAA,BBB\n2020-01-01,10,20\n2020-01-02,11,n.a.\n",
        ["bad.csv, column 'BBB', line 3: expected a number, found 'n.a.'", "data.exclude"],
    ),
    (
        'date,AAA,BBB\n2020-01-01,"1,000.5",20\n',
        ["column 'AAA', line 2: expected a number, found '1,000.5'"],
    ),
    (
        "date,symbol,close\n2020-01-01,AAA,10\n2020-01-01,BBB,ten\n",
        ["column 'close', line 3: expected a number, found 'ten'"],
    ),
    (
        "date,AAA,BBB\n2020-01-01,10,20\n31.01.2020,11,21\n",
        ["bad.csv, column 'date', line 3: cannot read '31.01.2020' as a date", "YYYY-MM-DD"],
    ),
    (
        "date,AAA,BBB\n02/03/2020,10,20\n",
        ["column 'date', line 2: cannot read '02/03/2020' as a date"],
    ),
    ("date,AAA,BBB\n1580515200,10,20\n", ["line 2: cannot read '1580515200' as a date"]),
    (
        "date,AAA,BBB\n2020-01-01,10,20\n,11,21\n",
        ["bad.csv, column 'date', line 3: the date is empty"],
    ),
    (
        WIDE + "2020-01-02,13,23\n",
        [
            "bad.csv, line 5: date 2020-01-02 was already given in line 3",
            "data.duplicates: keep_first",
        ],
    ),
    (
        "date,symbol,close\n2020-01-01,AAA,1\n2020-01-01,BBB,1\n2020-01-01,AAA,1\n",
        ["line 4: date 2020-01-01, symbol AAA was already given in line 2 (1 such rows)"],
    ),
    (
        "date,AAA\n2020-01-01,10\n2020-01-02,11\n",
        ["expected at least 2 usable symbols, found AAA"],
    ),
    (
        "date,AAA,BBB\n2020-01-01,10,\n2020-01-02,11,\n",
        ["expected at least 2 usable symbols, found AAA", "dropped BBB (all_missing_symbol)"],
    ),
    (
        "date,AAA,BBB\n2020-01-31,10,20\n2020-02-29,11,21\n",
        ["found none", "AAA (no_return)", "data.max_gap_days"],
    ),
    ("date,AAA,AAA\n2020-01-01,10,20\n", ["columns 2 and 3 are both named 'AAA'"]),
    ("date,AAA,\n2020-01-01,10,20\n", ["column 3 has no name"]),
    (
        "date,open,high,low,close\n2020-01-01,1,2,3,4\n",
        ["open, high, low, close are the bars of one asset"],
    ),
    (
        "date,symbol,return\n2020-01-01,AAA,0.1\n",
        ["bad.csv: expected prices, found column 'return'", "data.returns"],
    ),
    (
        "date,AAA,BBB\n2020-01-01,-0.01,0.02\n2020-01-02,0.01,-0.01\n",
        ["expected prices above zero, but 2 of 4 values are out of range", "data.returns"],
    ),
    ("date,AAA,BBB\n2020-01-01,10\n", ["bad.csv: not a readable CSV file", "3 columns"]),
    ("date,AAA,date \n2020-01-01,10,20\n", ["a symbol may not be called 'date'"]),
]


@pytest.mark.parametrize(("text", "fragments"), BAD_TEXT)
def test_a_bad_price_file_is_refused_with_its_place(
    write: Callable[[str, str], str], text: str, fragments: list[str]
) -> None:
    url = write("bad.csv", text)
    with pytest.raises(DataError) as caught:
        _ingest(prices=url)
    for fragment in fragments:
        assert fragment in str(caught.value)
    assert url in str(caught.value)


BAD_FIELDS: list[tuple[dict[str, Any], str]] = [
    ({"date": "day"}, "data.date names column 'day', found 'date', 'AAA', 'BBB'"),
    ({"symbol": "AAA"}, "no value column among 'date', 'AAA', 'BBB'; name it by data.value"),
    ({"value": "AAA"}, "no symbol column among 'date', 'AAA', 'BBB'; name it by data.symbol"),
    ({"exclude": ["CCC"]}, "data.exclude names CCC, which is no column of the file"),
    ({"start": "2021-01-01"}, "no observation in the days asked for"),
]


@pytest.mark.parametrize(("fields", "fragment"), BAD_FIELDS)
def test_a_field_that_does_not_fit_the_file_is_named(
    write: Callable[[str, str], str], fields: dict[str, Any], fragment: str
) -> None:
    with pytest.raises(DataError) as caught:
        _ingest(prices=write("good.csv", WIDE), **fields)
    assert fragment in str(caught.value)


def test_an_excluded_symbol_must_stand_in_a_long_file(write: Callable[[str, str], str]) -> None:
    url = write("long.csv", "date,symbol,close\n2020-01-01,AAA,1\n")
    with pytest.raises(DataError, match=r"data\.exclude names CCC, which the file does not hold"):
        _ingest(prices=url, exclude=["CCC"])


def test_prices_given_as_returns_are_refused(write: Callable[[str, str], str]) -> None:
    with pytest.raises(DataError, match=r"6 of 6 values are out of range.*data\.prices"):
        _ingest(returns=write("good.csv", WIDE))


@pytest.mark.parametrize(
    ("name", "fragment"),
    [
        ("missing.csv", "no such file"),
        ("missing.parquet", "no such file"),
        ("prices.xlsx", "unsupported extension; expected .csv, .csv.gz"),
    ],
)
def test_a_file_that_is_not_there(tmp_path: Path, name: str, fragment: str) -> None:
    with pytest.raises(DataError) as caught:
        _ingest(prices=str(tmp_path / name))
    assert f"{tmp_path / name}: {fragment}" in str(caught.value)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(DataError, match="a folder; expected a CSV or Parquet file"):
        _ingest(prices=str(tmp_path / "folder.csv"))


def test_text_that_is_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "latin.csv"
    path.write_bytes("date,M\xfcnchen,B\n2020-01-01,1,2\n".encode("latin-1"))
    with pytest.raises(DataError, match="not UTF-8 text"):
        _ingest(prices=str(path))


def test_a_gzip_stream_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "cut.csv.gz"
    path.write_bytes(gzip.compress(WIDE.encode() * 5000)[:-200])
    with pytest.raises(DataError, match="the gzip stream is broken"):
        _ingest(prices=str(path))


def test_a_plain_file_called_gz(write: Callable[[str, str], str]) -> None:
    with pytest.raises(DataError, match="the gzip stream is broken"):
        _ingest(prices=write("plain.csv.gz", WIDE))


@pytest.mark.parametrize("text", ["", "PAR1 but not really"])
def test_a_file_that_is_no_parquet(write: Callable[[str, str], str], text: str) -> None:
    with pytest.raises(DataError, match="empty, or not a Parquet file"):
        _ingest(prices=write("bad.parquet", text))


BAD_COLUMNS: list[tuple[Any, str]] = [
    (["1.5", "x"], "column 'BBB', row 2: expected a number, found 'x'"),
    ([[1.0], [2.0]], "column 'BBB': expected numbers, found list"),
    ([True, False], "column 'BBB': expected numbers, found bool"),
    (np.array(["2020-01-01", "2020-01-02"], "datetime64[us]"), "expected numbers, found timestamp"),
]


@pytest.mark.parametrize(("column", "fragment"), BAD_COLUMNS)
def test_a_parquet_column_of_another_type(tmp_path: Path, column: Any, fragment: str) -> None:
    path = tmp_path / "bad.parquet"
    table = {"date": ["2020-01-01", "2020-01-02"], "AAA": [1.0, 2.0], "BBB": pa.array(column)}
    pq.write_table(pa.table(table), path)
    with pytest.raises(DataError) as caught:
        _ingest(prices=str(path))
    assert fragment in str(caught.value)


def test_a_value_column_that_is_there_twice(tmp_path: Path) -> None:
    path = tmp_path / "twice.parquet"
    columns = [pa.array(["2020-01-01"]), pa.array(["A"]), pa.array([1.0]), pa.array([2.0])]
    pq.write_table(pa.table(columns, names=["date", "symbol", "close", "close"]), path)
    with pytest.raises(DataError, match="2 columns are named 'close'"):
        _ingest(prices=str(path))


def test_dates_inside_lists(tmp_path: Path) -> None:
    path = tmp_path / "nested.parquet"
    pq.write_table(pa.table({"date": [["2020-01-01"]], "A": [1.0], "B": [1.0]}), path)
    with pytest.raises(DataError, match="column 'date': expected dates or names, found list"):
        _ingest(prices=str(path))


def test_an_unknown_protocol() -> None:
    with pytest.raises(DataError, match="unknown protocol 'foo'"):
        _ingest(prices="foo://prices.csv")


def test_dates_that_are_numbers(tmp_path: Path) -> None:
    path = tmp_path / "bad.parquet"
    pq.write_table(pa.table({"date": [0.0, 1.0], "AAA": [1.0, 2.0], "BBB": [1.0, 2.0]}), path)
    with pytest.raises(DataError, match=r"column 'date': expected dates .* found numbers"):
        _ingest(prices=str(path))


def test_a_protocol_without_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(UnavailableError, match="s3fs"):
        _ingest(prices="s3://bucket/prices.parquet")


def _ingest(**fields: Any) -> object:
    config = DataConfig(**fields)
    return ingest(open_source(config), config)
