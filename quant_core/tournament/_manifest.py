"""The manifest: what a run was made from, and what it made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quant_core import manifest
from quant_core.canonical import digest
from quant_core.clock import clock

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from quant_core.ledger import Head
    from quant_core.tournament._run import Pipeline

__all__ = ["OUTPUTS", "STRATEGY_OUTPUTS", "run_facts", "write_manifest"]

OUTPUTS = (
    "dropped.parquet",
    "leaderboard.parquet",
    "nav.parquet",
    "selected_atoms.parquet",
    "weights_cube.parquet",
    "window_metrics.parquet",
)
"""Files that the inputs determine to the byte."""

STRATEGY_OUTPUTS = ("atom_returns.parquet", "strategy_models.parquet")
"""The same, of a configuration with strategies."""


def write_manifest(
    folder: Path,
    facts: Mapping[str, Any],
    *,
    outputs: Sequence[str] = OUTPUTS,
    known: Mapping[str, str] | None = None,
) -> None:
    """Write ``manifest.json``: the facts of a run, what it ran on, and digests of its outputs.

    Parameters
    ----------
    folder : pathlib.Path
        The output folder.
    facts : mapping
        What the run says of itself, JSON-like.
    outputs : sequence of str
        Files that the inputs determine.
    known : mapping of str to str, optional
        Digests of files that were hashed before.
    """
    hashed = known or {}
    digests = {name: hashed.get(name) or digest((folder / name).read_bytes()) for name in outputs}
    manifest.write_manifest(
        folder / manifest.MANIFEST,
        manifest.made_manifest({"kind": "tournament", **facts}, digests),
    )


def run_facts(run: Pipeline, head: Head) -> dict[str, Any]:
    """Return what a run says of itself in its manifest.

    Parameters
    ----------
    run : Pipeline
        The run, after its last stage.
    head : Head
        Head of its audit trail.
    """
    ingested = run.prepared.ingested
    stages = [
        {"name": step.name, "seconds": step.seconds, "changed": step.changed.to_dict()}
        for step in run.steps
    ]
    counts = {kind: {"hits": hits, "computed": made} for kind, (hits, made) in run.counts.items()}
    return {
        "run_id": run.data.run_id,
        "started": run.data.started.isoformat(),
        "finished": clock().now().isoformat(),
        "seeds": {"tournament": run.data.seed},
        "seconds": run.seconds,
        "backend": run.compute.name,
        "workers": run.compute.workers,
        "config": run.config.resolved(),
        "data": {
            "origin": ingested.origin,
            "version": ingested.version,
            "symbols": len(ingested.matrix.symbols),
            "dates": len(ingested.matrix.dates),
            **ingested.report.to_dict(),
        },
        "stages": stages,
        "counts": counts,
        "ledger": {"seq": head.seq, "hash": head.hash},
        **run.summary,
    }
