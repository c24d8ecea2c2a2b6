"""Measure the reference tournament: 3 selections, 5 engines, 7 profiles, 3 rebalances.

``python benchmarks/reference.py [--returns FILE] [--fidelity low|medium|high] [--workers N]``: FILE
is a wide table of simple returns; without it the last two years of the sample. With the four
simulators of ``high`` these are 1,260 cells. Every run is a process of its own: ``cold`` into an
empty folder, ``again`` the same once more, ``line`` after the weights and paths of one selection,
engine and profile were removed, as an edit of it alone would, ``edit`` after one parameter of one
profile has changed. Start-up ends when the tournament is called; the rest of it is in ``again``.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from quant_core.canonical import digest
from quant_core.clock import clock
from quant_core.config import parse_config
from quant_core.data import ingest, open_source
from quant_core.tournament import run
from quant_core.tournament._folder import SingleFileStore, read_table, write_table
from quant_core.tournament._parity import nav_gap
from quant_core.tournament._paths import StoredPaths
from resources.ray_compute import RayCompute

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ENGINES = ("native", "cvxpy", "skfolio", "riskfolio", "pyportfolioopt")
SELECTIONS = [
    {"name": "top_momentum", "count": 20},
    {"name": "low_volatility", "count": 20},
    {"name": "htr", "winners_min": 15, "winners_max": 25},
]
PROFILES = [
    "equal_weight",
    "min_variance",
    "max_sharpe",
    "risk_parity",
    "hrp",
    "max_diversification",
]
BASE, EDITED = ({"name": "mean_variance", "risk_aversion": aversion} for aversion in (4, 5))
REBALANCES = ["window", "daily", "daily_5pct"]
LINE = ("htr", "native", "mean_variance")
CASH = "USDOLLAR"  # a column of the reference matrix that is no stock
OUTPUTS = ("leaderboard", "nav", "selected_atoms", "weights_cube", "window_metrics")


def configured(given: argparse.Namespace) -> dict[str, Any]:
    """Return the configuration; reads the data for their symbols and dates."""
    data = {"returns": given.returns} if given.returns else {"sample": True}
    config: dict[str, Any] = {
        "data": data,
        "fidelity": given.fidelity,
        "selections": SELECTIONS,
        "engines": given.engines,
        "profiles": [*PROFILES, BASE],
        "rebalances": REBALANCES,
    }
    if given.finalists:
        config["finalists"] = given.finalists
    parsed = parse_config(config)
    assert parsed.data is not None
    matrix = ingest(open_source(parsed.data), parsed.data).matrix
    if CASH in matrix.symbols:
        data["exclude"] = [CASH]
    if given.last_windows:
        windows = [w for w in parsed.grid.windows(matrix.dates) if w.test.stop > w.test.start]
        first = windows[-min(given.last_windows, len(windows))]
        data["start"] = str(matrix.dates[first.train.start].astype("datetime64[D]"))
    return config


def run_here(config: dict[str, Any], out: str, workers: int, started: float) -> None:
    """Run a tournament in this process and print what it did as JSON."""
    compute = RayCompute(num_cpus=workers) if workers > 1 else None
    before = clock().seconds() - started
    result = run(parse_config(config), out=out, compute=compute)
    if compute is not None:
        compute.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    told = {"counts": result.counts, "stages": result.seconds, "before": before, "peak": peak}
    print(json.dumps(told))


def measure(name: str, config: dict[str, Any], out: Path, workers: int) -> None:
    """Run a process and print its figures."""
    start = clock().seconds()
    command = [sys.executable, __file__, "--run", json.dumps(config), str(out), str(workers)]
    environment = {key: os.environ[key] for key in os.environ if key != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(  # noqa: S603 - this very script
        [*command, str(start)], check=False, stdout=subprocess.PIPE, text=True, env=environment
    )
    seconds = clock().seconds() - start
    if done.returncode:
        sys.exit(f"{name}: the process ended with {done.returncode} after {seconds:.0f} s")
    told = json.loads(done.stdout.splitlines()[-1])
    hits, computed = (sum(count[place] for count in told["counts"].values()) for place in (0, 1))
    counts = "  ".join(f"{kind} {new:,}" for kind, (_, new) in told["counts"].items())
    stages = "  ".join(f"{stage} {spent:.2f}" for stage, spent in told["stages"].items())
    print(f"{name:<7}{seconds:>8.1f}{told['before']:>10.1f}{told['peak']:>7.0f}", end="")
    print(f"{hits:>8,}{computed:>10,}{hits / (hits + computed):>8.2%}   {counts}\n{'':>52}{stages}")


def forget(out: Path, line: tuple[str, ...]) -> None:
    """Remove the weights and paths of a selection, engine and profile from the folder of a run."""
    store = SingleFileStore(out / "weights_cube.parquet")
    for partition in store.partitions():
        table = store.read(partition)
        assert table is not None
        store.write(partition, table.filter(_others(table, line)))
    nav = read_table(out / "nav.parquet")
    assert nav is not None
    write_table(out / "nav.parquet", nav.filter(_others(nav, line)))


def _others(table: Any, line: tuple[str, ...]) -> Any:
    own = [
        pc.equal(table[axis], name)
        for axis, name in zip(("selection", "engine", "profile"), line, strict=True)
    ]
    return pc.invert(pc.and_(pc.and_(own[0], own[1]), own[2]))


def told(out: Path) -> None:
    """Print what became of the cells of a run."""
    board = pq.read_table(out / "leaderboard.parquet", columns=["status", "reason"]).to_pylist()
    print(f"\n{len(board):,} cells")
    _counted((row["status"], row["reason"]) for row in board)
    _solves(out)
    _paths(out)


def _counted(found: Iterable[tuple[str, ...]]) -> None:
    for what, count in Counter(found).most_common():
        print(f"{count:>8,}  {': '.join(part for part in what if part)}")


def _solves(out: Path) -> None:
    names = ["selection", "engine", "profile", "window"]
    facts = ["status", "message", "kkt_residual"]
    table = pq.read_table(out / "weights_cube.parquet", columns=[*names, *facts])
    solves = {tuple(row[name] for name in names): row for row in table.to_pylist()}
    cells = pq.read_table(out / "cells.parquet", columns=["kind", "engine", "profile", "seconds"])
    seconds: Mapping[tuple[str, str], list[float]] = defaultdict(list)
    for cell in cells.to_pylist():
        if cell["kind"] == "solve" and cell["seconds"] is not None:
            seconds[cell["engine"], cell["profile"]].append(cell["seconds"])
    print(
        f"\n{len(solves):,} solves\n{'engine':<16}{'profile':<22}{'s':>8}{'residual':>10}  status"
    )
    for engine, profile in dict.fromkeys(
        (row["engine"], row["profile"]) for row in solves.values()
    ):
        own = [r for r in solves.values() if (r["engine"], r["profile"]) == (engine, profile)]
        statuses = ", ".join(f"{s} {c}" for s, c in Counter(r["status"] for r in own).items())
        known = [r["kkt_residual"] for r in own if (r["kkt_residual"] or -1.0) >= 0.0]
        residual = f"{max(known):.1e}" if known else ""
        spent = sum(seconds[engine, profile])
        print(f"{engine:<16}{profile:<22}{spent:>8.2f}{residual:>10}  {statuses}")
    print("\nsolves that say something")
    rows = [row for row in solves.values() if row["message"]]
    _counted((r["engine"], r["profile"], r["status"], r["message"]) for r in rows)


def _paths(out: Path) -> None:
    paths = StoredPaths.read(read_table(out / "nav.parquet"))
    by_names = {path.names: path.nav for path in paths.paths}
    facts = pq.read_table(out / "cells.parquet", columns=["kind", "simulator", "seconds"])
    spent = defaultdict(list)
    for fact in facts.to_pylist():
        if fact["kind"] == "simulation" and fact["seconds"] is not None:
            spent[fact["simulator"]].append(fact["seconds"])
    print(
        f"\n{len(by_names):,} paths\n{'simulator':<16}{'paths':>6}{'s':>9}{'worst s':>9}  NAV gap"
    )
    for simulator in dict.fromkeys(names[-1] for names in by_names):
        own = [names for names in by_names if names[-1] == simulator]
        gaps = {
            names: nav_gap(by_names[names], by_names[*names[:-1], "custom"])
            for names in own
            if (*names[:-1], "custom") in by_names
        }
        worst = max(gaps, key=lambda names: gaps[names])
        took = spent[simulator] or [0.0]
        print(f"{simulator:<16}{len(own):>6}{sum(took):>9.2f}{max(took):>9.2f}", end="")
        print(f"  {gaps[worst]:.1e} {'/'.join(worst[:-1]) if gaps[worst] else ''}")
    if paths.failed:
        print("\npaths that failed")
        _counted((why,) for why in paths.failed.values())


def digests(out: Path) -> dict[str, str]:
    """Return the digest of every output that the inputs determine."""
    return {name: digest((out / f"{name}.parquet").read_bytes()) for name in OUTPUTS}


def arguments() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--returns", help="wide table of simple returns, CSV or Parquet")
    parser.add_argument("--fidelity", choices=("low", "medium", "high"), default="low")
    parser.add_argument("--engines", nargs="+", default=list(ENGINES))
    parser.add_argument("--workers", type=int, default=1, help="above 1, workers of Ray")
    parser.add_argument("--finalists", type=int, help="cells that all simulators see")
    parser.add_argument("--last-windows", type=int, metavar="N", help="the last N months alone")
    parser.add_argument("--out", type=Path, help="an empty folder that is kept")
    parser.add_argument("--run", nargs=4, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if not given.returns and given.last_windows is None:
        given.last_windows = 24
    return given


def main() -> None:
    """Run the benchmark."""
    given = arguments()
    if given.run:
        config, out, workers, started = given.run
        run_here(json.loads(config), out, int(workers), float(started))
        return
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr] - a text stream
    with TemporaryDirectory() as folder:
        out = given.out or Path(folder) / "out"
        config = configured(given)
        print(f"{config['data']}, fidelity {given.fidelity}, {given.workers} workers; ", end="")
        print(f"{os.cpu_count()} processors, {os.getloadavg()[0]:.1f} busy\n")
        print(f"{'':<7}{'s':>8}{'start-up':>10}{'MB':>7}{'hits':>8}{'computed':>10}")
        measure("cold", config, out, given.workers)
        told(out)
        first = digests(out)
        print()
        measure("again", config, out, given.workers)
        forget(out, LINE)
        measure("line", config, out, given.workers)
        print(f"{'':>52}the same bytes as cold: {digests(out) == first}")
        edited = {**config, "profiles": [*PROFILES, EDITED]}
        measure("edit", edited, out, given.workers)


if __name__ == "__main__":
    main()
