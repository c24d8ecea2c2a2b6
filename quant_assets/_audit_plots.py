"""What audits found, as plots and figures beside their checks."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from quant_assets._figures import figure, preview

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import dagster as dg
    from matplotlib.axes import Axes

    from quant_core.contracts import AuditReport, Finding

__all__ = ["audit_metadata", "plot_findings", "plot_stability"]

_SYMBOLS = 24
_COLUMNS = ("check", "symbol", "first", "last", "count", "text")


def audit_metadata(reports: Mapping[str, AuditReport], title: str) -> dict[str, Any]:
    """Return counts, findings and a plot of each sleeve's audit."""
    found: dict[str, Any] = {}
    for sleeve, report in sorted(reports.items()):
        found[sleeve] = report.to_dict()
        if report.findings:
            table = report.to_table()
            found[f"{sleeve}_findings"] = preview(table, _COLUMNS)
            found[f"{sleeve}_plot"] = plot_findings(report.findings, title=f"{sleeve}: {title}")
    return found


def plot_findings(findings: Sequence[Finding], *, title: str) -> dg.MarkdownMetadataValue:
    """Plot when and at which symbols something was found; those with most findings on top."""
    most = Counter(one.symbol or "all symbols" for one in findings).most_common(_SYMBOLS)
    place = {name: number for number, (name, _) in enumerate(reversed(most))}
    checks = sorted({one.check for one in findings})

    def draw(axes: Axes) -> None:
        for number, check in enumerate(checks):
            shown = [
                one
                for one in findings
                if one.check == check and (one.symbol or "all symbols") in place
            ]
            rows = [place[one.symbol or "all symbols"] for one in shown]
            first = np.array([one.first for one in shown], dtype="datetime64[D]")
            last = np.array([one.last for one in shown], dtype="datetime64[D]")
            color = f"C{number % 10}"
            axes.hlines(rows, first, last, color=color, linewidth=2)
            axes.plot(first, rows, "o", markersize=3, color=color, label=check)
        axes.set_yticks(list(place.values()), [name[:16] for name in place], fontsize=6)
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, fontsize=8)

    return figure(draw, title=title)


def plot_stability(
    findings: Sequence[Finding], limit: float, *, title: str
) -> dg.MarkdownMetadataValue:
    """Plot the stability index of each feature, the highest on top, and the limit of a warning."""
    shown = sorted(findings, key=lambda one: one.value or 0.0)[-_SYMBOLS:]

    def draw(axes: Axes) -> None:
        colors = ["C3" if one.severity == "warn" else "C0" for one in shown]
        axes.barh(range(len(shown)), [one.value or 0.0 for one in shown], color=colors)
        axes.axvline(limit, color="black", linewidth=1, linestyle="--")
        axes.set_yticks(range(len(shown)), [one.symbol[:24] for one in shown], fontsize=6)
        axes.set_xlabel("population stability index")

    return figure(draw, title=title)
