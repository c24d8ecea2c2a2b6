"""Published figures against what this library measures."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from quant_core.cli._console import print_json, results, status
from quant_core.verification import Agreement, verify

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quant_core.verification import PublishedResult

__all__ = ["figure", "verify_published"]

_STYLES = {
    Agreement.AGREES: "green",
    Agreement.OFF: "bold red",
    Agreement.UNAVAILABLE: "yellow",
}


def verify_published(riskfolio_sdist: str | None, *, as_json: bool) -> bool:
    """Reproduce what is published and print it.

    Returns
    -------
    bool
        Whether no figure that was measured is off.
    """
    found = verify(riskfolio_sdist=riskfolio_sdist)
    counts = Counter(result.agreement for result in found)
    if as_json:
        totals = {str(agreement): counts[agreement] for agreement in Agreement}
        print_json({**totals, "results": [_document(result) for result in found]})
    else:
        _print(found)
        told = ", ".join(f"{counts[agreement]} {agreement}" for agreement in Agreement)
        status().print(told, markup=False)
    return counts[Agreement.OFF] == 0


def figure(value: float | None, tolerance: float, *, beyond: int = 0) -> str:
    """Return a figure with the decimals that a tolerance tells apart, and some beyond."""
    if value is None:
        return "-"
    if abs(value) <= tolerance:
        return f"{value:.2g}"
    return f"{value:.{math.ceil(-math.log10(2.0 * tolerance)) + beyond}f}"


def _print(found: Sequence[PublishedResult]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("subject", "figure"):
        table.add_column(name, overflow="fold")
    for name in ("published", "measured", "tolerance"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("")
    table.add_column("how", overflow="fold")
    subject = told = ""
    for result in found:
        # What is missing is missing for many figures alike.
        repeated = result.agreement is Agreement.UNAVAILABLE and result.note == told
        table.add_row(
            escape(result.subject if result.subject != subject else ""),
            escape(result.what),
            figure(result.expected, result.tolerance),
            figure(result.measured, result.tolerance, beyond=2),
            f"{result.tolerance:g}",
            f"[{_STYLES[result.agreement]}]{result.agreement}[/]",
            "" if repeated else escape(result.note),
        )
        subject, told = result.subject, result.note
    results().print(table)
    for source in dict.fromkeys(f"{result.subject}: {result.source}" for result in found):
        results().print(source, markup=False, soft_wrap=True)


def _document(result: PublishedResult) -> dict[str, object]:
    return {**asdict(result), "agreement": str(result.agreement)}
