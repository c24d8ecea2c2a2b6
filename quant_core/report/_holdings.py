"""What the best cell held, window by window."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from quant_core.report._columns import codes, counted, runs

if TYPE_CHECKING:
    from quant_core.report._folder import OutputFolder
    from quant_core.report._paths import Cell

__all__ = ["holdings", "solves"]

_NAMED = 11
_CERTIFIED = 1e-9
_SOLVE = ("window", "selection", "engine", "profile")


def holdings(folder: OutputFolder, cell: Cell) -> dict[str, Any]:
    """Return weights over time of the largest atoms of a cell, the rest and cash.

    Parameters
    ----------
    folder : OutputFolder
        The run.
    cell : tuple of str
        Selection, engine, profile, rebalance, simulator; the first three name the solves.

    Returns
    -------
    dict
        ``windows`` (W,) and ``series`` of ``{name, role, weight (W,)}`` in falling order of mean
        weight.
    """
    selection, engine, profile = cell[:3]
    columns = ["window", "atom", "symbol", "weight"]
    table = folder.table(
        "weights_cube", columns, selection=selection, engine=engine, profile=profile
    )
    windows, rows = codes(table["window"])
    held = table["atom"].is_valid().to_numpy()
    atoms, places = codes(table["atom"].filter(held))
    names, symbols = codes(table["symbol"].filter(held))
    weights = np.zeros((len(atoms), len(windows)))
    weights[places, rows[held]] = np.nan_to_num(table["weight"].to_numpy()[held].astype(float))
    order = np.argsort(-weights.mean(axis=1), kind="stable")
    named, rest = order[:_NAMED], order[_NAMED:]
    labels = _labels(atoms, places, [names[number] for number in symbols])
    series = [_series(labels[number], weights[number]) for number in named]
    if len(rest):
        series.append(_series(f"{len(rest)} others", weights[rest].sum(axis=0), role="others"))
    cash = np.maximum(0.0, 1.0 - weights.sum(axis=0))
    if float(cash.max(initial=0.0)) > 1e-4:  # noqa: PLR2004 - a hundredth of a percent is not seen
        series.append(_series("cash", cash, role="cash"))
    return {"windows": windows, "series": series}


def solves(folder: OutputFolder) -> dict[str, Any]:
    """Return how the solves of a run ended.

    Returns
    -------
    dict
        ``total``; ``statuses`` and ``solvers`` as lists of ``[name, count]`` in falling order;
        ``fallbacks``, the solves that needed a second solver; ``residuals``, the decimal
        exponents of the KKT residuals as ``{exponents, counts}``; ``measured``, how many there
        are, ``worst``, and ``certified``, how many are at most 1e-9.
    """
    results = ["status", "solver", "fallback_chain", "kkt_residual"]
    table = folder.table("weights_cube", [*_SOLVE, *results])
    one = table.take(runs(*(table[name] for name in _SOLVE))[:-1])
    residual = one["kkt_residual"].to_numpy().astype(float)
    residual = residual[np.isfinite(residual)]
    chains, links = codes(one["fallback_chain"])
    fallen = np.array([" > " in chain for chain in chains], dtype=bool)
    return {
        "total": one.num_rows,
        "statuses": counted(one["status"]),
        "solvers": counted(one["solver"]),
        "fallbacks": int(fallen[links].sum()),
        "residuals": _exponents(residual),
        "measured": len(residual),
        "worst": float(residual.max()) if len(residual) else None,
        "certified": int((residual <= _CERTIFIED).sum()),
    }


def _labels(atoms: list[str], places: np.ndarray, symbols: list[str]) -> list[str]:
    """Return the symbols of atoms where they tell the atoms apart, else the atoms' own names."""
    short = dict(zip(places.tolist(), symbols, strict=True))
    if len(set(short.values())) < len(atoms):
        return atoms
    return [short[number] for number in range(len(atoms))]


def _series(name: str, weights: np.ndarray, role: str = "atom") -> dict[str, Any]:
    return {"name": name, "role": role, "weight": np.round(weights, 5).tolist()}


def _exponents(residual: np.ndarray) -> dict[str, list[Any]]:
    exponents = np.floor(np.log10(np.maximum(residual, 1e-18))).astype(int)
    edges = np.arange(exponents.min(initial=-18), exponents.max(initial=-9) + 1)
    counts = [int((exponents == edge).sum()) for edge in edges]
    return {"exponents": edges.tolist(), "counts": counts}
