"""What came in, what was left out, and what of the run was already known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from quant_core.report._columns import codes, counted, falling
from quant_core.selection.htr import STAGES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quant_core.report._folder import OutputFolder

__all__ = ["cache", "coverage", "rows"]

_EXAMPLES = 12
_KINDS = ("selection", "solve", "simulation")


def rows(folder: OutputFolder, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the rows kept and dropped, with reasons and the first examples.

    Parameters
    ----------
    folder : OutputFolder
        The run.
    data : mapping
        The ``data`` object of the manifest.
    """
    examples = folder.table("dropped").slice(0, _EXAMPLES)
    listed = [{name: _plain(value) for name, value in row.items()} for row in examples.to_pylist()]
    return {
        "rows_in": data.get("rows_in"),
        "kept": data.get("kept"),
        "dropped": falling(data.get("dropped") or {}),
        "reported": falling(data.get("reported") or {}),
        "examples": listed,
    }


def coverage(folder: OutputFolder, selection: str) -> dict[str, Any]:
    """Return how many atoms each window could hold under a selection, and why not the others.

    Returns
    -------
    dict
        ``windows`` (W,); ``series`` of ``{name, count (W,)}``, the selected first, by stage where
        the selection has any, then one per reason.
    """
    columns = ["window", "atom", "selected", "stage", "reason"]
    table = folder.table("selected_atoms", columns, selection=selection)
    windows, row = codes(table["window"])
    reasons, place = codes(table["reason"])
    chosen = table["selected"].to_numpy().astype(bool)
    stage = pc.fill_null(table["stage"], 0).to_numpy()
    stages = [f"selected, stage {number} {name}" for number, name in STAGES.items()]
    names = ["selected", *stages, *(reason or "no reason recorded" for reason in reasons)]
    counts = np.zeros((len(names), len(windows)), dtype=np.int64)
    np.add.at(counts, (np.where(chosen, stage, place + 1 + len(stages)), row), 1)
    series = [
        {"name": name, "count": count.tolist()}
        for name, count in zip(names, counts, strict=True)
        if count.any()
    ]
    return {"windows": windows, "series": series}


def cache(folder: OutputFolder) -> dict[str, Any]:
    """Return hits and computed units by kind, and why units were stale.

    Returns
    -------
    dict
        ``kinds`` as ``{kind, hits, computed, seconds}``; ``reasons`` as ``[why, count]`` in
        falling order.
    """
    table = folder.table("cells", ["kind", "outcome", "why", "seconds"])
    table = table.filter(pc.field("outcome") != "absent")
    names, kinds = codes(table["kind"])
    outcomes, outcome = codes(table["outcome"])
    hit = np.array([name == "hit" for name in outcomes], dtype=bool)[outcome]
    seconds = np.nan_to_num(table["seconds"].to_numpy().astype(float))
    found = []
    for kind in _KINDS:
        mine = kinds == names.index(kind) if kind in names else np.zeros(len(kinds), dtype=bool)
        if mine.any():
            spent = float(seconds[mine & ~hit].sum())
            hits, total = int((mine & hit).sum()), int(mine.sum())
            found.append({"kind": kind, "hits": hits, "computed": total - hits, "seconds": spent})
    return {"kinds": found, "reasons": counted(table["why"].filter(pa.array(~hit)))}


def _plain(value: Any) -> str:
    if value is None:
        return ""
    return value.strftime("%Y-%m-%d") if hasattr(value, "strftime") else str(value)
