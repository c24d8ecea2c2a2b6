"""Whether an audit trail still holds every head of it that materializations witnessed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg

from quant_core.data import ReturnsMatrix
from quant_core.errors import LedgerError
from quant_core.frames import digest_frame
from quant_core.ledger import Head, verify

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pyarrow as pa

    from quant_assets._resources import AuditTrail

__all__ = ["digests_read", "table_digests", "trail_check", "trail_spec", "whole_trail"]

_CHECK = "audit_trail_whole"
_WITNESSES = (
    "returns_matrix",
    "strategy_models",
    "selected_atoms",
    "weights_cube",
    "simulation_results",
    "leaderboard",
    "champion",
    "registered_models",
    "deployed_models",
)
_MATRICES = ("atom_returns", "returns_matrix")
# A head stands for every record before it, so the latest of each asset are enough.
_LATEST = 50


def digests_read(sleeve: str, **inputs: Mapping[str, pa.Table]) -> dict[str, str]:
    """Return the digests of the months of a sleeve that an asset reads, by asset and month.

    Parameters
    ----------
    sleeve : str
        The sleeve.
    **inputs : mapping of str to pyarrow.Table
        Partitions of each asset, of any sleeve.
    """
    return {
        f"{asset}/{key.split('|')[0]}": _content(asset, table)
        for asset, tables in inputs.items()
        for key, table in sorted(tables.items())
        if key.endswith(f"|{sleeve}")
    }


def _content(asset: str, table: pa.Table) -> str:
    """Return the digest of a partition as the asset that made it recorded it."""
    return digest_frame(ReturnsMatrix.from_table(table) if asset in _MATRICES else table)


def table_digests(tables: Mapping[str, pa.Table]) -> dict[str, str]:
    """Return the digests of tables that an asset made, by month."""
    return {month: digest_frame(table) for month, table in tables.items()}


def trail_spec(asset: str) -> dg.AssetCheckSpec:
    """Return the check of the trails of an asset's partitions."""
    return dg.AssetCheckSpec(
        _CHECK,
        asset=asset,
        blocking=True,
        description="The audit trail is sound and holds every head of it that materializations "
        "carry: nothing was edited, and its end was not cut off.",
    )


def whole_trail(context: dg.AssetExecutionContext, trail: AuditTrail, sleeve: str) -> str:
    """Return what is wrong with the trail of a sleeve; nothing when it is whole.

    Parameters
    ----------
    context : dagster.AssetExecutionContext
        The run, whose instance has the witnesses.
    trail : AuditTrail
        The trails.
    sleeve : str
        The sleeve.
    """
    witnesses = sorted(set(_witnessed(context.instance, sleeve)))
    file = trail.path(sleeve)
    if not witnesses and not file.exists():
        return ""
    try:
        problem = verify(file, witnesses=witnesses).problem
    except LedgerError as error:
        return str(error)
    return "" if problem is None else f"{file}: {problem}"


def trail_check(problems: Mapping[str, str]) -> dg.AssetCheckResult:
    """Return the check of trails, by sleeve: what is wrong with each, or nothing."""
    wrong = {name: text for name, text in problems.items() if text}
    return dg.AssetCheckResult(
        check_name=_CHECK,
        passed=not wrong,
        description="; ".join(wrong.values()),
        metadata={"trails": len(problems), "broken": wrong},
    )


def _witnessed(instance: Any, sleeve: str) -> Iterator[Head]:
    for asset in _WITNESSES:
        found = instance.fetch_materializations(dg.AssetKey(asset), limit=_LATEST)
        for event in found.records:
            told = event.asset_materialization
            if told is None or "ledger_head" not in told.metadata:
                continue
            own = told.metadata.get("ledger_trail")
            if (own.value if own is not None else str(told.partition).split("|")[-1]) == sleeve:
                metadata = told.metadata
                yield Head(int(metadata["ledger_seq"].value), str(metadata["ledger_head"].value))
