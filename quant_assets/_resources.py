"""What assets are given: the lakehouse, a compute backend and the audit trail."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import dagster as dg
from pydantic import PrivateAttr

from quant_core.canonical import digest_json
from quant_core.compute import SerialCompute
from quant_core.context import current_settings
from quant_core.errors import ConfigError
from quant_core.ledger import Ledger
from quant_core.models import ModelStore
from quant_core.tournament import register_models
from resources.lakehouse import Lakehouse, data_folder, purged
from resources.mlflow_rebuild import TELL, Telling, witness_tag
from resources.mlflow_registry import ModelRegistry
from resources.ray_compute import RayCompute
from resources.run_manifests import book_action, manifest_folder
from resources.strategy_database import StrategyDatabase

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from quant_assets._sleeves import Sleeve
    from quant_core.cells import FolderStore
    from quant_core.champion import Election
    from quant_core.compute import Compute
    from quant_core.ledger import Action
    from quant_core.strategies import ModelRecord
    from quant_core.tournament import Registered

__all__ = ["AuditTrail", "ComputeBackend", "LakehouseRoot", "Registry", "Strategies"]


class LakehouseRoot(dg.ConfigurableResource[Any]):
    """Where partitions live.

    Parameters
    ----------
    url : str
        Root of the lakehouse; empty for the configured one.
    """

    url: str = ""

    def store(self, *parts: str) -> FolderStore:
        """Return the store of an asset, or of the partitions below its first dimensions."""
        return Lakehouse(self.url).store(*parts)

    def models(self) -> ModelStore:
        """Return where the trained models are kept, by checksum."""
        return ModelStore(f"{Lakehouse(self.url).url}/models")

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Ask an object store for its conditions; remove what an earlier run left half-written."""
        found = Lakehouse(self.url).prepare()
        if context.log is not None:
            context.log.info("lakehouse %s: %s", Lakehouse(self.url).url, found)
        for path in (*Lakehouse(self.url).purge_unfinished(), *purged(manifest_folder())):
            if context.log is not None:
                context.log.info("removed %s, which a killed run left half-written", path)


class ComputeBackend(dg.ConfigurableResource[Any]):
    """Where the work of a run is done: Ray is started with the first work, and once a run.

    Parameters
    ----------
    backend : {"", "ray", "serial"}
        The backend; empty for the one of the settings, else ``ray``.
    workers : int
        Workers of a local Ray session; 0 for what the settings say, else one a processor.
    """

    backend: Literal["", "ray", "serial"] = ""
    workers: int = 0

    _compute: Any = PrivateAttr(default=None)

    @property
    def compute(self) -> Compute:
        """The backend of this run."""
        if self._compute is None:
            self._compute = _backend(self.backend, self.workers)
        backend: Compute = self._compute
        return backend

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:  # noqa: ARG002 - Dagster's signature
        """End the session that the run started."""
        if self._compute is not None:
            self._compute.close()
            self._compute = None


