"""The end of ``quant demo``: its models are deployed to a runner and its closes replayed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow.parquet as pq
from rich.markup import escape

from quant_core.cli._console import results
from quant_core.cli._runner import replay
from quant_core.data import ingest, open_source
from quant_core.strategies import write_ticks

if TYPE_CHECKING:
    from pathlib import Path

    from quant_core.config import TournamentConfig

__all__ = ["replay_closes"]

_DAYS = 500
_TICKS_PER_SECOND = 2000.0


def replay_closes(config: TournamentConfig, out: Path) -> None:
    """Serve the models of a run and replay the last closes of its data as ticks.

    Writes ``closes.parquet`` and the folder ``live`` beside the results of the run, and prints
    what came of it and how to trace the last signal.

    Parameters
    ----------
    config : TournamentConfig
        The configuration of the run; it names its data.
    out : pathlib.Path
        The folder of the run.
    """
    assert config.data is not None
    found = ingest(open_source(config.data), config.data, prices=True)
    assert found.prices is not None
    traded = [symbol for symbol in found.matrix.symbols if symbol not in config.benchmark]
    columns, dates = found.matrix.columns(traded), found.matrix.dates[-_DAYS:]
    closes, live = out / "closes.parquet", out / "live"
    write_ticks(closes, dates, traded, found.prices[-_DAYS:, columns])
    console = results()
    console.print("\nlive: the newest models, on the closes of the last 500 days as ticks")
    replay(
        [str(closes)],
        str(out / "strategies.yaml"),
        live,
        rate=_TICKS_PER_SECOND,
        limit=None,
        batch_window_ms=None,
        backend="auto",
        as_json=False,
    )
    ids = pq.read_table(live / "signals.parquet", columns=["signal_id"])["signal_id"]
    if len(ids):
        text = f"explain  quant trace {ids[-1].as_py()} --out {out}"
        console.print(escape(text), soft_wrap=True)
