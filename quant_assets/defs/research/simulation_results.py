"""Stage two: the path of every cell, from the weights cube alone."""

from collections.abc import Iterator

import dagster as dg
import numpy as np

from quant_assets._assets import RETRIES, SINGLE_RUN, version_of
from quant_assets._automation import WHEN_INPUTS_CHANGE
from quant_assets._figures import cell_counts
from quant_assets._plots import plot_navs
from quant_assets._resources import AuditTrail, ComputeBackend, LakehouseRoot
from quant_assets._sleeves import Sleeve, sleeves
from quant_assets._whole import WholeSleeve
from quant_assets.partitions import SIMULATED, WHOLE_SLEEVE
from quant_core.cells import Receipt
from quant_core.config import TournamentConfig
from quant_core.tournament import (
    CellPath,
    Silent,
    configuration_ids,
    paths_table,
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
    automation_condition=WHEN_INPUTS_CHANGE,
    code_version=version_of(
        "quant_core.tournament._simulating", sections=("costs", "rebalances", "simulators")
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
            description="Every NAV is positive and finite, and is the product of its returns.",
        )
    ],
    kinds={"ray", "parquet"},
)
@without_retry
def simulation_results(
    context: dg.AssetExecutionContext,
    lakehouse: LakehouseRoot,
    backend: ComputeBackend,
    trail: AuditTrail,
) -> Iterator[dg.MaterializeResult[dict[str, Partition]]]:
    """NAV, return, turnover and cost of every cell and day."""
    found: dict[str, Partition] = {}
    broken: list[str] = []
    for key in sorted(context.partition_keys):
        simulator, name = key.split("|")
        sleeve = sleeves()[name]
        config = _with_simulator(sleeve, simulator)
        whole = WholeSleeve.read(sleeve, lakehouse)
        run = _Run(whole, config, lakehouse, backend, trail, context.run.run_id)
        found[key], paths = run.partition(simulator)
        broken += [" / ".join(path.names) for path in paths if not _adds_up(path)]
    check = dg.AssetCheckResult(
        check_name=_CHECK, passed=not broken, metadata={"broken": broken[:10]}
    )
    yield dg.MaterializeResult(value=found, check_results=[check])


def _with_simulator(sleeve: Sleeve, simulator: str) -> TournamentConfig:
    chosen = tuple(choice for choice in sleeve.config.simulators if choice.label == simulator)
    return sleeve.config.model_copy(update={"simulators": chosen})


class _Run:
    """One sleeve through one simulator."""

    def __init__(
        self,
        whole: WholeSleeve,
        config: TournamentConfig,
        lakehouse: LakehouseRoot,
        backend: ComputeBackend,
        trail: AuditTrail,
        run_id: str,
    ) -> None:
        self._whole, self._config, self._run_id = whole, config, run_id
        self._store = lakehouse.store("simulation_results", whole.sleeve.name)
        self._backend, self._trail = backend, trail

    def partition(self, simulator: str) -> tuple[Partition, list[CellPath]]:
        """Bring the paths up to date and return their partition."""
        whole, config = self._whole, self._config
        tried = configuration_ids(config)
        with self._trail.action(
            "simulate", whole.sleeve, run_id=self._run_id, configurations=tried
        ) as told:
            action, witness = told
            plan = whole.plan(config, self._store.read(simulator))
            paths, facts = run_simulations(
                plan,
                whole.inputs,
                config,
                whole.index,
                whole.cube,
                compute=self._backend.compute,
                progress=Silent(),
            )
            dates = whole.inputs.matrix.dates[plan.rows]
            receipt = self._receipt(simulator, dates, paths)
            counts = cell_counts(facts)
            action.outcome = {"hits": counts["hits"], "computed": counts["computed"]}
            action.outputs = {simulator: receipt.digest}
        absent = {"/".join(names): why for names, (_, why) in plan.absent.items()}
        facts_told = {**counts, "without_path": absent, "days": len(dates), **witness}
        if paths:
            title = f"{whole.sleeve.name}, {simulator}: the highest final values"
            facts_told["nav"] = plot_navs(dates, paths, title=title)
        return Partition(receipt, facts_told), paths

    def _receipt(self, simulator: str, dates: np.ndarray, paths: list[CellPath]) -> Receipt:
        table = paths_table(self._config.sleeve, dates, paths)
        return self._store.write(simulator, table)


def _adds_up(path: CellPath) -> bool:
    whole = np.isfinite(path.nav).all() and (path.nav > 0).all()
    product = np.cumprod(1.0 + path.period_return)
    return bool(whole and np.allclose(path.nav, product, rtol=_TOLERANCE, atol=0.0))
