"""The plots of a meta-portfolio."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from quant_assets._figures import figure

if TYPE_CHECKING:
    import dagster as dg
    import pyarrow as pa
    from matplotlib.axes import Axes

    from quant_core.meta import MetaTables

__all__ = ["plot_meta"]


def plot_meta(tables: MetaTables) -> dict[str, dg.MarkdownMetadataValue]:
    """Plot paths and weights of the best profile; nothing where none has a path."""
    ranked = [row for row in tables.leaderboard.to_pylist() if row["rank"]]
    if not ranked:
        return {}
    best = min(ranked, key=lambda row: row["rank"])
    return {"paths": _paths(tables, best), "member_weights": _weights(tables.weights, best)}


def _of(table: pa.Table, **where: str) -> pa.Table:
    for column, value in where.items():
        table = table.filter(pc.field(column) == value)
    return table


def _paths(tables: MetaTables, best: dict[str, Any]) -> dg.MarkdownMetadataValue:
    own = _of(tables.nav, profile=best["profile"], rebalance=best["rebalance"])
    streams = _of(tables.streams, profile=best["profile"]).filter(
        pc.field("date") >= own["date"][0]
    )
    held = _of(tables.members, profile=best["profile"]).to_pylist()

    def draw(axes: Axes) -> None:
        for member, cell in ((row["member"], row["cell"]) for row in held):
            one = _of(streams, member=member, cell=cell)
            nav = one["nav"].to_numpy()
            axes.plot(one["date"].to_numpy(), nav / nav[0], linewidth=0.9, label=member)
        axes.plot(own["date"].to_numpy(), own["nav"].to_numpy(), linewidth=1.8, label="portfolio")
        axes.set_yscale("log")
        axes.set_ylabel("NAV")
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, fontsize=8)

    return figure(draw, title=f"{best['profile']}, {best['rebalance']}: portfolio and members")


def _weights(weights: pa.Table, best: dict[str, Any]) -> dg.MarkdownMetadataValue:
    rows = _of(weights, profile=best["profile"]).to_pylist()
    days = list(dict.fromkeys(row["date"] for row in rows))
    held: dict[str, list[float]] = {}
    for row in rows:
        held.setdefault(row["member"], []).append(row["weight"])

    def draw(axes: Axes) -> None:
        axes.stackplot(days, list(held.values()), labels=list(held), step="post")
        axes.set_ylim(0, 1)
        axes.set_ylabel("weight")
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, fontsize=8)

    return figure(draw, title=f"Weights of the members, {best['profile']}")
