"""Computing a recorded run again."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table

from quant_core.cli._backends import open_backend
from quant_core.cli._console import print_json, results, status
from quant_core.cli._ledger import trail_of
from quant_core.cli._progress import Bars
from quant_core.errors import ConfigError
from quant_core.replay import recorded_runs, replay

if TYPE_CHECKING:
    from pathlib import Path

    from quant_core.data import DataConfig
    from quant_core.replay import Comparison, Replay

__all__ = ["replay_run"]


def replay_run(
    folder: Path,
    *,
    run_id: str | None,
    prices: str | None,
    returns: str | None,
    backend: str | None,
    workers: int | None,
    as_json: bool,
) -> bool:
    """Compute a run of a ledger again and print what did not come out as it was recorded.

    Parameters
    ----------
    folder : pathlib.Path
        The folder of the run, or a ledger.
    run_id : str or None
        The run; the last one by default.
    prices, returns : str or None
        Where the same data lie now.
    backend, workers
        Where units run.
    as_json : bool
        Whether to print JSON.

    Returns
    -------
    bool
        Whether everything came out again.
    """
    file = trail_of(folder)
    data = _moved(file, run_id, prices, returns)
    console = status()
    console.quiet = as_json
    with closing(open_backend(backend, workers)) as compute, Bars(console) as bars:
        found = replay(file, run_id=run_id, data=data, compute=compute, progress=bars)
    if as_json:
        print_json(_facts(found))
    else:
        _show(found)
    return not found.differences


def _moved(
    file: Path, run_id: str | None, prices: str | None, returns: str | None
) -> DataConfig | None:
    """Return the recorded source at another place."""
    if prices is None and returns is None:
        return None
    if prices is not None and returns is not None:
        raise ConfigError("--prices and --returns: expected one of them, found both")
    runs = [one for one in recorded_runs(file) if run_id in (None, one.run_id)]
    if not runs:
        return None  # the replay says so
    told = dict(runs[-1].genesis.body.get("data", {}).get("source", {}))
    from quant_core.data import DataConfig  # noqa: PLC0415 - only when asked for

    told |= {"sample": False, "prices": prices, "returns": returns}
    return DataConfig.model_validate(told)


def _facts(found: Replay) -> dict[str, Any]:
    return {
        "run_id": found.run.run_id,
        "same": not found.differences,
        "facts": len(found.comparisons),
        "differences": [_plain(one) for one in found.differences],
        "releases": {name: list(pair) for name, pair in found.releases.items()},
        "failed_then": found.run.failure,
    }


def _plain(one: Comparison) -> dict[str, Any]:
    return {
        "seq": one.seq,
        "record": one.record,
        "fact": one.fact,
        "recorded": one.recorded,
        "replayed": one.replayed,
    }


def _show(found: Replay) -> None:
    console = results()
    total = len(found.comparisons)
    if found.run.failure:
        console.print(f"the run itself failed: {escape(found.run.failure)}", soft_wrap=True)
    for name, (then, now) in found.releases.items():
        console.print(escape(f"{name}: recorded with {then}, replayed with {now}"))
    if not found.differences:
        console.print(
            escape(f"run {found.run.run_id}: {total:,} recorded facts, all came out again"),
            soft_wrap=True,
        )
        return
    table = Table("seq", "record", "fact", "recorded", "replayed", box=None)
    for one in found.differences:
        told = (one.seq, one.record, one.fact, one.recorded, one.replayed)
        table.add_row(*(escape(str(value)) for value in told))
    console.print(table)
    console.print(
        escape(f"run {found.run.run_id}: {len(found.differences):,} of {total:,} facts differ"),
        soft_wrap=True,
    )
