"""What the cells with numbers show: the headline, the figures and the series behind the charts."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from quant_core.report import _holdings, _landscape, _quality
from quant_core.report._agreement import AGREEMENT_COLUMNS, agreement
from quant_core.report._folder import AXES
from quant_core.report._frontier import frontier
from quant_core.report._maps import maps
from quant_core.report._metrics import Kind, name_of, table, written
from quant_core.report._parities import parities
from quant_core.report._paths import Paths, days
from quant_core.report._words import headline

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from quant_core.report._folder import OutputFolder

__all__ = ["findings"]

Row = dict[str, Any]


def findings(source: OutputFolder, facts: Mapping[str, Any], rows: list[Row]) -> dict[str, Any]:
    """Return what the page says and draws about the cells with numbers.

    Parameters
    ----------
    source : OutputFolder
        The run.
    facts : mapping
        ``manifest``, ``varying`` and ``solves`` are read.
    rows : list of dict
        Leaderboard rows with numbers, the best first; at least one.
    """
    best, config, varying = rows[0], facts["manifest"]["config"], facts["varying"]
    paths = Paths.read(source)
    pbo = facts["manifest"].get("pbo")
    families, simulators = (_families(config, axis) for axis in ("profiles", "simulators"))
    luck = _landscape.luck(rows, periods_per_year=float(config["periods_per_year"]))
    peers = _peers(rows, families)
    charts = {
        "table": table(rows, varying),
        "lines": _lines(paths, peers),
        "band": paths.band(),
        "every": paths.every(),
        "weights": _holdings.holdings(source, tuple(best[axis] for axis in AXES)),
        "luck": luck,
        "pbo": pbo,
        "frontier": frontier(
            rows, families, expected=luck["expected"], risk_free=float(config["risk_free"])
        ),
        "maps": _maps(source, rows, varying),
        "agreement": _agreement(source, rows),
        "parity": parities(paths.cells, paths.nav, simulators),
        "marked": {role: row["rank"] for role, row in peers.items()},
        "names": {row["rank"]: name_of(row, varying) for row in rows},
        "heat": _landscape.heat_map(source, rows),
        "coverage": _quality.coverage(source, best["selection"]),
        "residuals": facts["solves"]["residuals"],
    }
    return {
        "best": best,
        "best_name": name_of(best, varying),
        "peers": peers,
        "benchmark": any(families.get(row["profile"], row["profile"]) == "market" for row in rows),
        "sentences": headline(
            best,
            varying=varying,
            luck=luck,
            pbo=pbo,
            finalists=facts["manifest"].get("finalists"),
        ),
        "luck": luck,
        "pbo": pbo,
        "tiles": _tiles(best, luck),
        "first": days(paths.dates[:1])[0],
        "last": days(paths.dates[-1:])[0],
        "charts": charts,
    }


def _families(config: Mapping[str, Any], axis: str) -> dict[str, str]:
    """Return what each label of an axis stands for."""
    found: dict[str, str] = {}
    for entry in config.get(axis, []):
        if isinstance(entry, str):
            found[entry] = entry
            continue
        spec = entry.get("spec", entry)
        label = entry.get("label") or entry.get("as") or spec["name"]
        found[str(label)] = str(spec["name"])
    return found


def _maps(
    source: OutputFolder, rows: Sequence[Row], varying: Sequence[str]
) -> list[dict[str, Any]]:
    axes = [axis for axis in varying if axis in AXES[:3]] or ["profile"]
    lines = {tuple(row[axis] for axis in AXES[:3]): name_of(row, axes) for row in rows}
    found = maps(source, list(lines))
    return [one | {"name": lines[tuple(one["line"])]} for one in found]


def _agreement(source: OutputFolder, rows: Sequence[Row]) -> dict[str, Any] | None:
    if len({row["engine"] for row in rows}) < 2:  # noqa: PLR2004 - a pair
        return None
    return agreement(source.table("weights_cube", AGREEMENT_COLUMNS))


def _peers(rows: Sequence[Row], families: Mapping[str, str]) -> dict[str, Row]:
    """Return the cells to compare the best with: alike in all but profile and selection."""
    best = rows[0]
    peers = {"best": best}
    for role, family in (("benchmark", "market"), ("equal", "equal_weight")):
        alike = [row for row in rows if families.get(row["profile"], row["profile"]) == family]
        if alike and best not in alike:
            peers[role] = min(alike, key=partial(_distance, best))
    return peers


def _distance(best: Row, row: Row) -> tuple[bool, int, int]:
    apart = sum(row[axis] != best[axis] for axis in ("engine", "rebalance", "simulator"))
    return (row["selection"] != "all", apart, row["rank"])


def _lines(paths: Paths, peers: Mapping[str, Row]) -> list[dict[str, Any]]:
    found = {role: paths.line(tuple(row[axis] for axis in AXES)) for role, row in peers.items()}
    return [{"role": role} | line for role, line in found.items() if line is not None]


def _tiles(best: Row, luck: Mapping[str, Any]) -> list[dict[str, str]]:
    bar = luck["expected"]
    notes = {
        "sharpe": "one try" if bar is None else f"luck alone: {written(bar, 'ratio')}",
        "dsr": f"{int(best['trials']):,} tries",
        "cagr": "after costs",
        "volatility": "a year",
        "max_drawdown": "peak to trough",
        "turnover": "one way, a window",
    }
    labels: dict[str, tuple[str, Kind]] = {
        "sharpe": ("Sharpe", "ratio"),
        "dsr": ("Deflated Sharpe", "probability"),
        "cagr": ("CAGR", "percent"),
        "volatility": ("Volatility", "percent"),
        "max_drawdown": ("Max drawdown", "percent"),
        "turnover": ("Turnover", "percent"),
    }
    return [
        {"label": label, "value": written(best[name], kind), "note": notes[name]}
        for name, (label, kind) in labels.items()
    ]
