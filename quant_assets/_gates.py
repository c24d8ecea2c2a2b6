"""Gates as asset checks, one each, and verdicts as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg
import pyarrow as pa

from quant_assets._figures import preview

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from quant_core.champion import Gate, GateResult, Verdict

__all__ = ["gate_checks", "gate_specs", "verdicts_preview"]


def gate_specs(
    asset: str, gates: Sequence[Gate], *, blocking: bool = True
) -> list[dg.AssetCheckSpec]:
    """Return one check a gate."""
    return [
        dg.AssetCheckSpec(
            gate.name,
            asset=asset,
            blocking=blocking,
            description=f"{gate.definition}: {gate.side} the configured threshold.",
        )
        for gate in gates
    ]


def gate_checks(
    gates: Sequence[Gate], verdicts: Mapping[str, Sequence[Verdict]]
) -> list[dg.AssetCheckResult]:
    """Return what each gate said of those who passed, else of the best who was tried.

    Parameters
    ----------
    gates : sequence of Gate
        The gates.
    verdicts : mapping of str to sequence of Verdict
        Verdicts of each partition, best candidate first; a partition without any fails.
    """
    shown = {name: _shown(found) for name, found in verdicts.items()}
    return [
        _check(gate, {name: results.get(gate.name) for name, results in shown.items()})
        for gate in gates
    ]


def _shown(verdicts: Sequence[Verdict]) -> dict[str, GateResult]:
    chosen = [one for one in verdicts if one.passed] or list(verdicts[:1])
    return {result.name: result for one in chosen[:1] for result in one.results}


def _check(gate: Gate, results: Mapping[str, GateResult | None]) -> dg.AssetCheckResult:
    lines = {name: _line(gate, one) for name, one in results.items()}
    failed = [name for name, one in results.items() if one is None or not one.passed]
    return dg.AssetCheckResult(
        check_name=gate.name,
        passed=not failed,
        description="; ".join(f"{name}: {lines[name]}" for name in failed),
        metadata=lines,
    )


def _line(gate: Gate, result: GateResult | None) -> str:
    if result is None:
        return "nobody was tried"
    return result.reason or f"{result.value:.6g} is {gate.side} {result.threshold:g}"


def verdicts_preview(verdicts: Sequence[Verdict]) -> dg.MarkdownMetadataValue:
    """Return verdicts as Markdown: a row a candidate, and why it did not pass."""
    rows = [
        {"": number, "candidate": "/".join(one.cell), "passed": one.passed, "why not": one.reason}
        for number, one in enumerate(verdicts, 1)
    ]
    columns = ["", "candidate", "passed", "why not"]
    table = pa.table({name: [row[name] for row in rows] for name in columns})
    return preview(table, columns, rows=len(rows))
