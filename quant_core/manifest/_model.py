"""What a manifest says."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

__all__ = [
    "AnyManifest",
    "Code",
    "DataSection",
    "Environment",
    "GraphManifest",
    "LedgerHead",
    "Lock",
    "Manifest",
    "MetaManifest",
    "SleeveSection",
    "StageSection",
    "TournamentManifest",
    "manifest_schema",
]

type Digest = Annotated[str, Field(pattern="^[0-9a-f]{32}$")]
type Count = Annotated[int, Field(ge=0)]
type Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Code(_Section):
    """Which code ran.

    Parameters
    ----------
    version : str
        Installed release of quant-assets.
    commit : str or None
        Commit of the checkout that it is imported from; None for an installed release.
    modified : bool or None
        Whether tracked files differ from that commit; None without one.
    """

    version: str
    commit: Annotated[str, Field(pattern="^[0-9a-f]{40}([0-9a-f]{24})?$")] | None = None
    modified: bool | None = None


class Lock(_Section):
    """Which dependencies it ran with.

    Parameters
    ----------
    kind : {"uv.lock", "distributions"}
        Whether the digest is of the lock file, or of the names and releases that are installed.
    sha256 : str
        The digest.
    """

    kind: Literal["uv.lock", "distributions"]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Environment(_Section):
    """Which machine it ran on.

    Parameters
    ----------
    python : str
        Release and implementation.
    system, machine : str
        Operating system and architecture.
    processors : int
        Processors that the process may use.
    """

    python: str
    system: str
    machine: str
    processors: Annotated[int, Field(ge=1)]


class LedgerHead(_Section):
    """The last record of the audit trail, witnessed here so that a cut tail is found.

    Parameters
    ----------
    seq : int
        Its number.
    hash : str
        Its hash.
    """

    seq: Annotated[int, Field(ge=-1)]
    hash: str


class StageSection(_Section):
    """One stage of a run.

    Parameters
    ----------
    name : str
        Its name.
    seconds : float
        How long it took.
    changed : mapping
        What it changed of the context, as the ledger has it.
    """

    name: str
    seconds: Seconds
    changed: dict[str, Any]


class DataSection(_Section):
    """Which data a run read, and what became of each observation.

    Parameters
    ----------
    origin, version : str
        Where they came from, and the digest of the validated returns.
    symbols, dates : int
        Columns and rows.
    rows_in, kept : int
        Observations found and kept; the others were dropped.
    dropped, reported : mapping of str to int
        Observations dropped, and kept but noticed, by reason.
    symbols_dropped : mapping of str to str
        Symbols that are not in the result, each with its reason.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    origin: str
    version: Digest
    symbols: Count
    dates: Count
    rows_in: Count
    kept: Count


class SleeveSection(_Section):
    """What a run of the asset graph did for one sleeve.

    Parameters
    ----------
    config_hash : str
        Digest of the resolved configuration.
    config : mapping
        The resolved configuration.
    seed : int
        Seed of everything random.
    data : mapping of str to str
        Version of the data, by month that the run ingested.
    ledger : LedgerHead
        Head of the sleeve's audit trail after the run's last action.
    actions : tuple of str
        Names of the actions, in order, each once.
    """

    config_hash: Digest
    config: dict[str, Any]
    seed: int
    data: dict[str, str]
    ledger: LedgerHead
    actions: tuple[str, ...]


class Manifest(_Section):
    """What every manifest says.

    Parameters
    ----------
    run_id : str
        Identity of the run, the same in the ledger, tables, tags and here.
    started, finished : datetime
        In UTC.
    code : Code
        Which code ran.
    lock : Lock
        Which dependencies it ran with.
    environment : Environment
        Which machine it ran on.
    versions : mapping of str to str
        Releases of Python and of what computes.
    seeds : mapping of str to int
        Seeds, by what they are for.
    outputs : mapping of str to str
        Digest of the bytes of each file, by its name in the folder of the manifest; by its whole
        path or URL in that of a run of the asset graph.
    """

    run_id: Annotated[str, Field(min_length=1)]
    started: datetime
    finished: datetime
    code: Code
    lock: Lock
    environment: Environment
    versions: dict[str, str]
    seeds: dict[str, int]
    outputs: dict[str, Digest]


class TournamentManifest(Manifest):
    """The manifest of a tournament, ``manifest.json`` in its folder.

    Parameters
    ----------
    kind : "tournament"
        What ran.
    config : mapping
        The resolved configuration.
    data : DataSection
        The data.
    backend, workers : str, int
        Where units ran.
    stages : tuple of StageSection
        The stages that ran, in order.
    seconds : mapping of str to float
        Duration of each.
    counts : mapping
        Cells found and computed, by kind.
    ledger : LedgerHead
        Head of ``audit.jsonl`` when the run ended.
    finalists, pbo, trials : optional
        Who was seen by the slow simulators; probability of backtest overfitting; trial count.
    """

    kind: Literal["tournament"] = "tournament"
    config: dict[str, Any]
    data: DataSection
    backend: str
    workers: Annotated[int, Field(ge=1)]
    stages: tuple[StageSection, ...]
    seconds: dict[str, Seconds]
    counts: dict[str, dict[Literal["hits", "computed"], Count]]
    ledger: LedgerHead
    finalists: dict[str, Any] | None = None
    pbo: dict[str, Any] | None = None
    trials: Count | None = None


class GraphManifest(Manifest):
    """The manifest of a run of the asset graph.

    Parameters
    ----------
    kind : "graph"
        What ran.
    sleeves : mapping of str to SleeveSection
        What was done for each sleeve.
    """

    kind: Literal["graph"] = "graph"
    sleeves: dict[str, SleeveSection]


class MetaManifest(Manifest):
    """The manifest of a meta-portfolio, ``manifest.json`` in its folder.

    Parameters
    ----------
    kind : "meta"
        What ran.
    meta : str
        Name of the portfolio.
    config : mapping
        The resolved configurations, by portfolio.
    sleeves : mapping of str to str
        Version of the results of each sleeve.
    stages : tuple of StageSection
        The stages that ran, in order; what each changed by portfolio.
    counts : mapping
        Cells found and computed, by kind.
    leakage : float
        Weight that flattening lost.
    ledger : LedgerHead
        Head of ``audit.jsonl`` when the run ended.
    """

    kind: Literal["meta"] = "meta"
    meta: str
    config: dict[str, Any]
    sleeves: dict[str, str]
    stages: tuple[StageSection, ...] = ()
    counts: dict[str, dict[Literal["hits", "computed"], Count]]
    leakage: Annotated[float, Field(allow_inf_nan=False)]
    ledger: LedgerHead


type AnyManifest = Annotated[
    TournamentManifest | GraphManifest | MetaManifest, Field(discriminator="kind")
]


def manifest_schema() -> dict[str, Any]:
    """Return the JSON schema of manifests."""
    adapter: TypeAdapter[Any] = TypeAdapter(AnyManifest)
    schema = adapter.json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