class AuditTrail(dg.ConfigurableResource[Any]):
    """One audit trail a sleeve, shared by its runs, so that trials add up.

    Parameters
    ----------
    folder : str
        Where the trails lie; empty for ``audit`` in the data folder.
    """

    folder: str = ""

    def path(self, sleeve: str) -> Path:
        """Return the file of a sleeve's trail."""
        return (Path(self.folder) if self.folder else data_folder() / "audit") / f"{sleeve}.jsonl"

    @contextmanager
    def action(
        self,
        name: str,
        sleeve: Sleeve,
        *,
        run_id: str,
        inputs: Mapping[str, str] | None = None,
        **context: Any,
    ) -> Iterator[tuple[Action, dict[str, Any]]]:
        """Record an action; the head of the trail is put into the second value, for metadata.

        Parameters
        ----------
        name : str
            What is done.
        sleeve : Sleeve
            For which sleeve.
        run_id : str
            Dagster's run.
        inputs : mapping of str to str, optional
            Digests of what is read, by name.
        **context
            Where else: partitions, configurations.
        """
        witness: dict[str, Any] = {}
        with Ledger(self.path(sleeve.name)) as ledger:
            if ledger.head().seq < 0:
                ledger.genesis(**_genesis(sleeve, run_id))
            about = {"run_id": run_id, **context}
            with ledger.action(name, context=about, inputs=inputs) as action:
                yield action, witness
            head = ledger.head()
            witness |= {
                "ledger_trail": sleeve.name,
                "ledger_seq": head.seq,
                "ledger_head": head.hash,
            }
            book_action(
                run_id,
                sleeve.name,
                name,
                config=sleeve.config.resolved(),
                config_hash=digest_json(sleeve.config.resolved()),
                seed=sleeve.config.seed,
                head=head,
                data=action.outputs if name == "ingest" else None,
            )

    def candidates(self, sleeve: Sleeve, election: Election, *, run_id: str) -> None:
        """Record every cell that an election tried, and what each gate said of it."""
        with Ledger(self.path(sleeve.name)) as ledger:
            for verdict in election.verdicts:
                gates = {one.name: [one.value, one.threshold] for one in verdict.results}
                ledger.candidate(
                    run_id=run_id,
                    cell=verdict.cell,
                    passed=verdict.passed,
                    reason=verdict.reason,
                    gates=gates,
                )

    def tell(
        self, registry: ModelRegistry, sleeve: Sleeve, *, run_id: str, told: Telling, name: str
    ) -> None:
        """Add to the run in MLflow, which becomes a witness of the trail.

        All of it is in the trail before MLflow hears of it, so that its view can be made again.

        Parameters
        ----------
        registry : ModelRegistry
            MLflow.
        sleeve : Sleeve
            Whose trail.
        run_id : str
            Dagster's run.
        told : Telling
            What is told.
        name : str
            What the trail calls it.
        """
        with self.action(TELL, sleeve, run_id=run_id, about=name, told=told.recorded()) as found:
            action, _ = found
            tags = {**told.tags, witness_tag(sleeve.name): str(action.head)}
            registry.log(
                run_id,
                params=told.params,
                metrics=told.metrics,
                tables={name: one.table for name, one in told.tables.items()},
                documents=told.documents,
                tags=tags,
            )

    def register(
        self, sleeve: Sleeve, models: Iterable[ModelRecord], store: ModelStore, *, run_id: str
    ) -> Registered:
        """Record every model that the sleeve's trail does not know yet, after an action."""
        with Ledger(self.path(sleeve.name)) as ledger:
            return register_models(ledger, models, store, run_id=run_id)


class Registry(dg.ConfigurableResource[Any]):
    """Where runs are logged and model versions are registered.

    Parameters
    ----------
    uri : str
        URI of MLflow; empty for the configured one.
    artifacts : str
        Where artifacts go; empty for ``mlflow`` in the data folder.
    """

    uri: str = ""
    artifacts: str = ""

    _registry: Any = PrivateAttr(default=None)

    def open(self) -> ModelRegistry:
        """Return the registry; MLflow is imported with the first question to it."""
        if self._registry is None:
            self._registry = ModelRegistry(self.uri, self.artifacts)
        registry: ModelRegistry = self._registry
        return registry


class Strategies(dg.ConfigurableResource[Any]):
    """The database that runners read what to serve from.

    Parameters
    ----------
    url : str
        URL of the database; empty for ``TV_STRATEGIES``, else ``TV_POSTGRES``, else
        ``strategies.db`` (SQLite) in the data folder.
    patience : float
        Seconds that runners have to say that they serve what they were told.
    """

    url: str = ""
    patience: float = 20.0

    def open(self) -> StrategyDatabase:
        """Return the database."""
        return StrategyDatabase(self.url or current_settings().strategies)


def _backend(name: str, workers: int) -> Compute:
    settings = current_settings()
    chosen = name or settings.backend or "ray"
    if chosen not in {"ray", "serial"}:
        raise ConfigError(f"settings: backend: an asset runs on ray or serial, found {chosen!r}")
    if chosen == "serial":
        return SerialCompute()
    return RayCompute(num_cpus=workers or settings.workers)


def _genesis(sleeve: Sleeve, run_id: str) -> Mapping[str, Any]:
    return {
        "run_id": run_id,
        "config_hash": digest_json(sleeve.config.resolved()),
        "data_version": "",
        "code_versions": {},
        "seed": sleeve.config.seed,
    }
