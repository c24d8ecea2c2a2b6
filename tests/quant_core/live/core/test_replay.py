from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from quant_core.clock import VirtualClock, use_clock
from quant_core.errors import ConfigError, DataError
from quant_core.live import ReplaySource

if TYPE_CHECKING:
    from pathlib import Path


def written(path: Path, **columns: Any) -> str:
    pq.write_table(pa.table(columns), path)
    return str(path)


def drained(source: ReplaySource, limit: int = 1000) -> tuple[list[tuple[Any, ...]], list[Any]]:
    ticks, letters = [], []
    for _ in range(10_000):
        polled = source.poll(limit, 0.0)
        assert len(polled.ticks) <= limit
        batch = polled.ticks
        ticks += [
            (batch.names[code], int(ts), float(price), f"{partition}/{offset}")
            for code, ts, price, partition, offset in zip(
                batch.instrument, batch.ts, batch.price, batch.partition, batch.offset, strict=True
            )
        ]
        letters += polled.malformed
        if polled.end:
            return ticks, letters
    raise AssertionError("the replay does not end")


def test_a_quote_is_the_middle_and_the_file_names_its_instrument(tmp_path: Path) -> None:
    ts = pa.array([1000, 2000], pa.timestamp("us"))
    file = written(tmp_path / "EURUSD.parquet", ts=ts, bid=[1.0, 2.0], ask=[2.0, 4.0])
    ticks, letters = drained(ReplaySource([file]))
    assert ticks == [("EURUSD", 1_000_000, 1.5, "0/0"), ("EURUSD", 2_000_000, 3.0, "0/1")]
    assert letters == []


def test_a_name_is_given_or_read_from_a_column(tmp_path: Path) -> None:
    plain = written(tmp_path / "a.parquet", ts=[1, 4], price=[1.0, 2.0])
    column = written(
        tmp_path / "b.parquet", ts=[2, 3], price=[3.0, 4.0], instrument=["X", "Y"], size=[1.0, None]
    )
    ticks, _ = drained(ReplaySource([f"GOLD={plain}", column]))
    assert ticks == [
        ("GOLD", 1, 1.0, "0/0"),
        ("X", 2, 3.0, "1/0"),
        ("Y", 3, 4.0, "1/1"),
        ("GOLD", 4, 2.0, "0/1"),
    ]


@pytest.mark.parametrize("chunk", [1, 2, 3, 100])
@pytest.mark.parametrize("limit", [1, 4, 100])
def test_files_are_merged_by_instant_and_ties_by_file(
    tmp_path: Path, chunk: int, limit: int
) -> None:
    stamps = [[1, 5, 5, 5, 9], [2, 5, 5, 8], [5, 5, 7, 10, 11, 12]]
    files = [
        written(tmp_path / f"{name}.parquet", ts=ts, price=np.ones(len(ts)))
        for name, ts in zip("abc", stamps, strict=True)
    ]
    ticks, _ = drained(ReplaySource(files, chunk=chunk), limit)
    expected = "0/0 1/0 0/1 0/2 0/3 1/1 1/2 2/0 2/1 2/2 1/3 0/4 2/3 2/4 2/5"
    assert " ".join(place for *_, place in ticks) == expected


def test_what_goes_back_in_time_stays_behind_its_predecessor(tmp_path: Path) -> None:
    files = [
        written(tmp_path / "a.parquet", ts=[10, 3, 20], price=np.ones(3)),
        written(tmp_path / "b.parquet", ts=[5, 15], price=np.ones(2)),
    ]
    for chunk in (1, 10):
        ticks, _ = drained(ReplaySource(files, chunk=chunk))
        assert [place for *_, place in ticks] == ["1/0", "0/0", "0/1", "1/1", "0/2"]


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"ts": [1, None, 3], "price": [1.0] * 3}, "ts: expected a value, found none"),
        ({"ts": [1, 2, 3], "price": [1.0, None, 3.0]}, "price: expected a value, found none"),
        (
            {"ts": [1, 2, 3], "bid": [1.0] * 3, "ask": [1.0, None, 3.0]},
            "ask: expected a value, found none",
        ),
        ({"ts": [1, 2, 3], "price": ["1.5", "x", "2"]}, "price: expected a number, found 'x'"),
        (
            {"ts": [1, 2, 3], "price": [1.0] * 3, "instrument": ["A", None, "A"]},
            "instrument: expected a value, found none",
        ),
    ],
)
def test_rows_that_are_no_ticks_are_dead_letters(
    tmp_path: Path, columns: dict[str, Any], told: str
) -> None:
    ticks, letters = drained(ReplaySource([written(tmp_path / "A.parquet", **columns)]))
    assert [place for *_, place in ticks] == ["0/0", "0/2"]
    (letter,) = letters
    assert (letter.correlation_id, letter.reason, letter.detail) == (
        "replay/0/1",
        "malformed",
        told,
    )
    assert letter.payload.startswith("{'ts': ")


