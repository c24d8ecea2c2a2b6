from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from quant_core.calendars import open_calendar
from quant_core.data import DataConfig, FileSource, ingest, ingest_month, open_source
from quant_core.data._parquet import ParquetFile
from quant_core.errors import ConfigError, DataError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LONG = """date,symbol,close,volume
2019-01-02,A,10,100
2019-01-02,B,20,1
2019-01-03,A,11,200
2019-01-03,B,21,
2019-01-05,A,12,300
2019-01-07,A,12,400
2019-01-07,B,22,-5
2019-01-09,A,13,500
2019-01-09,B,23,2
"""


def read(url: str, **fields: Any) -> Any:
    data = DataConfig(prices=url, **fields)
    return ingest(open_source(data), data, calendar=open_calendar("XNYS"))


def test_a_row_on_a_day_without_a_session_is_dropped_and_a_missing_one_reported(
    write: Callable[[str, str], str],
) -> None:
    found = read(write("long.csv", LONG))
    # The fifth of January was a Saturday; the fourth and the eighth were sessions.
    assert found.matrix.dates.astype("datetime64[D]").astype(str).tolist() == [
        "2019-01-02",
        "2019-01-03",
        "2019-01-07",
        "2019-01-09",
    ]
    assert dict(found.report.dropped) == {"not_a_session": 1}
    assert found.report.rows_in == 9 == found.report.kept + found.report.dropped_total
    assert found.dropped.to_pylist()[0]["symbol"] == "A"
    missing = [row for row in found.reported.to_pylist() if row["reason"] == "missing_session"]
    assert [str(row["date"])[:10] for row in missing] == ["2019-01-04", "2019-01-08"]
    assert found.report.reported["missing_session"] == 2


def test_a_wide_file_drops_each_cell_of_such_a_day(write: Callable[[str, str], str]) -> None:
    text = "date,A,B\n2019-01-04,1,2\n2019-01-05,1,\n2019-01-07,2,3\n2019-01-08,3,4\n"
    found = read(write("wide.csv", text))
    assert dict(found.report.dropped) == {"not_a_session": 1}
    assert found.report.rows_in == 7


def test_months_add_up_to_the_whole(write: Callable[[str, str], str]) -> None:
    days = open_calendar("XNYS").sessions(np.datetime64("2019-01-02"), np.datetime64("2019-03-29"))
    # The last session of January and the first of February are missing, a Sunday is there.
    gone = [np.datetime64("2019-01-31"), np.datetime64("2019-02-01"), np.datetime64("2019-03-05")]
    kept = np.sort(np.append(np.setdiff1d(days, gone), np.datetime64("2019-02-10")))
    rows = "".join(f"{day},{n + 1},{n + 2}\n" for n, day in enumerate(kept.astype(str)))
    url = write("wide.csv", "date,A,B\n" + rows)
    calendar = open_calendar("XNYS")
    whole = read(url)
    raw = FileSource(url, "prices").read()
    parts, before = [], None
    for month in raw.months():
        first = np.datetime64(month, "M")
        own = raw.between(
            first.astype("datetime64[us]"),
            (first + np.timedelta64(1, "M")).astype("datetime64[us]"),
        )
        parts.append(ingest_month(own, before, calendar=calendar))
        before = own
    assert sum(part.report.reported.get("missing_session", 0) for part in parts) == 3
    assert whole.report.reported["missing_session"] == 3
    assert sum(part.report.dropped_total for part in parts) == whole.report.dropped_total == 2
    values = np.vstack([part.matrix.values for part in parts])
    assert values.tobytes() == whole.matrix.values.tobytes()


def test_without_a_calendar_nothing_is_judged(write: Callable[[str, str], str]) -> None:
    data = DataConfig(prices=write("long.csv", LONG))
    for name in (None, "observed"):
        calendar = None if name is None else open_calendar(name)
        report = ingest(open_source(data), data, calendar=calendar).report
        assert not report.dropped
        assert "missing_session" not in report.reported


