"""MLflow as a view: one flat run a pipeline, and versions of models with aliases."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import re
import tempfile
import warnings
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quant_core.canonical import canonical_json, digest_json
from quant_core.cells import parquet_bytes
from quant_core.errors import ConfigError, MissingPartitionError, StoreError
from quant_core.ledger import Ledger
from quant_core.models import ModelSpec
from resources._artifacts import check_artifact
from resources._postgres import database_url, locked, make_schema, within
from resources.lakehouse import data_folder
from resources.mlflow_rebuild import PROMOTE, rebuild, witness_tag

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import pyarrow as pa

__all__ = ["CHALLENGER", "CHAMPION", "RULES", "ModelRegistry", "RegisteredModel"]

CHAMPION, CHALLENGER = "champion", "challenger"
RULES = "gates_rules"
"""Tag of the rules that a version was last judged by."""

_USER = re.compile(r"(?<=://)[^/\s]+@")
_EXPERIMENT = "quant-assets"
_MOST_RUNS = 1000
_SCHEMA = "mlflow"
_RUN_TAG = "dagster_run_id"
_SPEC, _IDENTITY, _STRATEGY = "model_spec", "identity", "strategy_row"


@dataclass(frozen=True, slots=True)
class RegisteredModel:
    """One version of a strategy's model in the registry.

    Parameters
    ----------
    name : str
        The strategy.
    number : int
        The version in the registry, from 1.
    spec : ModelSpec
        The model.
    strategy : dict
        What the runner is told beside the model: features, decision, seed, lineage.
    tags : dict of str to str
        Every tag of the version.
    """

    name: str
    number: int
    spec: ModelSpec
    strategy: dict[str, Any] = field(repr=False)
    tags: dict[str, str] = field(repr=False)


class ModelRegistry:
    """Runs and model versions in MLflow.

    Parameters
    ----------
    uri : str
        Tracking and registry: ``MLFLOW_TRACKING_URI`` by default, else the schema ``mlflow`` of the
        database that ``TV_POSTGRES`` names, else ``mlflow.db`` (SQLite) in the data folder.
    artifacts : str
        Where artifacts of a database's runs go; ``mlflow`` in the data folder by default.

    Examples
    --------
    >>> registry = ModelRegistry("sqlite:////tmp/mlflow.db", "/tmp/mlflow")  # doctest: +SKIP
    >>> registry.promote("momentum", 3)  # doctest: +SKIP
    """

    def __init__(self, uri: str = "", artifacts: str = "") -> None:
        self._uri = uri or os.environ.get("MLFLOW_TRACKING_URI") or _own()
        self._artifacts = artifacts or str(data_folder() / "mlflow")

    @property
    def uri(self) -> str:
        """Where runs and versions are kept, without a password."""
        return _without_user(self._uri)

    def log(
        self,
        run_id: str,
        *,
        params: Mapping[str, Any] | None = None,
        metrics: Mapping[str, float | None] | None = None,
        tables: Mapping[str, pa.Table] | None = None,
        documents: Mapping[str, Any] | None = None,
        tags: Mapping[str, str] | None = None,
        started: int | None = None,
    ) -> str:
        """Add to the one flat run of a pipeline run, and return MLflow's id of it.

        Parameters
        ----------
        run_id : str
            Dagster's run, MLflow's tag ``dagster_run_id``.
        params : mapping of str to Any
            What the run was given; a name that the run has already keeps its value.
        metrics : mapping of str to float or None
            Aggregates; one that is None is not logged. Figures of assets and cells are tables.
        tables : mapping of str to pyarrow.Table
            Parquet artifacts, by name without suffix.
        documents : mapping of str to Any
            JSON artifacts, by name without suffix.
        tags : mapping of str to str
            Further tags of the run.
        started : int, optional
            When the run began, in ms since 1970; now, by default.

        Raises
        ------
        StoreError
            If MLflow cannot take it.
        ContractError
            If an artifact has a name that is not allowed.
        """
        files = {f"{name}.parquet": parquet_bytes(table) for name, table in (tables or {}).items()}
        files |= {
            f"{name}.json": canonical_json(value) + b"\n"
            for name, value in (documents or {}).items()
        }
        with self._talking():
            own_id = self._run(run_id, started)
            known = self._client.get_run(own_id).data
            for name, value in (params or {}).items():
                if name not in known.params:
                    self._client.log_param(own_id, name, value)
            for name, figure in (metrics or {}).items():
                if figure is not None and known.metrics.get(name) != figure:
                    self._client.log_metric(own_id, name, figure)
            for name, text in (tags or {}).items():
                self._client.set_tag(own_id, name, text)
        self.log_files(run_id, files)
        return own_id

    def log_files(self, run_id: str, files: Mapping[str, bytes]) -> None:
        """Add artifacts to a run, by name; parameters and errors as in `log`."""
        for name, data in files.items():
            check_artifact(name, data)
        with self._talking(), tempfile.TemporaryDirectory() as folder:
            for name, data in files.items():
                (Path(folder) / name).write_bytes(data)
            own_id = self._run(run_id)
            if files:
                self._client.log_artifacts(own_id, folder)
            self._client.set_terminated(own_id)

    def artifacts(self, run_id: str) -> list[str]:
        """Return the names of a run's artifacts, sorted."""
        with self._talking():
            found = self._client.list_artifacts(self._run(run_id))
            return sorted(item.path for item in found)

    def register(
        self,
        name: str,
        spec: ModelSpec,
        *,
        strategy: Mapping[str, Any],
        tags: Mapping[str, str],
        run_id: str | None = None,
        started: int | None = None,
    ) -> RegisteredModel:
        """Register a model as the newest version of a strategy, and make it the challenger.

        A model that is registered already, and that the runner would be told of alike, keeps its
        version.

        Parameters
        ----------
        name : str
            The strategy.
        spec : ModelSpec
            The model; its file is the version's source and stays where it is.
        strategy : mapping
            What the runner is told beside the model, as JSON holds it.
        tags : mapping of str to str
            What else is known: month, inputs_hash.
        run_id : str, optional
            Dagster's run that registers it.
        started : int, optional
            When that began, in ms since 1970; now, by default.

        Raises
        ------
        StoreError
            If MLflow cannot take it.
        """
        told = {key: value for key, value in strategy.items() if key != "lineage"}
        identity = digest_json([spec.sha256, told])
        with self._talking():
            known = [one for one in self.versions(name) if one.tags.get(_IDENTITY) == identity]
            number = known[-1].number if known else None
            if number is None:
                every = {
                    **tags,
                    "sha256": spec.sha256,
                    "feature_hash": spec.feature_hash,
                    "framework": spec.framework,
                    _SPEC: canonical_json(spec.model_dump(mode="json")).decode(),
                    _STRATEGY: canonical_json(dict(strategy)).decode(),
                    _IDENTITY: identity,
                }
                own = self._run(run_id, started) if run_id else None
                number = self._create(name, spec, every, own)
            if self._aliases(name).get(CHALLENGER) != number:
                self._client.set_registered_model_alias(name, CHALLENGER, str(number))
            return self.version(name, number)

    def versions(self, name: str) -> list[RegisteredModel]:
        """Return every version of a strategy's model, oldest first."""
        with self._talking():
            found = self._client.search_model_versions(f"name = '{_checked(name)}'")
        return sorted((_registered(one) for one in found), key=lambda one: one.number)

    def version(self, name: str, number: int) -> RegisteredModel:
        """Return one version.

        Raises
        ------
        MissingPartitionError
            If there is none of that number.
        """
        found = {one.number: one for one in self.versions(name)}
        if number not in found:
            known = ", ".join(map(str, found)) or "none"
            raise MissingPartitionError(
                f"model {name}: expected a registered version {number}, found {known} in {self.uri}"
            )
        return found[number]

    def find(self, name: str, reference: str) -> RegisteredModel:
        """Return the version of a number in the registry, or of a model's version.

        Raises
        ------
        MissingPartitionError
            If there is none.
        """
        if reference.isdecimal():
            return self.version(name, int(reference))
        found = [one for one in self.versions(name) if one.spec.version == reference]
        if not found:
            known = ", ".join(one.spec.version for one in self.versions(name)) or "none"
            raise MissingPartitionError(
                f"model {name}: expected the version of a model, {reference!r}, found {known} in "
                f"{self.uri}"
            )
        return found[-1]

    def aliased(self, name: str, alias: str) -> RegisteredModel | None:
        """Return the version that an alias names, or None."""
        with self._talking():
            number = self._aliases(name).get(alias)
        return None if number is None else self.version(name, number)

    def aliases(self) -> dict[str, dict[str, int]]:
        """Return the aliases of every strategy, by name: alias to number of the version."""
        with self._talking():
            models = self._client.search_registered_models(max_results=1000)
            return {model.name: _numbers(model.aliases) for model in models}

    def promote(self, name: str, number: int) -> RegisteredModel:
        """Make a version the champion: an older one too, to roll back."""
        found = self.version(name, number)
        with self._talking():
            self._client.set_registered_model_alias(name, CHAMPION, str(number))
        return found

    def promote_by_hand(self, name: str, number: int) -> RegisteredModel:
        """Make a version the champion, and say so in the audit trail of its sleeve."""
        sleeve = self.version(name, number).tags.get("sleeve")
        trail = data_folder() / "audit" / f"{sleeve}.jsonl"
        if not trail.is_file():
            return self.promote(name, number)
        context = {"run_id": "by hand", "strategy": name}
        with Ledger(trail) as ledger, ledger.action(PROMOTE, context=context) as action:
            found = self.promote(name, number)
            action.outcome = {"strategy": name, "version": number}
            action.outputs = {"model": found.spec.sha256}
        return found

    def judged(self, model: RegisteredModel, *, rules: str, reason: str) -> None:
        """Note on a version under which rules it was judged, and why it did not pass."""
        with self._talking():
            for tag, text in ((RULES, rules), ("gates_reason", reason or "passed")):
                self._client.set_model_version_tag(model.name, str(model.number), tag, text)

    def witnesses(self, trail: str) -> list[str]:
        """Return the heads of an audit trail that runs carry, ``seq:hash``, the last one first."""
        tag = witness_tag(trail)
        with self._talking():
            found = self._client.search_runs([self._experiment], max_results=_MOST_RUNS)
        return [run.data.tags[tag] for run in found if tag in run.data.tags]

    def rebuild(self, trails: Iterable[Path]) -> dict[str, int]:
        """Make runs, versions and aliases again from audit trails, as in `rebuild`."""
        return rebuild(self, trails)

    def _aliases(self, name: str) -> dict[str, int]:
        found = self._client.search_registered_models(f"name = '{_checked(name)}'")
        return _numbers(found[0].aliases) if found else {}

    def _create(
        self, name: str, spec: ModelSpec, tags: Mapping[str, str], run_id: str | None
    ) -> int:
        if not self._client.search_registered_models(f"name = '{_checked(name)}'"):
            self._client.create_registered_model(name)
        made = self._client.create_model_version(
            name, source=spec.uri, run_id=run_id, tags=dict(tags)
        )
        return int(made.version)

    def _run(self, run_id: str, started: int | None = None) -> str:
        if run_id in self._runs:
            return self._runs[run_id]
        found = self._client.search_runs(
            [self._experiment], f"tags.{_RUN_TAG} = '{_checked(run_id)}'", max_results=1
        )
        run = (
            found[0]
            if found
            else self._client.create_run(
                self._experiment, started, tags={_RUN_TAG: run_id}, run_name=run_id
            )
        )
        self._runs.clear()
        self._runs[run_id] = str(run.info.run_id)
        return self._runs[run_id]

    @cached_property
    def _runs(self) -> dict[str, str]:
        return {}

    @cached_property
    def _experiment(self) -> str:
        found = self._client.get_experiment_by_name(_EXPERIMENT)
        if found is not None:
            return str(found.experiment_id)
        own = None if self._uri.startswith("http") else self._artifacts
        return str(self._client.create_experiment(_EXPERIMENT, artifact_location=own))

    @cached_property
    def _client(self) -> Any:
        # MLflow would report its use to its makers, and each table of a new database to the log.
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
        for name in ("alembic", "mlflow"):
            logging.getLogger(name).setLevel(logging.WARNING)
        with warnings.catch_warnings(), self._alone():
            warnings.simplefilter("ignore")  # its own use of SQLAlchemy is deprecated
            from mlflow import MlflowClient

            return MlflowClient(tracking_uri=self._uri, registry_uri=self._uri)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Let one process create the tables of a database; two at once would both fail."""
        if self._uri.startswith("postgresql"):
            with locked(self._uri):
                yield
            return
        if not self._uri.startswith("sqlite:///"):
            yield
            return
        path = Path(self._uri.removeprefix("sqlite:///").partition("?")[0])
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.with_name(f".{path.name}.lock").open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    @contextmanager
    def _talking(self) -> Iterator[None]:
        """Turn what MLflow raises into a `StoreError` that names the store, not its password."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # as above
            from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError

        try:
            yield
        except (MlflowException, SQLAlchemyError) as error:
            raise StoreError(f"MLflow at {self.uri}: {_without_user(str(error))}") from error


def _own() -> str:
    database = database_url()
    if not database:
        return f"sqlite:///{data_folder() / 'mlflow.db'}"
    make_schema(database, _SCHEMA)
    return within(database, _SCHEMA)


def _without_user(text: str) -> str:
    return _USER.sub("[redacted]@", text)


def _checked(name: str) -> str:
    if "'" in name or "\\" in name:
        raise ConfigError(f"MLflow: expected a name without quotes, found {name!r}")
    return name


def _numbers(aliases: Mapping[str, Any]) -> dict[str, int]:
    return {alias: int(number) for alias, number in sorted(aliases.items())}


def _registered(found: Any) -> RegisteredModel:
    tags = {str(name): str(value) for name, value in sorted(found.tags.items())}
    if _SPEC not in tags or _STRATEGY not in tags:
        raise StoreError(
            f"MLflow: version {found.version} of {found.name} was not registered by this platform: "
            f"it has no tag {_SPEC}; delete it, or register the model through the asset graph"
        )
    spec = ModelSpec.model_validate_json(tags[_SPEC])
    return RegisteredModel(found.name, int(found.version), spec, json.loads(tags[_STRATEGY]), tags)
