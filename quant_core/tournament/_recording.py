"""What a run leaves in the ledger: what it was given, what it made, and who could be chosen."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc
from fsspec.utils import get_protocol

from quant_core.canonical import digest
from quant_core.manifest import package_versions
from quant_core.tournament._paths import PATH_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pyarrow as pa

    from quant_core.config import TournamentConfig
    from quant_core.data import DataConfig, Ingested

__all__ = ["board_candidates", "file_digests", "recorded_inputs"]

_FIGURES = ("sharpe", "cagr", "max_drawdown", "turnover", "dsr")


def recorded_inputs(
    config: TournamentConfig, data: DataConfig, ingested: Ingested
) -> dict[str, Any]:
    """Return what a run has to say in its genesis for it to be replayed.

    Parameters
    ----------
    config : TournamentConfig
        The configuration.
    data : DataConfig
        Where its data came from, which may be another source than the configuration's.
    ingested : Ingested
        What was read.
    """
    source = data.model_dump(mode="json")
    for name in ("prices", "returns"):
        if source[name] is not None:
            source[name] = _from_anywhere(source[name])
    return {
        "config": config.resolved(),
        "data": {"source": source, "origin": ingested.origin},
        "code_versions": package_versions(),
    }


def _from_anywhere(url: str) -> str:
    """Return a path that means the same file in whatever folder a replay is started."""
    return str(Path(url).absolute()) if get_protocol(url) == "file" and "://" not in url else url


def file_digests(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """Return the digests of files of a folder, by name; a file that is not there is left out."""
    paths = ((name, folder / name) for name in names)
    return {name: digest(path.read_bytes()) for name, path in paths if path.is_file()}


def board_candidates(board: pa.Table, config: TournamentConfig) -> Iterator[dict[str, Any]]:
    """Yield the cells that could be chosen, best first, and what the gates said of each.

    Parameters
    ----------
    board : pyarrow.Table
        The leaderboard.
    config : TournamentConfig
        Says how many candidates are tried, and what each has to pass.
    """
    ranked = board.filter(pc.is_valid(board["rank"])).sort_by("rank")
    columns = [*PATH_NAMES, "rank", "key", "gates", "gates_failed", *_FIGURES]
    for row in ranked.slice(0, config.champion.candidates).select(columns).to_pylist():
        yield {
            "cell": [row[name] for name in PATH_NAMES],
            "passed": row["gates"] == "passed",
            "reason": row["gates_failed"] or "",
            "rank": row["rank"],
            "key": row["key"],
            "figures": {name: row[name] for name in _FIGURES},
        }
