"""The manifests of runs of the asset graph: one file a run, complete after every asset."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from quant_core.clock import clock
from quant_core.context import current_settings
from quant_core.errors import ConfigError
from quant_core.manifest import (
    GraphManifest,
    LedgerHead,
    SleeveSection,
    made_manifest,
    read_manifest,
    write_manifest,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path
    from typing import Any

    from quant_core.cells import Receipt

__all__ = ["book_action", "book_outputs", "manifest_folder", "manifest_path"]


def manifest_path(run_id: str) -> Path:
    """Return the manifest of a run: ``manifests/{run_id}.json`` in the home folder.

    Raises
    ------
    ConfigError
        If the id would leave the folder.
    """
    if not run_id or run_id.startswith(".") or "/" in run_id or "\\" in run_id:
        raise ConfigError(f"run id: expected a name without '/' or a leading '.', found {run_id!r}")
    return manifest_folder() / f"{run_id}.json"


def manifest_folder() -> Path:
    """Return where the manifests of the runs of this home lie."""
    return current_settings().home / "manifests"


def book_outputs(run_id: str, receipts: Iterable[Receipt]) -> None:
    """Add the partitions that a run has stored to its manifest.

    Parameters
    ----------
    run_id : str
        Dagster's run.
    receipts : iterable of Receipt
        Proof of each file.
    """
    made = {receipt.path: receipt.digest for receipt in receipts}
    with _changed(run_id) as change:
        change["outputs"] = {**change["outputs"], **made}


def book_action(
    run_id: str,
    sleeve: str,
    action: str,
    *,
    config: Mapping[str, Any],
    config_hash: str,
    seed: int,
    head: tuple[int, str],
    data: Mapping[str, str] | None = None,
) -> None:
    """Add what a run has done for a sleeve to its manifest.

    Parameters
    ----------
    run_id : str
        Dagster's run.
    sleeve, action : str
        For which sleeve, and what the audit trail calls it.
    config : mapping
        The resolved configuration of the sleeve.
    config_hash : str
        Its digest.
    seed : int
        Its seed.
    head : tuple of (seq, hash)
        Head of the sleeve's audit trail after the action.
    data : mapping of str to str, optional
        Version of the data, by month that was ingested.
    """
    with _changed(run_id) as change:
        before: SleeveSection | None = change["sleeves"].get(sleeve)
        own = SleeveSection(
            config_hash=config_hash,
            config=dict(config),
            seed=seed,
            data={**(before.data if before else {}), **(data or {})},
            ledger=LedgerHead(seq=head[0], hash=head[1]),
            actions=tuple(dict.fromkeys([*(before.actions if before else ()), action])),
        )
        change["sleeves"] = {**change["sleeves"], sleeve: own}
        change["seeds"] = {**change["seeds"], sleeve: seed}


@contextmanager
def _changed(run_id: str) -> Iterator[dict[str, Any]]:
    """Yield fields of the manifest to change, and store it; steps of a run take turns."""
    path = manifest_path(run_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        manifest = _manifest(path, run_id)
        change = {name: getattr(manifest, name) for name in ("outputs", "seeds", "sleeves")}
        yield change
        change["finished"] = clock().now()
        write_manifest(path, manifest.model_copy(update=change))
    finally:
        os.close(folder)


def _manifest(path: Path, run_id: str) -> GraphManifest:
    if path.exists():
        found = read_manifest(path)
    else:
        now = clock().now()
        facts = {"kind": "graph", "run_id": run_id, "started": now, "finished": now, "sleeves": {}}
        found = made_manifest(facts, {})
    if not isinstance(found, GraphManifest):
        raise ConfigError(f"{path}: expected the manifest of a run of the asset graph")
    return found
