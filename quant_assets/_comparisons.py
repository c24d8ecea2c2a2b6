"""Plots that hold cells, engines and simulators against each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from quant_assets._figures import figure
from quant_core.report import (
    AGREEMENT_COLUMNS,
    MAP_COLUMNS,
    agreement,
    frontier,
    luck,
    parities,
    ranked,
    weight_map,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import dagster as dg
    from matplotlib.axes import Axes

    from quant_core.cells import FolderStore
    from quant_core.config import TournamentConfig
    from quant_core.tournament import CellPath

__all__ = [
    "compare_cells",
    "compare_engines",
    "compare_simulators",
    "map_cell",
    "map_cube",
    "plot_agreement",
    "plot_frontier",
    "plot_parity",
    "plot_weight_map",
]

type Picture = dg.MarkdownMetadataValue

_SOLVE = ("selection", "engine", "profile")
_FLOOR = 1e-17
_EXACT = -9


def map_cube(store: FolderStore, months: Sequence[str]) -> Picture:
    """Plot the weights of symbols by window, the mean over all solves."""
    found = weight_map(_cube(store, months, (*_SOLVE, *MAP_COLUMNS)))
    return plot_weight_map(found, title="Weights by symbol, mean over all solves")


def map_cell(store: FolderStore, months: Sequence[str], names: Sequence[str]) -> Picture:
    """Plot the weights of symbols by window of one selection, engine and profile."""
    cube = _cube(store, months, (*_SOLVE, *MAP_COLUMNS))
    for axis, name in zip(_SOLVE, names, strict=True):
        cube = cube.filter(pc.field(axis) == name)
    return plot_weight_map(weight_map(cube), title=f"Weights of {' / '.join(names)}")


def compare_engines(store: FolderStore, months: Sequence[str]) -> dict[str, Picture]:
    """Plot how far engines are from each other; nothing where fewer than two have weights."""
    found = agreement(_cube(store, months, AGREEMENT_COLUMNS))
    return {"engine_agreement": plot_agreement(found)} if found else {}


def compare_simulators(config: TournamentConfig, paths: Sequence[CellPath]) -> dict[str, Picture]:
    """Plot how far simulators are from each other; nothing where no cell has two paths."""
    if not paths:
        return {}
    simulators = {choice.label: choice.spec.name for choice in config.simulators}
    nav = np.stack([path.nav for path in paths])
    found = parities([path.names for path in paths], nav, simulators)
    return {"simulator_parity": plot_parity(found)} if found else {}


def compare_cells(config: TournamentConfig, board: pa.Table) -> dict[str, Picture]:
    """Plot risk and return of every cell; nothing where none has a Sharpe ratio."""
    rows = [row for row in ranked(board) if row["sharpe"] is not None]
    if not rows:
        return {}
    families = {choice.label: choice.spec.name for choice in config.profiles}
    bar = luck(rows, periods_per_year=config.periods_per_year)["expected"]
    found = frontier(rows, families, expected=bar, risk_free=config.risk_free)
    market = (row["rank"] for row in rows if families[row["profile"]] == "market")
    return {"frontier": plot_frontier(found, next(market, None))}


def _cube(store: FolderStore, months: Iterable[str], columns: Sequence[str]) -> pa.Table:
    tables = [store.read(month, list(columns)) for month in months]
    found = [table.replace_schema_metadata(None) for table in tables if table is not None]
    return pa.concat_tables(found).unify_dictionaries()


def plot_weight_map(found: Mapping[str, Any], *, title: str) -> Picture:
    """Plot what `quant_core.report.weight_map` returned: symbols down, windows across."""
    weight, symbols, windows = found["weight"], found["symbols"], found["windows"]
    own = weight[:-1] if found["others"] else weight
    known = own[np.isfinite(own)]
    signed = bool((known < 0).any())
    most = max(1e-4, float(np.abs(known).max(initial=0.0)))

    def draw(axes: Axes) -> None:
        if not len(known):
            axes.text(0.5, 0.5, "no window has weights yet", ha="center")
            return
        colours, least = ("RdBu", -most) if signed else ("Blues", 0.0)
        picture = axes.imshow(
            100 * weight, aspect="auto", cmap=colours, vmin=100 * least, vmax=100 * most,
            interpolation="nearest",
        )  # fmt: skip
        axes.set_yticks(range(len(symbols)), symbols, fontsize=6)
        step = max(1, -(-len(windows) // 8))
        axes.set_xticks(range(0, len(windows), step), windows[::step], fontsize=7)
        bar = axes.figure.colorbar(picture, ax=axes, pad=0.01)
        bar.set_label("weight, %", fontsize=8)

    return figure(draw, title=title, height=1.2 + 0.14 * max(8, len(symbols)))


def plot_agreement(found: Mapping[str, Any]) -> Picture:
    """Plot what `quant_core.report.agreement` returned, the mean over selections and profiles."""
    engines, every = found["engines"], found["groups"][0]
    distance = np.array(every["distance"], dtype=float)

    def draw(axes: Axes) -> None:
        places = range(len(engines))
        scaled = np.log10(np.maximum(distance, 10.0**_EXACT))
        axes.imshow(scaled, cmap="Oranges", vmin=_EXACT, vmax=0, aspect="auto")
        axes.set_xticks(places, engines, fontsize=8)
        axes.set_yticks(places, engines, fontsize=8)
        for row, column in zip(*np.nonzero(np.isfinite(distance)), strict=True):
            gap = every["gap"][row][column]
            said = "" if gap is None else f"\nobjective {gap:.0e}"
            text = f"{distance[row, column]:.0e}{said}"
            axes.text(column, row, text, ha="center", va="center", fontsize=7)

    title = "Engines: half L1 distance of weights, mean over windows"
    return figure(draw, title=title, height=1.4 + 0.5 * len(engines))


def plot_parity(found: Mapping[str, Any]) -> Picture:
    """Plot what `quant_core.report.parities` returned, with what is tolerated."""
    pairs, reference = found["pairs"], found["reference"]

    def draw(axes: Axes) -> None:
        for row, pair in enumerate(pairs):
            gap, tolerance = np.maximum(pair["gap"], _FLOOR), pair["tolerance"]
            place = row + (np.arange(len(gap)) * 0.618034 % 1 - 0.5) * 0.5
            colours = np.where(gap > tolerance, "tab:red", "tab:blue")
            axes.scatter(gap, place, s=9, c=colours, alpha=0.7)
            axes.plot([tolerance] * 2, [row - 0.4, row + 0.4], "--", color="tab:orange")
            axes.text(tolerance, row - 0.42, f"{tolerance:.0e}", ha="center", fontsize=7)
        axes.set_xscale("log")
        axes.set_xlim(left=_FLOOR / 2)
        axes.set_ylim(len(pairs) - 0.4, -0.7)
        axes.set_yticks(range(len(pairs)), [pair["simulator"] for pair in pairs])
        axes.set_xlabel(f"worst relative difference of NAV from {reference}, a point a cell")

    return figure(draw, title="Parity of simulators", height=1.4 + 0.7 * len(pairs))


def plot_frontier(found: Mapping[str, Any], market: int | None) -> Picture:
    """Plot what `quant_core.report.frontier` returned, with the market cell of this rank."""
    points = {
        rank: (x, y)
        for cloud in found["clouds"]
        for rank, x, y in zip(cloud["rank"], cloud["x"], cloud["y"], strict=True)
    }

    def draw(axes: Axes) -> None:
        from matplotlib.ticker import PercentFormatter  # noqa: PLC0415 - slow to import

        for cloud in found["clouds"]:
            axes.scatter(cloud["x"], cloud["y"], s=12, alpha=0.7, label=cloud["profile"])
        edge = np.array([points[rank] for rank in found["efficient"]])
        axes.plot(*edge.T, color="grey", linewidth=0.8, zorder=0, label="efficient")
        if found["threshold"] is not None:
            most = max(x for x, _ in points.values()) * 1.03
            rate, bar = found["risk_free"], found["threshold"]
            line, label = [rate, rate + bar * most], f"luck alone {bar:.2f}"
            axes.plot([0, most], line, "--", color="tab:red", linewidth=1, label=label)
        if market in points:
            axes.annotate(
                "market", points[market], (-30, 18), textcoords="offset points", fontsize=8,
                arrowprops={"arrowstyle": "-", "linewidth": 0.8},
            )  # fmt: skip
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(PercentFormatter(1.0))
        axes.set_xlabel("volatility a year")
        axes.set_ylabel("mean return a year")
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, fontsize=7)

    title = "Every cell, and the threshold of the deflated Sharpe ratio"
    return figure(draw, title=title, height=4.2)
