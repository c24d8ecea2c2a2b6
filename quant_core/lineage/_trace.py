"""The walk from a signal back to the inputs of the model that made it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from quant_core.errors import ModelError, StoreError
from quant_core.ledger import Kind, records
from quant_core.lineage._link import Link, differing
from quant_core.models import read_model

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from quant_core.ledger import Record
    from quant_core.live import StrategyRow

__all__ = ["Trail", "trace"]

_INGEST = "ingest"
_SUCCESS = "success"


@dataclass(frozen=True, slots=True)
class Trail:
    """What the audit trail tells of one model.

    Parameters
    ----------
    registered : Record or None
        The first registration of its bytes for a strategy.
    genesis : Record or None
        Beginning of the run that registered it.
    ingest : Record or None
        The last data that were taken in before the registration.
    """

    registered: Record | None = None
    genesis: Record | None = None
    ingest: Record | None = None

    @classmethod
    def read(cls, path: str | Path, *, sha256: str, strategy: str) -> Trail:
        """Read a ledger up to the registration of a model, its chain checked on the way.

        Raises
        ------
        LedgerError
            If the file cannot be read or its chain is broken.
        """
        genesis = ingest = None
        for record in records(path):
            body = record.body
            if record.kind is Kind.GENESIS:
                genesis = record
            elif record.kind is Kind.ACTION and _took_in(body):
                ingest = record
            elif record.kind is Kind.MODEL_REGISTERED and _is_of(body, sha256, strategy):
                return cls(record, genesis, ingest)
        return cls()


def trace(
    signal: Mapping[str, Any],
    *,
    rows: Iterable[StrategyRow],
    ledger: str | Path | None = None,
) -> tuple[Link, ...]:
    """Walk from a signal to its strategy, its model, the model's training and the inputs of that.

    Every link is compared with the one before it; where the chain ends, the last link says why.

    Parameters
    ----------
    signal : mapping
        The signal, one value a field of `SIGNALS_SCHEMA`.
    rows : iterable of StrategyRow
        What the strategy database holds, earlier versions of its rows too.
    ledger : str or pathlib.Path, optional
        The audit trail that the model was registered in.

    Returns
    -------
    tuple of Link
        From the signal to the inputs.

    Raises
    ------
    LedgerError
        If the audit trail cannot be read or its chain is broken.
    """
    walk = [Link("signal", dict(signal))]
    known = [row for row in rows if row.name == signal["strategy"]]
    row = next((row for row in known if row.version == signal["model_version"]), None)
    walk.append(_strategy(signal, row, known))
    if row is None or row.model is None:
        return tuple(walk)
    walk.append(_model(row))
    if ledger is None:
        return (*walk, Link("registration", {}, ("no audit trail was given",)))
    trail = Trail.read(ledger, sha256=row.model.sha256, strategy=row.lineage.get("strategy", ""))
    return (*walk, *_origin(row, trail))


def _strategy(
    signal: Mapping[str, Any], row: StrategyRow | None, known: Sequence[StrategyRow]
) -> Link:
    if row is None:
        versions = ", ".join(item.version for item in known) or "none"
        problem = (
            f"model_version: the signal says {signal['model_version']!r}, the strategy database "
            f"has had {versions}"
        )
        return Link("strategy", {"name": signal["strategy"]}, (problem,))
    facts = {
        "name": row.name,
        "mode": row.mode,
        "features": list(row.features.names),
        "sampling": row.features.sampling,
        "decision": row.decision.model_dump(mode="json"),
        "allocation": row.allocation,
    }
    pairs = {
        "feature_hash": (signal["feature_hash"], row.features.hash),
        "seed": (signal["seed"], row.seed),
    }
    return Link("strategy", facts, differing(pairs, here="its row", before="the signal"))


def _model(row: StrategyRow) -> Link:
    spec = row.model
    assert spec is not None
    facts = spec.model_dump(mode="json")
    try:
        size = len(read_model(spec))
    except (ModelError, StoreError) as error:
        return Link("model", facts, (str(error),))
    return Link("model", {**facts, "bytes": size})


def _origin(row: StrategyRow, trail: Trail) -> tuple[Link, ...]:
    record, lineage = trail.registered, row.lineage
    if record is None:
        problem = "the audit trail never registered these bytes for this strategy"
        return (Link("registration", {}, (problem,)),)
    body = dict(record.body)
    names: tuple[str, ...] = ("inputs_hash", "month")
    pairs = {name: (lineage[name], body.get(name)) for name in names if name in lineage}
    if "ledger_seq" in lineage:
        pairs["ledger_seq"] = (lineage["ledger_seq"], str(record.seq))
    told = {"seq": record.seq, "ts": record.ts, "hash": record.hash, **body}
    problems = differing(pairs, here="the audit trail", before="the strategy's lineage")
    return (Link("registration", told, problems), _training(lineage, trail), _inputs(trail))


def _training(lineage: Mapping[str, str], trail: Trail) -> Link:
    partition = {name: lineage[name] for name in ("sleeve", "strategy", "month") if name in lineage}
    if trail.genesis is None:
        return Link("training", partition, ("the audit trail has no run before it",))
    begun = trail.genesis.body
    run = {name: begun[name] for name in ("run_id", "config_hash", "code_versions", "seed")}
    own = trail.registered.body if trail.registered else {}
    # A trail that many runs share has one beginning; the registration names the run it is of.
    run |= {name: own[name] for name in ("run_id", "seed") if name in own}
    return Link("training", {**partition, **run})


def _inputs(trail: Trail) -> Link:
    registered = trail.registered
    assert registered is not None
    facts: dict[str, Any] = {"inputs_hash": registered.body.get("inputs_hash")}
    if trail.genesis is not None:
        facts["data_version"] = trail.genesis.body["data_version"]
    if trail.ingest is not None:
        facts |= {"context": trail.ingest.body.get("context"), "ingest_seq": trail.ingest.seq}
        facts |= {"outcome": trail.ingest.body.get("outcome")}
    return Link("inputs", facts, () if facts["inputs_hash"] else ("no hash of them is recorded",))


def _took_in(body: Mapping[str, Any]) -> bool:
    return body.get("name") == _INGEST and body.get("phase") == _SUCCESS


def _is_of(body: Mapping[str, Any], sha256: str, strategy: str) -> bool:
    return body.get("sha256") == sha256 and body.get("strategy", strategy) == strategy
