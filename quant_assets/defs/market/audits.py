"""Tier-2 audits as asset checks: what a person should look at, and what stops a promotion."""

from collections.abc import Iterator

import dagster as dg
import numpy as np
import pyarrow as pa

from quant_assets._audit_plots import audit_metadata
from quant_assets._resources import LakehouseRoot
from quant_assets._sleeves import sleeves
from quant_core.calendars import open_calendar
from quant_core.contracts import AuditReport, Violation, audit, violations
from quant_core.data import RawObservations, ReturnsMatrix

__all__ = ["features_audit", "raw_prices_audit", "returns_audit", "weights_audit"]

_AUDITS = {
    "gaps": ("gap", "thin_symbol", "thin_day"),
    "lives": ("late_start", "early_end"),
    "calendar": ("missing_session", "not_a_session", "padding"),
    "stale_prices": ("stale",),
    "jumps": ("split_like", "jump", "glitch"),
    "drift": ("drift",),
}
_CONTRACT = "contract"
_SHOWN = 12


def _spec(asset: str, name: str, description: str, *, blocking: bool = False) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(name, asset=asset, blocking=blocking, description=description)


@dg.multi_asset_check(
    specs=[
        _spec("raw_prices", "observations", "What the newest month holds that ingest will drop.")
    ],
    can_subset=False,
)
def raw_prices_audit(lakehouse: LakehouseRoot) -> Iterator[dg.AssetCheckResult]:
    """Hold the newest month as found to the contract of prices."""
    broken = {}
    for name in sleeves():
        month, table = _newest(lakehouse, "raw_prices", name)
        if table is not None and RawObservations.from_table(table).kind == "prices":
            broken[f"{name} {month}"] = violations("prices", table)
    yield _held("raw_prices", "observations", broken, dg.AssetCheckSeverity.WARN)


@dg.multi_asset_check(
    specs=[
        _spec("returns_matrix", _CONTRACT, "Types, dates and ranges of all months.", blocking=True),
        *(
            _spec("returns_matrix", name, f"Audit over all months: {', '.join(checks)}.")
            for name, checks in _AUDITS.items()
        ),
    ],
    can_subset=False,
)
def returns_audit(lakehouse: LakehouseRoot) -> Iterator[dg.AssetCheckResult]:
    """Audit the returns of each sleeve, all months together."""
    matrices = {name: _matrix(lakehouse, name) for name in sleeves()}
    broken = {name: violations("returns", matrix) for name, matrix in matrices.items()}
    yield _held("returns_matrix", _CONTRACT, broken, dg.AssetCheckSeverity.ERROR)
    for check, wanted in _AUDITS.items():
        reports = {
            name: audit(matrix, open_calendar(sleeves()[name].config.calendar), checks=wanted)
            for name, matrix in matrices.items()
        }
        yield _audited("returns_matrix", check, reports)


@dg.multi_asset_check(
    specs=[
        _spec("feature_matrix", _CONTRACT, "Types and values of the newest month.", blocking=True)
    ],
    can_subset=False,
)
def features_audit(lakehouse: LakehouseRoot) -> Iterator[dg.AssetCheckResult]:
    """Hold the newest month of features to their contract."""
    yield _newest_held(lakehouse, "feature_matrix", "features")


@dg.multi_asset_check(
    specs=[
        _spec(
            "weights_cube",
            _CONTRACT,
            "Weights of the newest month, and their signs.",
            blocking=True,
        )
    ],
    can_subset=False,
)
def weights_audit(lakehouse: LakehouseRoot) -> Iterator[dg.AssetCheckResult]:
    """Hold the newest month of the cube to the contract of weights."""
    yield _newest_held(lakehouse, "weights_cube", "weights")


def _newest_held(lakehouse: LakehouseRoot, asset: str, level: str) -> dg.AssetCheckResult:
    broken = {}
    for name in sleeves():
        month, table = _newest(lakehouse, asset, name)
        if table is not None:
            broken[f"{name} {month}"] = violations(level, table)
    return _held(asset, _CONTRACT, broken, dg.AssetCheckSeverity.ERROR)


def _newest(lakehouse: LakehouseRoot, asset: str, sleeve: str) -> tuple[str, pa.Table | None]:
    store = lakehouse.store(asset, sleeve)
    for month in reversed(store.partitions()):
        table = store.read(month)
        if table is not None and table.num_rows:
            return month, table
    return "", None


def _matrix(lakehouse: LakehouseRoot, sleeve: str) -> ReturnsMatrix:
    store = lakehouse.store("returns_matrix", sleeve)
    tables = (store.read(month) for month in store.partitions())
    parts = [ReturnsMatrix.from_table(table) for table in tables if table is not None]
    if not parts:
        return ReturnsMatrix(np.zeros(0, "datetime64[us]"), (), np.zeros((0, 0)))
    return ReturnsMatrix.concatenate(parts)


def _held(
    asset: str,
    check: str,
    broken: dict[str, tuple[Violation, ...]],
    severity: dg.AssetCheckSeverity,
) -> dg.AssetCheckResult:
    first = [f"{name}: {one}" for name, found in broken.items() for one in found[:_SHOWN]]
    return dg.AssetCheckResult(
        asset_key=asset,
        check_name=check,
        passed=not first,
        severity=severity,
        metadata={
            "violations": {name: len(found) for name, found in broken.items()},
            "first": first[:_SHOWN],
        },
    )


def _audited(asset: str, check: str, reports: dict[str, AuditReport]) -> dg.AssetCheckResult:
    warnings = {name: report.warnings for name, report in reports.items() if report.warnings}
    return dg.AssetCheckResult(
        asset_key=asset,
        check_name=check,
        passed=not warnings,
        severity=dg.AssetCheckSeverity.WARN,
        description=", ".join(f"{name}: {count} findings" for name, count in warnings.items()),
        metadata=audit_metadata(reports, check.replace("_", " ")),
    )
