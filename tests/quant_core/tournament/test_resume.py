from __future__ import annotations

import fcntl
import json
import os
import random
import signal
import subprocess
import sys
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

from quant_core.errors import StoreError
from quant_core.ledger import verify
from quant_core.tournament import plan, run

if TYPE_CHECKING:
    from pathlib import Path

    from quant_core.tournament import Result
    from tests.quant_core.tournament.conftest import Market

FILES = ("leaderboard", "nav", "selected_atoms", "weights_cube", "window_metrics")

# Imports once; each line that it reads starts a run in a process of its own, which tells of every
# unit and can be killed at any moment.
RUNNER = """
import json, os, sys
from quant_core.config import parse_config
from quant_core.tournament import run

class Loud:
    def start(self, stage, total):
        print("start", flush=True)
    def advance(self, stage, *, hits=0, computed=0):
        print("unit", flush=True)
    def finish(self, stage):
        print("finish", flush=True)

config = parse_config(json.loads(sys.argv[1]))
for _ in sys.stdin:
    child = os.fork()
    if not child:
        print(os.getpid(), flush=True)
        run(config, out=sys.argv[2], progress=Loud())
        print("end", flush=True)
        os._exit(0)
    os.waitpid(child, 0)
    print("dead", flush=True)
"""


def kill_runs(market: Market, out: Path, moments: list[int]) -> None:
    """Start one run after the other, and kill each after it has told a number of lines."""
    config = json.dumps(market.config("killed").resolved())
    with subprocess.Popen(
        [sys.executable, "-c", RUNNER, config, str(out)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as runner:
        assert runner.stdin is not None
        assert runner.stdout is not None
        for moment in moments:
            runner.stdin.write("go\n")
            runner.stdin.flush()
            child = int(runner.stdout.readline())
            # A run that finds more tells less, so it may end before its moment.
            told = iter(runner.stdout.readline, "end\n")
            if sum(1 for _ in islice(told, moment)) == moment:
                with suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
            while runner.stdout.readline() != "dead\n":
                pass
        runner.stdin.close()


def stored(out: Path, name: str) -> int:
    """Return how many cells lie on the disk, finished or beside the unfinished file."""
    parts = sorted((out / ".parts" / name).glob("*.parquet"))
    whole = out / f"{name}.parquet"
    files = parts or ([whole] if whole.exists() else [])
    keys = [pq.read_table(file, columns=["window", "key", "selection"]) for file in files]
    return sum(len({tuple(row.values()) for row in table.to_pylist()}) for table in keys)


def test_a_killed_run_resumes_where_it_was_killed(market: Market, base: Result) -> None:
    chance = random.Random(8)  # noqa: S311 - moments, not secrets
    out = market.folder / "killed-out"
    kill_runs(market, out, [0, 1, *(chance.randrange(2, 22) for _ in range(4)), 23])
    # Two cells share a key where the benchmark is held whatever is selected.
    solved = stored(out, "weights_cube")
    assert solved > 0
    config = market.config("killed")
    planned = plan(config, out=out)
    result = run(config, out=out)
    assert result.counts == planned.counts
    assert result.counts["solve"][0] == solved
    for name in FILES:
        file = f"{name}.parquet"
        assert (out / file).read_bytes() == (base.out / file).read_bytes(), name
    assert verify(out / "audit.jsonl").ok
    assert not (out / ".parts").exists()


def test_a_folder_has_one_run_at_a_time(market: Market, tmp_path: Path) -> None:
    handle = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    with pytest.raises(StoreError, match="another run is writing here"):
        run(market.config(), out=tmp_path)
    os.close(handle)
    assert not list(tmp_path.iterdir())


def test_what_a_killed_run_left_unfinished_is_removed(market: Market, tmp_path: Path) -> None:
    left = tmp_path / ".parts" / "weights_cube" / ".2020-03.parquet.1.unfinished"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")
    run(market.config(), out=tmp_path)
    assert not list(tmp_path.rglob("*.unfinished"))
