"""A tournament stage by stage, with a stage of its own; needs neither Dagster, Ray nor MLflow."""

from collections.abc import Mapping
from dataclasses import replace
from tempfile import mkdtemp
from typing import Any

from quant_core import TournamentConfig
from quant_core.context import Settings, Stage
from quant_core.tournament import STAGES, Pipeline

HALF = 0.5


def without_losers(pipeline: Pipeline, given: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out atoms that lost more than half of their value in a train period."""
    inputs = given["inputs"]
    train = {window.key: window.train for window in pipeline.prepared.windows}
    kept = {}
    for (window, selection), record in given["atoms"].items():
        grown = (1 + inputs.matrix.values[train[window]][:, record.columns]).prod(axis=0)
        kept[window, selection] = replace(record, chosen=record.chosen & (grown > HALF))
    columns = {column for record in kept.values() for column in record.winners}
    pipeline.hand_on(
        atoms=[str(inputs.atoms[column]) for column in columns],
        counts={"winners": sum(len(record.winners) for record in kept.values())},
    )
    return {"atoms": kept}


veto = Stage("veto", without_losers, needs=("inputs", "atoms"), provides=("atoms",))
stages = STAGES.insert(veto, after="select")

config = TournamentConfig(data="sample", profiles=["equal_weight", "hrp"], rebalances=["window"])
settings = Settings(log_level="info")
with Pipeline(config, out=mkdtemp(), stages=stages, settings=settings) as pipeline:
    pipeline.until("select")
    print(pipeline.data.data.symbols, "symbols,", len(pipeline.data.windows), "windows")
    print(len(pipeline.context.atoms), "atoms were selected; left:", ", ".join(pipeline.left))
    while pipeline.left:
        step = pipeline.step()
        print(f"{step.name}: {step.changed}")
    pipeline.finish()
best = pipeline.result.leaderboard.sort_by("rank").slice(0, 3)
print(best.select(["rank", "selection", "profile", "sharpe", "dsr"]).to_pandas())
