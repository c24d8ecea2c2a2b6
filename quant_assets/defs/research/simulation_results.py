"""Stage two: the path of every cell, from the weights cube alone."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg
import numpy as np

from quant_assets._assets import RETRIES, SINGLE_RUN, version_of
from quant_assets._automation import OF_CONFIGURED_SIMULATORS, WHEN_INPUTS_CHANGE
from quant_assets._comparisons import compare_simulators
from quant_assets._fidelity import FidelityConfig, with_simulators
from quant_assets._figures import cell_counts
from quant_assets._plots import plot_navs
from quant_assets._resources import AuditTrail, ComputeBackend, LakehouseRoot
from quant_assets._sleeves import sleeves
from quant_assets._whole import WholeSleeve
from quant_assets.partitions import SIMULATED, WHOLE_SLEEVE, simulated_key
from quant_core.cells import Receipt
from quant_core.config import RANKING_SIMULATOR, TournamentConfig
from quant_core.tournament import (
    CellPath,
    Finalists,
    Silent,
    StoredPaths,
    by_finalists,
    configuration_ids,
    paths_table,
    ranking_config,
    run_simulations,
)
from resources._final_errors import without_retry
from resources.ray_io_manager import Partition

__all__ = ["simulation_results"]

_CHECK = "paths_add_up"
_TOLERANCE = 1e-9


@dg.asset(
    group_name="research",
    partitions_def=SIMULATED,
    backfill_policy=SINGLE_RUN,
    retry_policy=RETRIES,
    automation_condition=WHEN_INPUTS_CHANGE & OF_CONFIGURED_SIMULATORS,
    code_version=version_of(
        "quant_core.tournament._simulating",
        sections=("costs", "rebalances", "simulators", "finalists"),
    ),
    deps=[
        dg.AssetDep(name, partition_mapping=WHOLE_SLEEVE)
        for name in ("atom_returns", "selected_atoms", "weights_cube")
    ],
    check_specs=[
        dg.AssetCheckSpec(
            _CHECK,
            asset="simulation_results",
            blocking=True,
            description="Every NAV is finite and not negative, and is the product of its returns.",
        )
    ],
    kinds={"ray", "parquet"},
)
@without_retry
def simulation_results(
    context: dg.AssetExecutionContext,
    config: FidelityConfig,
    lakehouse: LakehouseRoot,
    backend: ComputeBackend,
    trail: AuditTrail,
) -> Iterator[dg.MaterializeResult[dict[str, Partition]]]:
    """NAV, return, turnover and cost of every cell and day.

    A fidelity that is chosen in the launchpad simulates the sleeves of the run with every
    simulator of the tier, also where the run names another partition of them only.
    """
    found: dict[str, Partition] = {}
    broken: list[str] = []
    for name, asked in _asked(context.partition_keys).items():
        sleeve = sleeves()[name]
        whole = WholeSleeve.read(sleeve, lakehouse)
        run = _Run(whole, config.of(sleeve.config), lakehouse, backend, trail, context.run.run_id)
        for simulator in _order(run.config, [*asked, *config.labels(sleeve.config)]):
            made, receipt, paths = run.partition(simulator)
            key = simulated_key(name, simulator)
            broken += [" / ".join(path.names) for path in paths if not _adds_up(path)]
            if simulator in asked:
                found[key] = made
            else:
                context.log_event(_beside(context, key, made, receipt))
    check = dg.AssetCheckResult(
        check_name=_CHECK, passed=not broken, metadata={"broken": broken[:10]}
    )
    yield dg.MaterializeResult(value=found, check_results=[check])


def _asked(keys: Sequence[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key in sorted(keys):
        simulator, sleeve = key.split("|")
        found.setdefault(sleeve, []).append(simulator)
    return dict(sorted(found.items()))


def _order(config: TournamentConfig, labels: Sequence[str]) -> list[str]:
    """Return each simulator once, the one that ranks cells first: finalists need its paths."""
    ranking = {c.label for c in config.simulators if c.spec.name == RANKING_SIMULATOR}
    return sorted(dict.fromkeys(labels), key=lambda label: label not in ranking)


def _beside(
    context: dg.AssetExecutionContext,
    key: dg.MultiPartitionKey,
    partition: Partition,
    receipt: Receipt,
) -> dg.AssetMaterialization:
    """Book a partition that the run does not name: a tier is simulated whole."""
    dimensions = key.keys_by_dimension.items()
    version = context.job_def.asset_layer.get(context.asset_key).code_version
    return dg.AssetMaterialization(
        context.asset_key,
        partition=key,
        metadata=partition.metadata,
        tags={
            **{f"dagster/partition/{name}": value for name, value in dimensions},
            "dagster/data_version": receipt.digest,
            "dagster/code_version": version or "",
        },
    )


class _Run:
    """One sleeve through its simulators."""

    def __init__(
        self,
        whole: WholeSleeve,
        config: TournamentConfig,
        lakehouse: LakehouseRoot,
        backend: ComputeBackend,
        trail: AuditTrail,
        run_id: str,
    ) -> None:
        self.config = config
        self._whole, self._run_id = whole, run_id
        self._store = lakehouse.store("simulation_results", whole.sleeve.name)
        self._backend, self._trail = backend, trail

    def partition(self, simulator: str) -> tuple[Partition, Receipt, Sequence[CellPath]]:
        """Bring the paths of a simulator up to date and return their partition."""
        whole, config = self._whole, with_simulators(self.config, simulator)
        finalists = self._finalists(config)
        with self._trail.action(
            "simulate",
            whole.sleeve,
            run_id=self._run_id,
            inputs=whole.digests,
            configurations=configuration_ids(config),
        ) as told:
            action, witness = told
            stored = StoredPaths.read(self._store.read(simulator))
            plan = whole.stage(config).plan(config, stored, finalists)
            dates = whole.inputs.matrix.dates[plan.rows]

            def keep(paths: Sequence[CellPath], failed: Mapping[str, str]) -> None:
                self._write(simulator, dates, paths, failed)

            done = run_simulations(
                plan,
                whole.inputs,
                config,
                whole.index,
                whole.cube,
                compute=self._backend.compute,
                progress=Silent(),
                keep=keep,
            )
            receipt = self._write(simulator, dates, done.paths, done.failed)
            counts = cell_counts(done.facts)
            action.outcome = {"hits": counts["hits"], "computed": counts["computed"]}
            action.outputs = {simulator: receipt.digest}
        absent = {"/".join(names): why for names, (_, why) in done.absent.items()}
        told_too: dict[str, Any] = {} if finalists is None else {"finalists": finalists.to_dict()}
        facts = {**counts, "without_path": absent, "days": len(dates), **told_too, **witness}
        if done.paths:
            title = f"{whole.sleeve.name}, {simulator}: the highest final values"
            facts["nav"] = plot_navs(dates, done.paths, title=title)
            facts |= self._parity(config, done.paths)
        return Partition(receipt, facts), receipt, done.paths

    def _finalists(self, config: TournamentConfig) -> Finalists | None:
        """Return the cells that a simulator sees; all of them where it is the ranking one."""
        if not by_finalists(self.config) or config.simulators[:1] == self._first.simulators:
            return None
        whole, label = self._whole, self._first.simulators[0].label
        stage = whole.stage(self.config)
        stored = StoredPaths.read(self._store.read(label))
        known = stage.finalists(stored)
        if known is not None:
            return known
        # Another partition's paths are not this one's to store.
        done = run_simulations(
            stage.plan(self._first, stored),
            whole.inputs,
            self._first,
            whole.index,
            whole.cube,
            compute=self._backend.compute,
            progress=Silent(),
        )
        return Finalists.best(self.config, done.paths)

    def _parity(
        self, config: TournamentConfig, paths: Sequence[CellPath]
    ) -> dict[str, dg.MarkdownMetadataValue]:
        """Hold paths against those of the ranking simulator that are stored and up to date."""
        first = self._first
        if not first.simulators or config.simulators == first.simulators:
            return {}
        stored = StoredPaths.read(self._store.read(first.simulators[0].label))
        known = self._whole.stage(self.config).plan(first, stored).stored
        both = config.model_copy(update={"simulators": first.simulators + config.simulators})
        return compare_simulators(both, [*known.values(), *paths])

    @property
    def _first(self) -> TournamentConfig:
        return ranking_config(self.config)

    def _write(
        self,
        simulator: str,
        dates: np.ndarray,
        paths: Sequence[CellPath],
        failed: Mapping[str, str],
    ) -> Receipt:
        table = paths_table(self.config.sleeve, dates, paths, failed)
        return self._store.write(simulator, table)


def _adds_up(path: CellPath) -> bool:
    whole = np.isfinite(path.nav).all() and (path.nav >= 0).all()
    product = np.cumprod(1.0 + path.period_return)
    return bool(whole and np.allclose(path.nav, product, rtol=_TOLERANCE, atol=0.0))
