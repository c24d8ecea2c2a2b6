"""MLflow made again from audit trails: what was told to it is in the ledger first."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from quant_core.canonical import digest
from quant_core.cells import parquet_bytes
from quant_core.errors import LedgerError
from quant_core.ledger import Kind, records
from quant_core.models import ModelSpec
from resources.lakehouse import Lakehouse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    import pyarrow as pa

    from quant_core.ledger import Record

__all__ = ["PROMOTE", "REGISTER", "TELL", "StoredTable", "Telling", "rebuild", "witness_tag"]

TELL, REGISTER, PROMOTE = "tell_mlflow", "register", "promote"
"""Actions of a trail that MLflow shows."""


def witness_tag(trail: str) -> str:
    """Return the tag of a run that holds the head of an audit trail."""
    return f"ledger.{trail}"


@dataclass(frozen=True, slots=True)
class StoredTable:
    """A table that a run in MLflow shows, and which partition holds it.

    Parameters
    ----------
    asset, partition : str
        Where it is kept.
    table : pyarrow.Table
        The table.
    """

    asset: str
    partition: str
    table: pa.Table = field(repr=False)

    def recorded(self) -> dict[str, str]:
        """Return what the trail says of it."""
        content = digest(parquet_bytes(self.table))
        return {"asset": self.asset, "partition": self.partition, "digest": content}


@dataclass(frozen=True, slots=True)
class Telling:
    """What is told to MLflow of a run.

    Parameters
    ----------
    params, metrics, documents, tags : mapping
        As in `ModelRegistry.log`.
    tables : mapping of str to StoredTable
        Tables by the name of their artifact.
    """

    params: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    tables: Mapping[str, StoredTable] = field(default_factory=dict)
    documents: Mapping[str, Any] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)

    def recorded(self) -> dict[str, Any]:
        """Return it as the trail holds it."""
        return {
            "params": dict(self.params),
            "metrics": dict(self.metrics),
            "tables": {name: one.recorded() for name, one in self.tables.items()},
            "documents": dict(self.documents),
            "tags": dict(self.tags),
        }


class _Registry(Protocol):
    def log(
        self,
        run_id: str,
        *,
        params: Mapping[str, Any] | None = ...,
        metrics: Mapping[str, float | None] | None = ...,
        tables: Mapping[str, pa.Table] | None = ...,
        documents: Mapping[str, Any] | None = ...,
        tags: Mapping[str, str] | None = ...,
        started: int | None = ...,
    ) -> str: ...

    def register(
        self,
        name: str,
        spec: ModelSpec,
        *,
        strategy: Mapping[str, Any],
        tags: Mapping[str, str],
        run_id: str | None = ...,
        started: int | None = ...,
    ) -> Any: ...

    def promote(self, name: str, number: int) -> Any: ...

    def judged(self, model: Any, *, rules: str, reason: str) -> None: ...


def rebuild(registry: _Registry, trails: Iterable[Path]) -> dict[str, int]:
    """Make the runs, model versions and aliases of MLflow again; what is there already stays.

    Parameters
    ----------
    registry : ModelRegistry
        MLflow, empty or not.
    trails : iterable of pathlib.Path
        The audit trails; records of all of them are taken in the order in which they were written.

    Returns
    -------
    dict of str to int
        How many runs, versions, champions and tables it holds of them, and how many tables are no
        longer stored as they were.

    Raises
    ------
    LedgerError
        If a trail is broken, or MLflow holds other versions than were recorded.
    """
    work = _Rebuilding(registry)
    told = [(record, path.stem) for path in trails for record in records(path, Kind.ACTION)]
    for record, trail in sorted(told, key=lambda one: (one[0].ts, one[1], one[0].seq)):
        work.take(record, trail)
    work.finish()
    names = ("runs", "versions", "champions", "tables", "tables no longer stored")
    return {name: work.counts[name] for name in names}


class _Rebuilding:
    """The records of trails, one after the other."""

    def __init__(self, registry: _Registry) -> None:
        self.counts: Counter[str] = Counter()
        self._registry = registry
        self._runs: set[str] = set()
        self._versions: set[tuple[str, int]] = set()
        self._champions: dict[str, int] = {}

    def take(self, record: Record, trail: str) -> None:
        body = record.body
        name, phase = body["name"], body["phase"]
        if (name, phase) == (TELL, "intent"):
            self._tell(record, trail)
        elif (name, phase) == (REGISTER, "success") and "registered" in body["outcome"]:
            self._register(body["context"], body["outcome"], record)
        elif (name, phase) == (PROMOTE, "success"):
            self._champions[body["outcome"]["strategy"]] = int(body["outcome"]["version"])

    def finish(self) -> None:
        """Promote who was promoted last: in a store that is in use no other may be seen."""
        for strategy, number in self._champions.items():
            self._registry.promote(strategy, number)
        self.counts["champions"] = len(self._champions)

    def _tell(self, record: Record, trail: str) -> None:
        context = record.body["context"]
        told, run_id = context["told"], context["run_id"]
        found = {name: _stored(one) for name, one in told["tables"].items()}
        tables = {name: table for name, table in found.items() if table is not None}
        self._registry.log(
            run_id,
            params=told["params"],
            metrics={name: _figure(value) for name, value in told["metrics"].items()},
            tables=tables,
            documents=told["documents"],
            tags={**told["tags"], witness_tag(trail): str(record.head)},
            started=_milliseconds(record),
        )
        self._runs.add(run_id)
        self.counts["runs"] = len(self._runs)
        self.counts["tables"] += len(tables)
        self.counts["tables no longer stored"] += len(found) - len(tables)

    def _register(
        self, context: Mapping[str, Any], outcome: Mapping[str, Any], record: Record
    ) -> None:
        strategy, told = context["strategy"], outcome["registered"]
        model = self._registry.register(
            strategy,
            ModelSpec.model_validate(told["spec"]),
            strategy=told["strategy"],
            tags=told["tags"],
            run_id=context["run_id"],
            started=_milliseconds(record),
        )
        if model.number != outcome["version"]:
            raise LedgerError(
                f"record {record.seq}: {strategy} was registered as version {outcome['version']}, "
                f"and MLflow makes it {model.number}: it holds versions of somebody else, or not "
                "every trail was given; rebuild into an empty store"
            )
        self._versions.add((strategy, model.number))
        self.counts["versions"] = len(self._versions)
        if "judged" in outcome:
            self._registry.judged(model, **outcome["judged"])
        if outcome["promoted"]:
            self._champions[strategy] = model.number


def _stored(told: Mapping[str, str]) -> pa.Table | None:
    """Return a table that is still in the lakehouse as it was told."""
    table = Lakehouse().store(told["asset"]).read(told["partition"])
    if table is None or digest(parquet_bytes(table)) != told["digest"]:
        return None
    return table


def _figure(value: Any) -> float | None:
    """Read a figure back; one that is not finite is an object in canonical JSON."""
    if isinstance(value, dict):
        return float(value["nonfinite"])
    return None if value is None else float(value)


def _milliseconds(record: Record) -> int:
    return int(datetime.fromisoformat(record.ts).timestamp() * 1000)
