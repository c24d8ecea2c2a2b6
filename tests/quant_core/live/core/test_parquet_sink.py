from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from quant_core.live import DEAD_LETTERS_SCHEMA, SIGNALS_SCHEMA, Engine, ParquetSink, Settings

if TYPE_CHECKING:
    from pathlib import Path


def replayed(kit: Any, out: Path, cuts: list[int], **options: Any) -> None:
    engine = Engine(Settings(), kit.constant)
    engine.apply([kit.strategy("a", "0.1"), kit.strategy("b", "0.2", instruments=("Y",))])
    names = "XYYXYZZYXX"
    late = ["W" if k > 40 else names[k % 10] for k in range(50)]
    rows = [(late[k], k, -1.0 if k % 7 == 3 else 1.0 + k) for k in range(50)]
    with ParquetSink(out, kit.telemetry(), **options) as sink:
        for start, stop in zip([0, *cuts], [*cuts, 50], strict=True):
            outcome = engine.process(kit.ticks(rows[start:stop], first=start))
            sink.emit(outcome.emitted, outcome.dead)
        sink.flush()


@pytest.mark.parametrize("cuts", [[25], list(range(1, 50)), [3, 4, 30], [7, 21, 22, 23]])
def test_bytes_do_not_depend_on_batches(kit: Any, tmp_path: Path, cuts: list[int]) -> None:
    replayed(kit, tmp_path / "whole", [], group_rows=16)
    replayed(kit, tmp_path / "cut", cuts, group_rows=16)
    for name in ("signals.parquet", "dlq.parquet", "metrics.prom"):
        whole, cut = (tmp_path / folder / name for folder in ("whole", "cut"))
        assert whole.read_bytes() == cut.read_bytes(), name


def test_rows_and_groups_are_what_was_emitted(kit: Any, tmp_path: Path) -> None:
    replayed(kit, tmp_path, [10, 20], group_rows=16)
    file = pq.ParquetFile(tmp_path / "signals.parquet")
    count = file.metadata.num_rows
    groups = [file.metadata.row_group(k).num_rows for k in range(file.num_row_groups)]
    assert groups == [16] * (count // 16) + [count % 16] * bool(count % 16)
    table = file.read()
    assert table.schema.equals(SIGNALS_SCHEMA)
    places = [int(one.split("/")[2]) for one in table.column("signal_id").to_pylist()]
    assert places == sorted(places)
    assert set(table.column("instrument").to_pylist()) == {"W", "X", "Y", "Z"}
    assert pq.read_schema(tmp_path / "dlq.parquet").equals(DEAD_LETTERS_SCHEMA)
    assert pq.read_metadata(tmp_path / "dlq.parquet").num_rows == 7
    assert (tmp_path / "metrics.prom").read_text() == "figures\n"


def test_without_figures_there_is_no_file_of_them(tmp_path: Path) -> None:
    with ParquetSink(tmp_path):
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dlq.parquet", "signals.parquet"]
    assert pq.read_metadata(tmp_path / "signals.parquet").num_rows == 0


def test_a_replay_that_fails_leaves_what_was_there(kit: Any, tmp_path: Path) -> None:
    replayed(kit, tmp_path, [])
    before = (tmp_path / "signals.parquet").read_bytes()
    engine = Engine(Settings(), kit.constant)
    engine.apply([kit.strategy("other")])
    outcome = engine.process(kit.ticks([("A", ts, 1.0) for ts in range(30)]))

    def emit_and_fail() -> None:
        with ParquetSink(tmp_path, group_rows=4) as sink:
            sink.emit(outcome.emitted, outcome.dead)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        emit_and_fail()
    assert (tmp_path / "signals.parquet").read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 3


def test_rows_that_wait_are_bounded(kit: Any, tmp_path: Path) -> None:
    engine = Engine(Settings(), kit.constant)
    engine.apply([kit.strategy("s")])
    with ParquetSink(tmp_path, group_rows=64) as sink:
        for start in range(0, 1000, 50):
            ticks = kit.ticks([("A", ts, 1.0) for ts in range(start, start + 50)], first=start)
            outcome = engine.process(ticks)
            sink.emit(outcome.emitted, outcome.dead)
            assert sink.waiting < (4 + 1) * 64
    written = pq.read_table(tmp_path / "signals.parquet", columns=["prediction"])
    assert np.array_equal(written.column(0).to_numpy(), np.full(999, 0.5))