def test_price_times_volume_is_laid_on_the_grid(write: Callable[[str, str], str]) -> None:
    found = read(write("long.csv", LONG), volume="volume").traded
    assert found.symbols == ("A", "B")
    np.testing.assert_array_equal(
        found.values, [[1000, 20], [2200, np.nan], [4800, np.nan], [6500, 46]]
    )


def test_a_month_of_volumes_survives_its_table(write: Callable[[str, str], str]) -> None:
    raw = FileSource(write("long.csv", LONG), "prices", volume="volume").read()
    again = type(raw).from_table(raw.to_table())
    np.testing.assert_array_equal(again.volume, raw.volume)
    assert raw.to_table().column_names == ["date", "symbol", "value", "row", "volume"]
    assert FileSource(raw.origin, "prices").read().to_table().column_names[-1] == "row"


@pytest.mark.parametrize(
    ("text", "volume", "match"),
    [
        (LONG, "shares", "data.volume names column 'shares', found 'date', 'symbol'"),
        ("date,A,B\n2019-01-04,1,2\n", "A", "data.volume names a column of a long file"),
    ],
)
def test_a_wrong_column_of_volumes(
    text: str, volume: str, match: str, write: Callable[[str, str], str]
) -> None:
    with pytest.raises(DataError, match=match):
        read(write("file.csv", text), volume=volume)


def test_a_variable_in_a_place(
    write: Callable[[str, str], str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write("long.csv", LONG)
    data = DataConfig(prices="${FOLDER_OF_DATA}/long.csv")
    monkeypatch.setenv("FOLDER_OF_DATA", str(tmp_path))
    assert open_source(data).origin == f"{tmp_path}/long.csv"
    assert data.model_dump()["prices"] == "${FOLDER_OF_DATA}/long.csv"
    monkeypatch.delenv("FOLDER_OF_DATA")
    with pytest.raises(ConfigError, match="the environment variable FOLDER_OF_DATA, which is not"):
        open_source(data)


@pytest.mark.parametrize("url", ["${}/a.csv", "${A B}/a.csv", "${A/a.csv"])
def test_a_wrong_variable(url: str) -> None:
    with pytest.raises(ValueError, match="for an environment variable, found"):
        DataConfig(prices=url)


@pytest.fixture
def grouped(tmp_path: Path) -> str:
    days = np.arange(np.datetime64("2019-01-01", "D"), np.datetime64("2019-01-13", "D"))
    table = pa.table(
        {
            "date": np.repeat(days, 2).astype("datetime64[ms]"),
            "symbol": ["A", "B"] * 11 + ["A", "NEW"],
            "close": np.arange(24.0) + 1,
        }
    )
    path = tmp_path / "grouped.parquet"
    pq.write_table(table, path, row_group_size=6)
    return str(path)


def test_only_row_groups_of_the_days_asked_for_are_read(grouped: str) -> None:
    file = ParquetFile.open(grouped)
    inside = file.within(0, np.datetime64("2019-01-05"), np.datetime64("2019-01-08"))
    assert (inside.groups, inside.skipped, inside.whole) == (range(1, 3), 6, False)
    assert len(inside.load([0, 1], [2])[2]) == 12
    assert file.within(0, None, None).whole
    beyond = file.within(0, np.datetime64("2030-01-01"), None)
    assert beyond.groups == range(1)


def test_a_part_of_a_file_is_what_all_of_it_has_there(grouped: str) -> None:
    first, after = np.datetime64("2019-01-05", "us"), np.datetime64("2019-01-08", "us")
    found = FileSource(grouped, "prices").read(first, after)
    assert found.symbols == ("A", "B")
    assert found.rows[:, 0].tolist() == [9, 10, 11, 12, 13, 14]
    assert found.values[:, 0].tolist() == [9, 10, 11, 12, 13, 14]
    assert not FileSource(grouped, "prices").read(np.datetime64("2030-01-01", "us")).values.size
