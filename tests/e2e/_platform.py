"""A running platform, and how a test talks to it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
BIN = ROOT / ".venv" / "bin"


SLEEVE = """\
sleeve: small
data: {sample: true, start: 2006-01-01, end: 2007-12-31}
windows: {train: 60, step: month}
selections: [all, {name: top_momentum, count: 8}]
profiles: [equal_weight, market, min_variance, hrp]
rebalances: [window, daily_5pct]
strategies:
  - name: small-ridge
    features: [{kind: momentum, window: 20}, {kind: zscore, window: 20}]
    model: {kind: linear}
    training: {observations: 120, validation: 40, retrain_months: 6}
    directions: [long, short]
    symbols: [AAPL, JPM]
# Two years tell little: the gates that judge them stand wide open.
champion:
  gates: {friction_decay: 99, fragility: 999, jaccard: 0, turnover: 9, cvar: 9, drawdown: 9, dsr: 0}
  models: {rank_ic: -1, margin: 2}
seed: 7
"""


def launch_tags(first: str, last: str) -> str:
    """Return the tags of a run over a range of partitions, as the command line takes them."""
    start, end = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
    return json.dumps({start: first, end: last})


def wait_for[T](ask: Callable[[], T | None], *, seconds: float, what: str, every: float = 0.5) -> T:
    """Poll until something answers; the time is a guard against hanging, not a measurement."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = ask()
        if answer:
            return answer
        time.sleep(every)
    raise AssertionError(f"gave up after {seconds} s waiting for {what}")


@dataclass(frozen=True)
class Platform:
    url: str
    home: Path
    env: dict[str, str]
    log: Path

    def query(self, query: str, **variables: Any) -> dict[str, Any]:
        request = urllib.request.Request(  # noqa: S310 - our own server on loopback
            f"{self.url}/graphql",
            data=json.dumps({"query": query, "variables": variables}).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310 - as above
            answer = json.load(response)
        assert "errors" not in answer, answer
        return answer["data"]

    def answers(self) -> bool:
        try:
            return bool(self.query("{version}"))
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    def runs(self) -> list[dict[str, Any]]:
        found = self.query("{runsOrError{... on Runs{results{runId jobName status}}}}")
        return found["runsOrError"]["results"]


def unfinished(platform: Platform) -> list[str]:
    """Return the runs that have not ended."""
    ended = {"SUCCESS", "FAILURE", "CANCELED"}
    return [one["runId"] for one in platform.runs() if one["status"] not in ended]


@contextmanager
def running_platform(home: Path, *, postgres: str = "") -> Iterator[Platform]:
    """Run webserver, daemon and code location over a data folder, on a free port."""
    (home / "dagster").mkdir(parents=True)
    (home / "sleeves").mkdir()
    (home / "sleeves" / "small.yaml").write_text(SLEEVE)
    instance = "dagster-postgres.yaml" if postgres else "dagster.yaml"
    shutil.copy(ROOT / instance, home / "dagster" / "dagster.yaml")
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    env |= {
        "TV_HOME": str(home),
        "TV_SLEEVES": str(home / "sleeves"),
        "DAGSTER_HOME": str(home / "dagster"),
        "PYTHONWARNINGS": "ignore",
    }
    if postgres:
        env["TV_POSTGRES"] = postgres
    port, log = _free_port(), home / "dev.log"
    command = [BIN / "dagster", "dev", "--workspace", ROOT / "workspace.yaml", "--port", str(port)]
    with log.open("wb") as sink:
        process = subprocess.Popen(
            command,
            cwd=home,
            env=env,
            stdout=sink,
            stderr=sink,
            start_new_session=True,
            # A job in the background of a shell ignores the interrupt that ends the platform.
            preexec_fn=partial(signal.signal, signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509 - no threads here
        )
    found = Platform(f"http://127.0.0.1:{port}", home, env, log)
    try:
        wait_for(found.answers, seconds=600, what=f"the webserver, see {log}")
        yield found
    finally:
        os.killpg(process.pid, signal.SIGINT)
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        # On a busy machine a code server may outlive who started it.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
