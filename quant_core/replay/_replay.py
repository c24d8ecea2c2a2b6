"""Computing a recorded run again, from what its genesis says that it was given."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from quant_core.data import ingest, open_source
from quant_core.errors import DataError, LedgerError
from quant_core.replay._compare import compare
from quant_core.replay._recorded import recorded_runs
from quant_core.tournament import run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quant_core.compute import Compute
    from quant_core.config import TournamentConfig
    from quant_core.data import DataConfig
    from quant_core.replay._compare import Comparison
    from quant_core.replay._recorded import RecordedRun
    from quant_core.tournament import Progress

__all__ = ["Replay", "replay"]

_TRAIL = "audit.jsonl"


@dataclass(frozen=True, slots=True)
class Replay:
    """What came out when a run was computed again.

    Parameters
    ----------
    run : RecordedRun
        The run as it was recorded.
    comparisons : tuple of Comparison
        Every fact of it, in the order of its records.
    releases : mapping of str to (str, str)
        What computes, where the two runs had different releases: recorded and replayed.
    """

    run: RecordedRun
    comparisons: tuple[Comparison, ...] = field(repr=False)
    releases: Mapping[str, tuple[str, str]]

    @property
    def differences(self) -> tuple[Comparison, ...]:
        """What did not come out again."""
        return tuple(one for one in self.comparisons if not one.same)


def replay(
    path: str | Path,
    *,
    run_id: str | None = None,
    data: DataConfig | None = None,
    compute: Compute | None = None,
    progress: Progress | None = None,
) -> Replay:
    """Compute a run of a ledger again, in a folder that is removed, and compare its records.

    The configuration is that of the genesis record, the data are read from where they were read
    and have to be what they were. Records of earlier runs in the file are put before it, because
    the trials behind a deflated Sharpe ratio are those of all of them.

    Parameters
    ----------
    path : str or pathlib.Path
        The ledger.
    run_id : str, optional
        The run; the last one by default.
    data : DataConfig, optional
        Where the same data lie now, in place of where they were read.
    compute, progress
        As in `quant_core.tournament.run`; results do not depend on them.

    Returns
    -------
    Replay

    Raises
    ------
    LedgerError
        If there is no such run, or it does not say what it was given.
    DataError
        If the data are not what they were.
    """
    recorded = _chosen(Path(path), run_id)
    config = recorded.config()
    source = data or recorded.source()
    _check_data(recorded, config, source)
    with tempfile.TemporaryDirectory(prefix="quant-replay-") as name:
        folder = Path(name)
        (folder / _TRAIL).write_bytes(_before(Path(path), recorded))
        run(
            config,
            out=folder,
            data=source,
            run_id=recorded.run_id,
            compute=compute,
            progress=progress,
        )
        again = _chosen(folder / _TRAIL, recorded.run_id)
    return Replay(recorded, compare(recorded, again), _releases(recorded, again))


def _chosen(path: Path, run_id: str | None) -> RecordedRun:
    runs = recorded_runs(path)
    found = [one for one in runs if run_id in (None, one.run_id)]
    if not found:
        known = ", ".join(one.run_id for one in runs) or "none"
        raise LedgerError(f"ledger {path}: expected a run {run_id or ''}, found {known}")
    return found[-1]


def _check_data(recorded: RecordedRun, config: TournamentConfig, source: DataConfig) -> None:
    found = ingest(open_source(source), source, prices=bool(config.strategies))
    stated = recorded.genesis.body["data_version"]
    if found.version != stated:
        raise DataError(
            f"{found.origin}: run {recorded.run_id} read data of version {stated}, found "
            f"{found.version}: the file has changed since; give the one that it read by --prices "
            "or --returns"
        )


def _before(path: Path, recorded: RecordedRun) -> bytes:
    """Return the lines of a ledger before the genesis of a run, fragments and seals included."""
    lines = path.read_bytes().splitlines(keepends=True)
    own = b'"seq":%d,' % recorded.genesis.seq
    for number, line in enumerate(lines):
        if own in line and json.loads(line)["hash"] == recorded.genesis.hash:
            return b"".join(lines[:number])
    raise LedgerError(f"ledger {path}: record {recorded.genesis.seq} was there a moment ago")


def _releases(recorded: RecordedRun, again: RecordedRun) -> dict[str, tuple[str, str]]:
    then, now = (run.genesis.body["code_versions"] for run in (recorded, again))
    names = sorted({*then, *now})
    pairs = {name: (str(then.get(name)), str(now.get(name))) for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
