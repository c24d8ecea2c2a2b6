from __future__ import annotations

from typing import Any

import pyarrow as pa

from quant_core.live import SIGNALS_SCHEMA, Engine, Settings, Signals


def outcomes(kit: Any) -> list[Any]:
    """Batches that a reload, new instruments and another source come between."""
    engine = Engine(Settings(), kit.constant)
    a, b = kit.strategy("a", "0.1"), kit.strategy("b", "0.2", instruments=("Y",))
    engine.apply([a])
    ticks = [("XYZYXW"[k % 6] if k > 8 else "XY"[k % 2], k, 1.0 + k) for k in range(24)]
    found = []
    for k in range(0, 24, 2):
        if k == 12:
            engine.apply([a, b])
        source = "late" if k >= 18 else "early"
        batch = kit.ticks(ticks[k : k + 2], first=k)
        found.append(engine.process(batch, source=source))
    return found


def test_many_batches_drawn_at_once_are_each_drawn_alone(kit: Any) -> None:
    at_once = Signals.joined([one.emitted for one in outcomes(kit)])
    alone = pa.concat_tables([one.signals for one in outcomes(kit)])
    assert at_once.num_rows == alone.num_rows > 20
    assert at_once.table().schema.equals(SIGNALS_SCHEMA)
    assert at_once.table().to_pylist() == alone.to_pylist()
    assert len({one["strategy"] for one in alone.to_pylist()}) == 2
    assert {one["signal_id"].split("/")[0] for one in alone.to_pylist()} == {"early", "late"}


def test_tables_stand_between_batches(kit: Any) -> None:
    parts = [part for one in outcomes(kit) for part in one.emitted.parts]
    table = parts[3].table()
    mixed = Signals([*parts[:3], table, *parts[4:]])
    assert mixed.table().to_pylist() == Signals(parts).table().to_pylist()
    assert mixed.table() is mixed.table()


def test_nothing_is_a_table_of_no_rows() -> None:
    assert Signals().num_rows == 0
    assert Signals().table().equals(SIGNALS_SCHEMA.empty_table())
