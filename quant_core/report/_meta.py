"""One self-contained page about a meta-portfolio."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from quant_core.cells import whole_file
from quant_core.report._folder import OutputFolder
from quant_core.report._meta_words import meta_headline, meta_tiles
from quant_core.report._render import render

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["write_meta_report"]

Row = dict[str, Any]

_HELD = 25
_LARGEST = 10
_CASH = "(cash)"


def write_meta_report(folder: Path) -> Path:
    """Write ``report.html`` into the output folder of a meta-portfolio.

    The page needs no network; equal folders give equal bytes.

    Parameters
    ----------
    folder : pathlib.Path
        The folder that ``quant meta run --out`` wrote.

    Returns
    -------
    pathlib.Path
        The page.

    Raises
    ------
    DataError
        If a file of the folder is missing or is not what a run writes.
    """
    html = render(_facts(OutputFolder(folder)), page="meta")
    page = folder / "report.html"
    with whole_file(page) as unfinished:
        unfinished.write_text(html, encoding="utf-8")
    return page


def _facts(source: OutputFolder) -> Row:
    manifest = source.manifest()
    name = manifest["meta"]
    tables = {
        table: source.table(f"meta_{table}", meta=name)
        for table in ("leaderboard", "members", "weights", "nav", "streams", "holdings")
    }
    rows = tables["leaderboard"].to_pylist()
    ranked = sorted((row for row in rows if row["rank"]), key=lambda row: row["rank"])
    profiles = list(dict.fromkeys(row["profile"] for row in ranked))
    members = tables["members"].to_pylist()
    facts: Row = {
        "manifest": manifest,
        "name": name,
        "config": manifest["config"][name],
        "inside": [other for other in manifest["config"] if other != name],
        "ranked": ranked,
        "silent": [row for row in rows if not row["rank"]],
        "members": members,
        "ledger": source.ledger(),
        "held": _held(tables["holdings"], profiles[0]) if profiles else [],
        "charts": None,
    }
    if not ranked:
        return facts
    nav = tables["nav"]
    facts |= {
        "best": ranked[0],
        "sentences": meta_headline(ranked[0], members),
        "tiles": meta_tiles(ranked[0]),
        "first": str(pc.min(nav["date"])),
        "last": str(pc.max(nav["date"])),
        "charts": {
            "profiles": profiles,
            "paths": _paths(ranked, nav, tables["streams"], members),
            "weights": {one: _weights(tables["weights"], one) for one in profiles},
            "symbols": {one: _symbols(tables["holdings"], one) for one in profiles},
        },
    }
    return facts


def _of(table: pa.Table, **where: str) -> pa.Table:
    for column, value in where.items():
        table = table.filter(pc.field(column) == value)
    return table


def _days(table: pa.Table) -> list[str]:
    return [str(day) for day in table["date"].to_pylist()]


def _paths(ranked: Sequence[Row], nav: pa.Table, streams: pa.Table, members: Sequence[Row]) -> Row:
    """Return the best path of each profile, and the streams that it held from its first day."""
    found: Row = {}
    for row in ranked:
        if row["profile"] in found:
            continue
        own = _of(nav, profile=row["profile"], rebalance=row["rebalance"])
        first = own["date"][0]
        lines = [{"name": row["profile"], "role": "best", "date": _days(own), "nav": _figures(own)}]
        below = _of(streams, profile=row["profile"]).filter(pc.field("date") >= first)
        places = [
            (one["member"], one["cell"]) for one in members if one["profile"] == row["profile"]
        ]
        several = {member for member, _ in places}
        for member, cell in places:
            one = _of(below, member=member, cell=cell)
            name = member if len(places) == len(several) else f"{member} {cell}"
            lines.append({"name": name, "role": "member", "date": _days(one), "nav": _figures(one)})
        found[row["profile"]] = lines
    return found


def _figures(table: pa.Table) -> list[float]:
    nav = table["nav"].to_numpy()
    scaled = nav / nav[0] if nav[0] > 0 else nav
    return [float(f"{value:.6g}") for value in scaled]


def _weights(weights: pa.Table, profile: str) -> Row:
    """Return the weight of each member by window, cash last."""
    rows = _of(weights, profile=profile).to_pylist()
    days = list(dict.fromkeys(str(row["date"]) for row in rows))
    held: dict[str, dict[str, float]] = {}
    for row in rows:
        held.setdefault(row["member"], {})[str(row["date"])] = row["weight"]
    series = [
        {"name": name, "weight": [round(own.get(day, 0.0), 6) for day in days]}
        for name, own in held.items()
    ]
    return {"date": days, "series": series}


def _symbols(holdings: pa.Table, profile: str) -> Row:
    """Return the weight of the largest symbols by day, those left over in one, and cash."""
    own = _of(holdings, profile=profile).select(["date", "symbol", "net_weight"])
    days = sorted(set(_days(own)))
    place = {day: number for number, day in enumerate(days)}
    held: dict[str, np.ndarray] = {}
    for row in own.to_pylist():
        series = held.setdefault(row["symbol"], np.zeros(len(days)))
        series[place[str(row["date"])]] = row["net_weight"]
    cash = held.pop(_CASH, np.zeros(len(days)))
    order = sorted(held, key=lambda symbol: (-float(np.abs(held[symbol]).mean()), symbol))
    named = {symbol: held[symbol] for symbol in order[:_LARGEST]}
    if len(order) > _LARGEST:
        others = np.sum([held[symbol] for symbol in order[_LARGEST:]], axis=0)
        named[f"{len(order) - _LARGEST:,} others"] = others
    named[_CASH] = cash
    told = [
        {"name": name, "weight": [round(float(value), 6) for value in values]}
        for name, values in named.items()
    ]
    return {"date": days, "series": told}


def _held(holdings: pa.Table, profile: str) -> Row:
    own = _of(holdings, profile=profile)
    last = pc.max(own["date"])
    rows = own.filter(pc.field("date") == last).to_pylist()
    rows.sort(key=lambda row: (row["symbol"] == _CASH, -abs(row["net_weight"]), row["symbol"]))
    shown = [*rows[:_HELD], *(row for row in rows[_HELD:] if row["symbol"] == _CASH)]
    return {
        "profile": profile,
        "date": str(last),
        "rows": shown,
        "more": len(rows) - len(shown),
        "total": sum(row["net_weight"] for row in rows),
    }
