"""Tier-2 audits as asset checks: what a person should look at, and what stops a promotion."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import dagster as dg
import numpy as np
import pyarrow as pa

from quant_assets._audit_plots import audit_metadata, plot_stability
from quant_assets._resources import LakehouseRoot
from quant_assets._sleeves import sleeves
from quant_assets.partitions import months_of_run
from quant_core.calendars import open_calendar
from quant_core.contracts import (
    AuditReport,
    AuditRules,
    Finding,
    Violation,
    audit,
    feature_drift,
    violations,
)
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
_CONTRACT, _DRIFT = "contract", "drift"
_SHOWN = 12


@dataclass(slots=True)
class _Books:
    """Violations of a sleeve: their count, and the first of them."""

    count: int = 0
    months: int = 0
    first: list[str] = field(default_factory=list)

    def add(self, where: str, found: tuple[Violation, ...]) -> None:
        self.count += len(found)
        self.months += 1
        room = _SHOWN - len(self.first)
        self.first += [f"{where}: {one}" for one in found[:room]]


def _spec(asset: str, name: str, description: str, *, blocking: bool = False) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(name, asset=asset, blocking=blocking, description=description)


@dg.multi_asset_check(
    specs=[
        _spec("raw_prices", "observations", "What the months hold that ingest will drop."),
    ],
    can_subset=False,
)
def raw_prices_audit(
    context: dg.AssetCheckExecutionContext, lakehouse: LakehouseRoot
) -> Iterator[dg.AssetCheckResult]:
    """Hold the months of the run as found to the contract of prices."""
    broken = _books(context, lakehouse, "raw_prices", "prices")
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
    broken = {name: _Books() for name in matrices}
    for name, matrix in matrices.items():
        broken[name].add(name, violations("returns", matrix))
    yield _held("returns_matrix", _CONTRACT, broken, dg.AssetCheckSeverity.ERROR)
    for check, wanted in _AUDITS.items():
        reports = {
            name: audit(matrix, open_calendar(sleeves()[name].config.calendar), checks=wanted)
            for name, matrix in matrices.items()
        }
        yield _audited("returns_matrix", check, reports)


@dg.multi_asset_check(
    specs=[
        _spec("feature_matrix", _CONTRACT, "Types and values of the months.", blocking=True),
        _spec("feature_matrix", _DRIFT, "Recent values of each feature against those before."),
    ],
    can_subset=False,
)
def features_audit(
    context: dg.AssetCheckExecutionContext, lakehouse: LakehouseRoot
) -> Iterator[dg.AssetCheckResult]:
    """Hold the months of the run to the contract of features; all months tell of drift."""
    broken = _books(context, lakehouse, "feature_matrix", "features")
    yield _held("feature_matrix", _CONTRACT, broken, dg.AssetCheckSeverity.ERROR)
    yield _drifted({name: _feature_drift(lakehouse, name) for name in broken})


@dg.multi_asset_check(
    specs=[
        _spec("weights_cube", _CONTRACT, "Weights of the months, and their signs.", blocking=True)
    ],
    can_subset=False,
)
def weights_audit(
    context: dg.AssetCheckExecutionContext, lakehouse: LakehouseRoot
) -> Iterator[dg.AssetCheckResult]:
    """Hold the months of the run to the contract of weights."""
    broken = _books(context, lakehouse, "weights_cube", "weights")
    yield _held("weights_cube", _CONTRACT, broken, dg.AssetCheckSeverity.ERROR)


def _books(
    context: dg.AssetCheckExecutionContext, lakehouse: LakehouseRoot, asset: str, level: str
) -> dict[str, _Books]:
    """Hold months one after the other: those of the run, or all where it is not of months."""
    asked = months_of_run(context.run.tags)
    found = {name: _Books() for name in sleeves() if asked is None or name in asked}
    for name, books in found.items():
        store = lakehouse.store(asset, name)
        for month in store.partitions() if asked is None else asked[name]:
            table = store.read(month)
            if table is not None and table.num_rows and _judged(level, table):
                books.add(f"{name} {month}", violations(level, table))
    return found


def _judged(level: str, table: pa.Table) -> bool:
    return level != "prices" or RawObservations.from_table(table).kind == "prices"


def _feature_drift(lakehouse: LakehouseRoot, sleeve: str) -> tuple[Finding, ...]:
    store = lakehouse.store("feature_matrix", sleeve)
    months = store.partitions()
    newest = store.read(months[-1]) if months else None
    names = newest.column_names[2:] if newest is not None else []
    found = (feature_drift(name, _feature(lakehouse, sleeve, name)) for name in names)
    return tuple(one for one in found if one is not None)


def _feature(
    lakehouse: LakehouseRoot, sleeve: str, name: str
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    store = lakehouse.store("feature_matrix", sleeve)
    for month in store.partitions():
        table = store.read(month)
        if table is not None and name in table.column_names:
            own = table.select(["date", name])
            yield own["date"].to_numpy(), own[name].to_numpy(zero_copy_only=False)


def _drifted(found: Mapping[str, tuple[Finding, ...]]) -> dg.AssetCheckResult:
    limit = AuditRules().stability
    warned = {
        name: [one.text for one in each if one.severity == "warn"] for name, each in found.items()
    }
    plots = {
        f"{name}_plot": plot_stability(each, limit, title=f"{name}: drift of features")
        for name, each in found.items()
        if each
    }
    return dg.AssetCheckResult(
        asset_key="feature_matrix",
        check_name=_DRIFT,
        passed=not any(warned.values()),
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"drifted": warned, "limit": limit, **plots},
    )


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
    broken: Mapping[str, _Books],
    severity: dg.AssetCheckSeverity,
) -> dg.AssetCheckResult:
    first = [one for books in broken.values() for one in books.first]
    return dg.AssetCheckResult(
        asset_key=asset,
        check_name=check,
        passed=not first,
        severity=severity,
        metadata={
            "violations": {name: books.count for name, books in broken.items()},
            "looked_at": {name: books.months for name, books in broken.items()},
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
