"""How each figure of the leaderboard is called, written and explained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from quant_core.metrics import DEFINITIONS
from quant_core.report._folder import AXES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

__all__ = ["COLUMNS", "Column", "Kind", "name_of", "ranked", "table", "varying_axes", "written"]

Kind = Literal["ratio", "percent", "probability", "count", "scientific"]


@dataclass(frozen=True, slots=True)
class Column:
    """One metric of the leaderboard.

    Parameters
    ----------
    name : str
        Column of ``leaderboard.parquet``.
    label : str
        Heading in the report.
    kind : {"ratio", "percent", "probability", "count", "scientific"}
        How the figure is written.
    shown : bool
        Whether the column is visible before the reader asks for more.
    """

    name: str
    label: str
    kind: Kind
    shown: bool = False


COLUMNS = (
    Column("sharpe", "Sharpe", "ratio", shown=True),
    Column("sharpe_low", "Sharpe low", "ratio"),
    Column("sharpe_high", "Sharpe high", "ratio"),
    Column("dsr", "DSR", "probability", shown=True),
    Column("psr", "PSR", "probability"),
    Column("cagr", "CAGR", "percent", shown=True),
    Column("volatility", "Volatility", "percent", shown=True),
    Column("max_drawdown", "Max drawdown", "percent", shown=True),
    Column("calmar", "Calmar", "ratio"),
    Column("sortino", "Sortino", "ratio"),
    Column("total_return", "Total return", "percent"),
    Column("var_95", "VaR 95", "percent"),
    Column("cvar_95", "CVaR 95", "percent"),
    Column("hit_rate", "Hit rate", "percent"),
    Column("skewness", "Skewness", "ratio"),
    Column("kurtosis", "Kurtosis", "ratio"),
    Column("turnover", "Turnover", "percent", shown=True),
    Column("turnover_annual", "Turnover a year", "percent"),
    Column("cost_annual", "Cost a year", "percent"),
    Column("hhi", "HHI", "ratio"),
    Column("fragility", "Fragility", "ratio"),
    Column("friction_decay", "Friction decay", "ratio"),
    Column("jaccard", "Jaccard", "ratio"),
    Column("cagr_gap", "CAGR gap", "scientific"),
    Column("parity_gap", "NAV gap", "scientific"),
    Column("windows_in_cash", "Windows in cash", "count"),
    Column("observations", "Days", "count"),
)

_WORDS = (
    ("gates", "Gates", True, "whether the cell passes every gate of a champion"),
    ("gates_failed", "Gates failed", False, "each gate that the cell fails, and why"),
    ("parity", "Parity", True, "whether the simulators agree on NAV, to 1e-10 (nautilus 1e-9)"),
    ("parity_against", "Widest gap to", False, "the simulator whose NAV differs most"),
    ("parity_missing", "Not compared", False, "simulators that have no path of the cell"),
)

_MINUS = "\N{MINUS SIGN}"
_NARROW = "\N{NARROW NO-BREAK SPACE}"
_DASH = "\N{EN DASH}"


def written(value: float | None, kind: Kind) -> str:
    """Write a figure for a reader; an en dash where there is none.

    Examples
    --------
    >>> written(0.5, "ratio"), written(None, "ratio"), written(12000, "count")
    ('0.50', '\u2013', '12,000')
    """
    if value is None:
        return _DASH
    text = {
        "ratio": f"{value:.2f}",
        "percent": f"{value * 100:.1f}{_NARROW}%",
        "probability": f"{value:.3f}",
        "count": f"{value:,.0f}",
        "scientific": f"{value:.1e}",
    }[kind]
    return text.replace("-", _MINUS)


def name_of(row: Mapping[str, Any], varying: Sequence[str] = AXES) -> str:
    """Return the names of a cell on the axes that vary, joined by a middle dot."""
    return " \N{MIDDLE DOT} ".join(str(row[axis]) for axis in varying)


def ranked(board: pa.Table) -> list[dict[str, Any]]:
    """Return the rows of a leaderboard, the best first, those without a rank last."""
    rows: list[dict[str, Any]] = board.to_pylist()
    return sorted(rows, key=lambda row: (row["rank"] is None, row["rank"] or 0))


def varying_axes(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the axes on which cells differ; the profile where they do on none."""
    return [axis for axis in AXES if len({row[axis] for row in rows}) > 1] or ["profile"]


def table(rows: Sequence[Mapping[str, Any]], varying: Sequence[str]) -> dict[str, Any]:
    """Return the leaderboard as the script shows it.

    Parameters
    ----------
    rows : sequence of mapping
        Leaderboard rows with numbers, the best first.
    varying : sequence of str
        The axes on which the cells differ.

    Returns
    -------
    dict
        ``heads`` of ``{name, label, kind, shown, text}``, ``rows`` of as many values, and
        ``cells``, the five names of each row joined by ``|``.
    """
    columns = [column for column in COLUMNS if any(row[column.name] is not None for row in rows)]
    heads = [_head("rank", "#", "count", text="by deflated Sharpe ratio, then Sharpe ratio")]
    heads += [_head("cell", "cell", "name")]
    heads += [_head(axis, axis, "name") for axis in varying]
    heads += [
        _head(
            column.name,
            column.label,
            column.kind,
            shown=column.shown,
            text=_definition(column.name),
        )
        for column in columns
    ]
    words = [word for word in _WORDS if any(row[word[0]] for row in rows)]
    heads += [_head(name, label, "name", shown=shown, text=t) for name, label, shown, t in words]
    lines = [
        [row["rank"], name_of(row, varying)]
        + [row[axis] for axis in varying]
        + [_short(row[column.name]) for column in columns]
        + [row[name] or "" for name, *_ in words]
        for row in rows
    ]
    cells = ["|".join(row[axis] for axis in AXES) for row in rows]
    return {"heads": heads, "rows": lines, "cells": cells, "axes": list(varying)}


def _head(
    name: str,
    label: str,
    kind: str,
    *,
    shown: bool = True,
    text: str = "",
) -> dict[str, Any]:
    return {"name": name, "label": label, "kind": kind, "shown": shown, "text": text}


def _definition(name: str) -> str:
    if name not in DEFINITIONS:
        return ""
    found = DEFINITIONS[name]
    return f"{found.formula} ({found.unit}). {found.source}"


def _short(value: Any) -> Any:
    return float(f"{value:.6g}") if isinstance(value, float) else value
