"""What people would rather look at than read: metadata of materializations."""

from __future__ import annotations

import base64
from collections import Counter
from io import BytesIO
from typing import TYPE_CHECKING, Any

import dagster as dg

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pyarrow as pa
    from matplotlib.axes import Axes

    from quant_core.tournament import CellFact

__all__ = ["cell_counts", "figure", "heading_counts", "preview"]

_WIDTH, _HEIGHT = 8.0, 3.2
_DOTS = 90


def figure(
    draw: Callable[[Axes], None], *, title: str, height: float = _HEIGHT
) -> dg.MarkdownMetadataValue:
    """Return a plot as Markdown with the picture inside.

    Parameters
    ----------
    draw : callable
        Draws on the axes.
    title : str
        Title of the plot.
    height : float
        Height of the picture, inches.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - slow to import
    from matplotlib.figure import Figure  # noqa: PLC0415 - as above

    canvas = FigureCanvasAgg(Figure(figsize=(_WIDTH, height), layout="constrained"))
    axes = canvas.figure.add_subplot()
    axes.set_title(title)
    axes.spines[["top", "right"]].set_visible(False)
    draw(axes)
    picture = BytesIO()
    canvas.figure.savefig(picture, format="png", dpi=_DOTS, metadata={"Software": None})
    encoded = base64.b64encode(picture.getvalue()).decode()
    return dg.MetadataValue.md(f"![{title}](data:image/png;base64,{encoded})")


def preview(table: pa.Table, columns: Sequence[str], *, rows: int = 12) -> dg.MarkdownMetadataValue:
    """Return the first rows of a table as Markdown."""
    lines = [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    lines += [
        f"| {' | '.join(_text(row[name]) for name in columns)} |"
        for row in table.select(list(columns)).slice(0, rows).to_pylist()
    ]
    if table.num_rows > rows:
        lines.append(f"\n{table.num_rows - rows} more rows")
    return dg.MetadataValue.md("\n".join(lines))


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return "" if value is None else str(value).replace("|", "\\|")


def cell_counts(facts: Sequence[CellFact]) -> dict[str, Any]:
    """Return how many cells were found and computed, why, and how they ended."""
    computed = [fact for fact in facts if fact.why]
    return {
        "cells": len(facts),
        "hits": len(facts) - len(computed),
        "computed": len(computed),
        "seconds": round(sum(fact.seconds or 0.0 for fact in computed), 3),
        "why_computed": dict(sorted(Counter(fact.why for fact in computed).items())),
        "statuses": dict(sorted(Counter(fact.status for fact in facts).items())),
    }


def heading_counts(counts: Mapping[str, int]) -> str:
    """Return counts as one line of text."""
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "none"