def test_a_file_of_malformed_rows_alone_ends(tmp_path: Path) -> None:
    file = written(tmp_path / "A.parquet", ts=[1, 2], price=pa.array([None, None], pa.float64()))
    ticks, letters = drained(ReplaySource([file], chunk=1))
    assert ticks == []
    assert [letter.correlation_id for letter in letters] == ["replay/0/0", "replay/0/1"]


def test_a_limit_counts_ticks(tmp_path: Path) -> None:
    file = written(tmp_path / "A.parquet", ts=np.arange(100), price=np.ones(100))
    assert len(drained(ReplaySource([file], limit=37, chunk=10), 7)[0]) == 37
    assert drained(ReplaySource([file], limit=0))[0] == []


def test_a_paced_tick_is_received_when_it_is_due(tmp_path: Path) -> None:
    file = written(tmp_path / "A.parquet", ts=np.arange(10), price=np.ones(10))
    with use_clock(VirtualClock()) as virtual:
        virtual.sleep(100.0)
        source = ReplaySource([file], rate=10.0)
        first = source.poll(100, 0.0)
        assert first.ticks.received.tolist() == [100.0]
        assert len(source.poll(100, 0.05).ticks) == 0
        assert virtual.seconds() == pytest.approx(100.05)
        assert source.poll(100, 1.0).ticks.received.tolist() == [100.1]
        virtual.sleep(0.35)
        late = source.poll(2, 1.0)
        assert late.ticks.received.tolist() == pytest.approx([100.2, 100.3])
        rest = source.poll(100, 1.0)
        assert rest.ticks.received.tolist() == pytest.approx([100.4])
        assert not rest.end
        virtual.sleep(10.0)
        last = source.poll(100, 1.0)
        assert len(last.ticks) == 5
        assert last.end


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"ts": [1], "bid": [1.0]}, "expected the columns ts and bid, ask, or ts and price; found"),
        ({"price": [1.0]}, "expected the columns ts and bid, ask"),
        ({"ts": ["x"], "price": [1.0]}, "ts: expected a timestamp or int64 nanoseconds, found str"),
        ({"ts": [1], "price": [True]}, None),
        ({"ts": [1], "price": [[1.0]]}, "price: expected numbers, found list"),
    ],
)
def test_a_file_without_ticks_is_refused(
    tmp_path: Path, columns: dict[str, Any], told: str | None
) -> None:
    file = written(tmp_path / "A.parquet", **columns)
    if told is None:
        assert drained(ReplaySource([file]))[0] == [("A", 1, 1.0, "0/0")]
        return
    with pytest.raises(DataError, match=told) as caught:
        drained(ReplaySource([file]))
    assert file in str(caught.value)


def test_what_is_no_file_or_no_parquet_is_refused(tmp_path: Path) -> None:
    text = tmp_path / "a.parquet"
    text.write_text("ts,price\n")
    with pytest.raises(DataError, match="found what cannot be read as one"):
        ReplaySource([str(text)])
    with pytest.raises(DataError, match="found no file"):
        ReplaySource([str(tmp_path / "none.parquet")])
    with pytest.raises(ConfigError, match="expected a file of ticks, found none"):
        ReplaySource([])
    with pytest.raises(ConfigError, match="expected a rate above 0"):
        ReplaySource(["a"], rate=0.0)
