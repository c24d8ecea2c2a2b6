"""Portfolios of sleeves: weights solved across them, and what is physically held."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from quant_assets._assets import RETRIES, SINGLE_RUN
from quant_assets._automation import WHEN_LEADERBOARDS_CHANGE
from quant_assets._figures import preview
from quant_assets._meta_plots import plot_meta
from quant_assets._metas import LakehouseSleeve, metas, metas_of_sleeves, results_of, stored_weights
from quant_assets._resources import AuditTrail, LakehouseRoot
from quant_core.canonical import digest_json, digest_parts
from quant_core.cells import code_version
from quant_core.ledger import Ledger, tried_configurations
from quant_core.meta import (
    MetaPortfolio,
    MetaRecorder,
    MetaTables,
    bound_violations,
    cell_text,
    compute_metas,
    date_violations,
    leaks,
    weekend_fills,
)
from resources._final_errors import without_retry
from resources.ray_io_manager import Partition

__all__ = ["METAS", "meta_portfolio"]

_LEAKS, _BOUNDS = "nothing_leaks", "weights_within_bounds"
_DATES, _FILLS = "days_are_common", "returns_compound"
_BESIDE = ("weights", "streams", "nav", "leaderboard", "members")
_SHOWN = ("rank", "profile", "rebalance", "status", "sharpe", "dsr", "cagr", "max_drawdown")
_DESCRIPTIONS = {
    _LEAKS: "Symbols sum to their contributors, these to the weights of the members, and all to "
    "1 with cash, within 1e-6 on every day.",
    _BOUNDS: "Every weight of a member is within its bounds, and those of a solve sum to 1 with "
    "cash.",
    _DATES: "Every day is one of each member, and none that all of them have is left out.",
    _FILLS: "Between two days a stream earns what its member earned: no weekend is filled in, "
    "and none is dropped.",
}

METAS = dg.StaticPartitionsDefinition(sorted(metas()))
"""One partition a meta-portfolio."""


@dg.asset(
    group_name="meta",
    partitions_def=METAS,
    backfill_policy=SINGLE_RUN,
    retry_policy=RETRIES,
    automation_condition=WHEN_LEADERBOARDS_CHANGE,
    code_version=digest_parts(
        [
            code_version("quant_core.meta._tables", "quant_core.meta._portfolio"),
            digest_json({name: config.resolved() for name, config in metas().items()}),
        ]
    ),
    deps=[
        dg.AssetDep(
            "leaderboard",
            partition_mapping=dg.StaticPartitionMapping(
                {sleeve: sorted(own) for sleeve, own in sorted(metas_of_sleeves().items())}
            ),
        ),
        *(
            dg.AssetDep(name, partition_mapping=dg.AllPartitionMapping())
            for name in ("simulation_results", "weights_cube")
        ),
    ],
    check_specs=[
        dg.AssetCheckSpec(name, asset="meta_portfolio", blocking=True, description=text)
        for name, text in _DESCRIPTIONS.items()
    ],
    kinds={"parquet"},
)
@without_retry
def meta_portfolio(
    context: dg.AssetExecutionContext, lakehouse: LakehouseRoot, trail: AuditTrail
) -> Iterator[dg.MaterializeResult[dict[str, Partition]]]:
    """Net weight of every symbol on every day on which a target changes, and who asks for it."""
    found: dict[str, Partition] = {}
    wrong: dict[str, list[str]] = {name: [] for name in _DESCRIPTIONS}
    for name in sorted(context.partition_keys):
        results = results_of(name, lakehouse)
        with Ledger(trail.path(name)) as ledger:
            meta, tables = _computed(name, results, ledger, lakehouse, context.run.run_id)
            head = ledger.head()
        for check, told in _judged(meta, tables).items():
            wrong[check] += [f"{name}: {one}" for one in told]
        paths = {
            f"meta_{part}": lakehouse.store(f"meta_{part}").write(name, getattr(tables, part)).path
            for part in _BESIDE
        }
        witness = {"ledger_trail": name, "ledger_seq": head.seq, "ledger_head": head.hash}
        found[name] = Partition(tables.holdings, {**_metadata(meta, tables), **paths, **witness})
    checks = [
        dg.AssetCheckResult(
            check_name=name,
            passed=not told,
            description="; ".join(told[:3]),
            metadata={"violations": len(told), "first": told[:10]},
        )
        for name, told in wrong.items()
    ]
    yield dg.MaterializeResult(value=found, check_results=checks)


def _computed(
    name: str,
    results: dict[str, LakehouseSleeve],
    ledger: Ledger,
    lakehouse: LakehouseRoot,
    run_id: str,
) -> tuple[MetaPortfolio, MetaTables]:
    config = metas()[name]
    inputs = {sleeve: one.version for sleeve, one in results.items()}
    if ledger.head().seq < 0:
        ledger.genesis(
            run_id=run_id,
            config_hash=digest_json(config.resolved()),
            data_version="",
            code_versions={},
            seed=config.seed,
        )
    recorder = MetaRecorder(ledger, run_id, name, metas())
    with recorder.stage("solve", inputs=inputs) as action:
        found = compute_metas(name, metas(), results, stored_weights(name, lakehouse))
        meta = found[name]
        action.outcome = {"solves": len(meta.every_solve), "computed": meta.computed}
        action.outputs = weights = {"solves": recorder.solved(found)}
    tried = sorted({one for meta in found.values() for one in meta.configurations()})
    with recorder.stage("simulate", inputs={**inputs, **weights}, configurations=tried) as action:
        action.outputs = {"paths": recorder.simulated(found)}
    with recorder.stage("flatten", inputs={**inputs, **weights}):
        tables = MetaTables.of(meta, tried=len(tried_configurations(ledger.path)))
        recorder.flattened({name: tables})
    return meta, tables


def _judged(meta: MetaPortfolio, tables: MetaTables) -> dict[str, list[str]]:
    sources = {
        (stream.member, cell_text(stream.cell)): (stream.days, stream.nav)
        for family in meta.families
        for stream in family.streams
    }
    return {
        _LEAKS: leaks(tables.holdings, tables.weights)[1],
        _BOUNDS: bound_violations(meta.config, tables.weights),
        _DATES: date_violations(tables.streams, tables.nav, meta.days),
        _FILLS: weekend_fills(tables.streams, sources),
    }


def _metadata(meta: MetaPortfolio, tables: MetaTables) -> dict[str, Any]:
    solves = meta.every_solve
    last = max(tables.holdings["date"].to_pylist(), default=None)
    return {
        "members": [member.name for member in meta.config.members],
        "common_days": len(meta.common),
        "first_day": str(meta.common[0]),
        "last_day": str(meta.common[-1]),
        "windows": len(meta.windows),
        "hits": len(solves) - meta.computed,
        "computed": meta.computed,
        "windows_in_cash": meta.in_cash,
        "leakage": leaks(tables.holdings, tables.weights)[0],
        "targets_of": str(last),
        "leaderboard": preview(tables.leaderboard.sort_by("rank"), _SHOWN),
        "members_table": preview(
            tables.members, ("profile", "member", "cell", "mean_weight", "sharpe", "cagr")
        ),
        **plot_meta(tables),
    }
