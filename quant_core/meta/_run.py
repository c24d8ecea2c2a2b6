"""A meta-portfolio from the folders of its sleeves into one folder."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from quant_core.canonical import digest_json, digest_parts
from quant_core.clock import clock
from quant_core.errors import ContractError
from quant_core.ledger import Ledger, tried_configurations
from quant_core.meta._checks import bound_violations, leaks
from quant_core.meta._portfolio import compute_metas
from quant_core.meta._recorder import MetaRecorder
from quant_core.meta._tables import MetaTables
from quant_core.tournament._folder import alone_in, read_table, write_table
from quant_core.tournament._manifest import write_manifest
from quant_core.tournament._recording import file_digests

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from quant_core.meta._config import MetaConfig
    from quant_core.meta._portfolio import MetaPortfolio
    from quant_core.meta._sleeve import SleeveResults

__all__ = ["META_FILES", "MetaResult", "run_meta"]

META_FILES = {
    "weights": "meta_weights.parquet",
    "streams": "meta_streams.parquet",
    "nav": "meta_nav.parquet",
    "leaderboard": "meta_leaderboard.parquet",
    "members": "meta_members.parquet",
    "holdings": "meta_holdings.parquet",
}
"""The files of a run, each with the tables of all its portfolios, those inside first."""


@dataclass(frozen=True, slots=True)
class MetaResult:
    """What a run made.

    Parameters
    ----------
    run_id : str
        Identity of the run.
    out : pathlib.Path
        The folder.
    metas : mapping of str to MetaPortfolio
        The portfolios by name, the outermost last.
    tables : MetaTables
        Those of the outermost.
    hits, computed : int
        Solves found and solves computed.
    leakage : float
        The most that leaks between members and symbols on any day.
    """

    run_id: str
    out: Path
    metas: Mapping[str, MetaPortfolio] = field(repr=False)
    tables: MetaTables = field(repr=False)
    hits: int
    computed: int
    leakage: float


def run_meta(
    metas: Mapping[str, MetaConfig],
    sleeves: Mapping[str, SleeveResults],
    *,
    out: str | Path,
    run_id: str | None = None,
) -> MetaResult:
    """Compute a meta-portfolio and write it into a folder.

    Solves that the folder already holds are found by their content and taken from it.

    Parameters
    ----------
    metas : mapping of str to MetaConfig
        The portfolio, last, and those inside it, as `load_nested` returns them.
    sleeves : mapping of str to SleeveResults
        Results of the sleeves by name.
    out : str or pathlib.Path
        The folder; it is created.
    run_id : str, optional
        Identity of the run; by default made from the clock and the inputs.

    Returns
    -------
    MetaResult

    Raises
    ------
    ConfigError
        If a configuration contradicts the sleeves.
    DataError
        If the sleeves have too few common days.
    ContractError
        If the flattened portfolio leaks, or weights leave their bounds.
    """
    root, started = list(metas)[-1], clock().now()
    inputs = {name: one.version for name, one in sorted(sleeves.items())}
    plain = {name: config.resolved() for name, config in metas.items()}
    made_of = digest_parts([digest_json(plain), *inputs.values(), str(started)])
    own_id = run_id or f"{started:%Y%m%dT%H%M%S}-{made_of[:8]}"
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    with alone_in(folder), Ledger(folder / "audit.jsonl") as ledger:
        ledger.genesis(
            run_id=own_id,
            config_hash=digest_json(plain),
            data_version=digest_parts(inputs.values()),
            code_versions={"quant-assets": version("quant-assets")},
            seed=metas[root].seed,
        )
        recorder = MetaRecorder(ledger, own_id, root, metas)
        result = _run(metas, sleeves, folder, ledger, recorder, inputs)
        head = ledger.head()
    facts: dict[str, Any] = {
        "kind": "meta",
        "run_id": own_id,
        "started": started.isoformat(),
        "finished": clock().now().isoformat(),
        "seeds": {name: config.seed for name, config in metas.items()},
        "meta": root,
        "config": plain,
        "sleeves": inputs,
        "stages": recorder.steps,
        "counts": {"meta_solve": {"hits": result.hits, "computed": result.computed}},
        "leakage": result.leakage,
        "ledger": {"seq": head.seq, "hash": head.hash},
    }
    files = tuple(META_FILES.values())
    write_manifest(folder, facts, outputs=files, known=recorder.outputs)
    return result


def _run(
    metas: Mapping[str, MetaConfig],
    sleeves: Mapping[str, SleeveResults],
    folder: Path,
    ledger: Ledger,
    recorder: MetaRecorder,
    inputs: Mapping[str, str],
) -> MetaResult:
    root = list(metas)[-1]
    with recorder.stage("solve", inputs=inputs) as action:
        stored = dict(_stored(folder / META_FILES["weights"]))
        found = compute_metas(root, metas, sleeves, stored)
        solves = [solve for meta in found.values() for solve in meta.every_solve]
        computed = sum(meta.computed for meta in found.values())
        action.outcome = {"hits": len(solves) - computed, "computed": computed}
        action.outputs = weights = {"solves": recorder.solved(found)}
    tried = sorted({one for meta in found.values() for one in meta.configurations()})
    with recorder.stage("simulate", inputs={**inputs, **weights}, configurations=tried) as action:
        action.outcome = {"paths": sum(len(meta.paths) for meta in found.values())}
        action.outputs = {"paths": recorder.simulated(found)}
    with recorder.stage("flatten", inputs={**inputs, **weights}) as action:
        count = len(tried_configurations(ledger.path))
        tables = {name: MetaTables.of(meta, tried=count) for name, meta in found.items()}
        lost = max(_sound(found[name], one) for name, one in tables.items())
        recorder.flattened(tables)
        action.outcome = {"leakage": lost, "holdings": tables[root].holdings.num_rows}
        _write(folder, list(tables.values()))
        action.outputs = file_digests(folder, META_FILES.values())
    hits = len(solves) - computed
    return MetaResult(recorder.run_id, folder, found, tables[root], hits, computed, lost)


def _stored(file: Path) -> Iterator[tuple[str, pa.Table]]:
    table = read_table(file)
    if table is None:
        return
    names = table["meta"].to_pylist()
    for name in dict.fromkeys(names):
        yield str(name), table.filter(pa.array([one == name for one in names]))


def _sound(meta: MetaPortfolio, tables: MetaTables) -> float:
    lost, leaking = leaks(tables.holdings, tables.weights)
    wrong = [*leaking, *bound_violations(meta.config, tables.weights)]
    if wrong:
        raise ContractError(f"meta-portfolio {meta.config.name}: {'; '.join(wrong[:3])}")
    return lost


def _write(folder: Path, tables: Sequence[MetaTables]) -> None:
    for field_name, file in META_FILES.items():
        every = [getattr(one, field_name) for one in tables]
        joined = pa.concat_tables(every).unify_dictionaries().combine_chunks()
        write_table(folder / file, joined)
