"""The plots of the assets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from quant_assets._figures import figure

if TYPE_CHECKING:
    from collections.abc import Sequence

    import dagster as dg
    from matplotlib.axes import Axes

    from quant_core.cells import FolderStore
    from quant_core.strategies import ModelRecord
    from quant_core.tournament import CellPath

__all__ = ["plot_deciles", "plot_navs", "plot_scores", "plot_weights"]

_HELD = 8
_LINES = 8


def plot_weights(store: FolderStore, months: Sequence[str]) -> dg.MarkdownMetadataValue:
    """Plot the mean weight of the largest holdings over time, all solves together."""
    columns = ["window", "symbol", "weight"]
    tables = [store.read(month, columns) for month in months]
    table = pa.concat_tables([table for table in tables if table is not None])
    frame = table.to_pandas().dropna()
    frame[["window", "symbol"]] = frame[["window", "symbol"]].astype(str)
    means = frame.groupby(["window", "symbol"])["weight"].sum().unstack(fill_value=0.0)
    means = means.div(means.sum(axis=1), axis=0)
    means = means[means.mean().sort_values(ascending=False, kind="stable").index[:_HELD]]

    def draw(axes: Axes) -> None:
        if means.empty:
            axes.text(0.5, 0.5, "no window has a full train period yet", ha="center")
            return
        dates = means.index.to_numpy().astype("datetime64[D]")
        axes.stackplot(dates, means.to_numpy().T, labels=list(means.columns))
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, fontsize=8)
        axes.set_ylabel("mean weight")

    return figure(draw, title="Largest holdings, mean over all solves")


def plot_navs(
    dates: np.ndarray, paths: Sequence[CellPath], *, title: str
) -> dg.MarkdownMetadataValue:
    """Plot the paths with the highest final value."""
    best = sorted(paths, key=lambda path: -float(path.nav[-1]))[:_LINES]

    def draw(axes: Axes) -> None:
        for path in best:
            axes.plot(dates, path.nav, linewidth=1, label=" / ".join(path.names[:4]))
        axes.set_yscale("log")
        axes.set_ylabel("NAV")
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, fontsize=7)

    return figure(draw, title=title)


def plot_scores(board: pa.Table) -> dg.MarkdownMetadataValue:
    """Plot Sharpe ratios with their bootstrap intervals, best first."""
    ranked = board.filter(pc.is_valid(board["rank"])).sort_by("rank").slice(0, 20)
    middle = ranked["sharpe"].to_numpy()
    low, high = (ranked[name].to_numpy() for name in ("sharpe_low", "sharpe_high"))
    axes_names = ("selection", "profile", "rebalance")
    labels = [" / ".join(str(row[name]) for name in axes_names) for row in ranked.to_pylist()]

    def draw(axes: Axes) -> None:
        place = np.arange(len(middle))[::-1]
        spread = np.clip(np.stack([middle - low, high - middle]), 0, None)
        axes.errorbar(middle, place, xerr=spread, fmt="o", markersize=3, linewidth=1)
        axes.set_yticks(place, labels, fontsize=6)
        axes.axvline(0, color="grey", linewidth=0.5)
        axes.set_xlabel("Sharpe ratio, 95 % bootstrap interval")

    return figure(draw, title="The best twenty, with what luck explains")


def plot_deciles(records: Sequence[ModelRecord]) -> dg.MarkdownMetadataValue:
    """Plot what came against what was predicted, by tenth of the held-out predictions."""

    def draw(axes: Axes) -> None:
        for record in records:
            predicted = np.array(record.predicted, dtype=float)
            realised = np.array(record.realised, dtype=float)
            axes.plot(predicted, realised, "o-", markersize=3, linewidth=1, label=record.version)
        axes.axhline(0, color="grey", linewidth=0.5)
        axes.set_xlabel("mean prediction")
        axes.set_ylabel("mean outcome")
        names = [f"{record.strategy} {record.version}" for record in records]
        axes.legend(names, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, fontsize=7)

    return figure(draw, title="Forward returns held out, by tenth of their prediction")
