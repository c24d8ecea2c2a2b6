"""Weights of a cell by symbol and window, as a map."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import numpy as np

from quant_core.report._columns import codes

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from quant_core.report._folder import OutputFolder

__all__ = ["MAP_COLUMNS", "MISSING", "maps", "packed", "weight_map"]

MAP_COLUMNS = ("window", "symbol", "net_weight")
"""What `weight_map` reads of a weights cube."""

MISSING = -32768
"""What stands, packed, where a window has no weights."""

_LINES = 24
_SOLVE = ("selection", "engine", "profile")
_ROWS = 40
_STEPS = 10_000


def maps(folder: OutputFolder, lines: Sequence[tuple[str, ...]]) -> list[dict[str, Any]]:
    """Return the weight map of the first lines of the cube.

    Parameters
    ----------
    folder : OutputFolder
        The run.
    lines : sequence of tuple of str
        Selection, engine and profile, in the order wanted; at most 24 are shown.

    Returns
    -------
    list of dict
        ``{line, windows, symbols, others, weight}``, the weights as `packed`.
    """
    lines = lines[:_LINES]
    wanted = {axis: {line[place] for line in lines} for place, axis in enumerate(_SOLVE)}
    cube = folder.table("weights_cube", [*_SOLVE, *MAP_COLUMNS], **wanted)
    coded = [codes(cube[axis]) for axis in _SOLVE]
    found = []
    for line in lines:
        rows = np.ones(cube.num_rows, dtype=bool)
        for (names, numbers), name in zip(coded, line, strict=True):
            rows &= numbers == names.index(name)
        one = weight_map(cube.select(MAP_COLUMNS).take(np.flatnonzero(rows)))
        found.append({"line": list(line), **one, "weight": packed(one["weight"])})
    return found


def weight_map(cube: pa.Table, *, rows: int = _ROWS) -> dict[str, Any]:
    """Return the net weights of symbols, window by window.

    Parameters
    ----------
    cube : pyarrow.Table
        Rows of a weights cube with `MAP_COLUMNS`: one solve a window. Of several, the mean.
    rows : int
        Symbols to name; the others are summed.

    Returns
    -------
    dict
        ``windows`` (W,); ``symbols`` (S,), those with the largest mean magnitude, in falling order
        of mean weight, and the sum of the others last where there are any; ``weight``, an array
        (S, W), NaN in a window without weights; and ``others``, how many were summed.
    """
    windows, column = codes(cube["window"])
    net = cube["net_weight"].to_numpy().astype(float)
    held = np.isfinite(net)
    symbols, place = codes(cube["symbol"].filter(held))
    weights = np.zeros((len(symbols), len(windows)))
    np.add.at(weights, (place, column[held]), net[held])
    weights /= np.maximum(1, _solves(cube, column, held, len(windows)))
    seen = np.bincount(column[held], minlength=len(windows)) > 0
    size, mean = np.abs(weights).mean(axis=1), weights.mean(axis=1)
    order = np.argsort(-size, kind="stable")
    named, rest = order[:rows], order[rows:]
    named = named[np.argsort(-mean[named], kind="stable")]
    shown = weights[named]
    names = [symbols[number] for number in named]
    if len(rest):
        shown = np.vstack([shown, weights[rest].sum(axis=0)])
        names.append(f"{len(rest)} others")
    shown = np.where(seen, shown, np.nan)
    return {"windows": windows, "symbols": names, "weight": shown, "others": len(rest)}


def packed(weights: np.ndarray) -> str:
    """Return weights as base64 of little-endian 16-bit integers, in hundredths of a percent."""
    steps = np.clip(np.round(weights * _STEPS), MISSING + 1, -MISSING - 1)
    whole = np.where(np.isnan(weights), MISSING, steps).astype("<i2")
    return base64.b64encode(np.ascontiguousarray(whole).tobytes()).decode()


def _solves(cube: pa.Table, column: np.ndarray, held: np.ndarray, windows: int) -> np.ndarray:
    """Return how many solves of each window have weights; 1 where the rows name none."""
    names = [name for name in _SOLVE if name in cube.column_names]
    line = np.zeros(len(column), dtype=np.int64)
    for name in names:
        known, number = codes(cube[name])
        line = line * len(known) + number
    seen = np.zeros((windows, int(line.max(initial=0)) + 1), dtype=bool)
    seen[column[held], line[held]] = True
    return seen.sum(axis=1)
