"""What ``quant tournament`` and ``quant demo`` do and print."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import yaml
from rich.markup import escape
from rich.table import Table

from quant_core.cli._backends import open_backend
from quant_core.cli._console import logged, print_json, results, status
from quant_core.cli._demo import replay_closes
from quant_core.cli._progress import Bars
from quant_core.config import load_config, parse_config
from quant_core.errors import ConfigError
from quant_core.report import (
    failed_gates,
    name_of,
    ranked,
    varying_axes,
    write_report,
    written,
)
from quant_core.tournament import plan, run

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from quant_core.compute import Compute
    from quant_core.config import TournamentConfig
    from quant_core.report import Kind
    from quant_core.tournament import Plan, Result

__all__ = ["demo_config", "plan_tournament", "read_config", "run_tournament"]

_PARITY = {"agrees": "agree", "differs": "differ", "not compared": "are not compared"}
_NEED_ANOTHER = frozenset({"parity", "cagr_gap"})
_SHOWN = 10
_WIDE = 110
_FIGURES: tuple[tuple[str, str, Kind], ...] = (
    ("sharpe", "Sharpe", "ratio"),
    ("dsr", "DSR", "probability"),
    ("cagr", "CAGR", "percent"),
    ("volatility", "volatility", "percent"),
    ("max_drawdown", "max drawdown", "percent"),
    ("turnover", "turnover", "percent"),
)
_NARROW = frozenset({"sharpe", "dsr", "cagr", "max_drawdown"})


def read_config(url: str, prices: str | None, returns: str | None) -> TournamentConfig:
    """Read a configuration, and let ``--prices`` or ``--returns`` take the place of its data."""
    if prices is not None and returns is not None:
        raise ConfigError("--prices and --returns: expected one of them, found both")
    config = load_config(url)
    if prices is not None:
        return config.with_data(prices=prices)
    if returns is not None:
        return config.with_data(returns=returns)
    return config


def demo_config() -> TournamentConfig:
    """Return the configuration that ``quant demo`` runs."""
    text = files("quant_core.cli").joinpath("demo.yaml").read_text("utf-8")
    return parse_config(yaml.safe_load(text), origin="demo.yaml")


def plan_tournament(config: TournamentConfig, out: Path, *, as_json: bool) -> None:
    """Print what a run would find and compute."""
    found = plan(config, out=out)
    if as_json:
        print_json(found.to_dict())
        return
    console = results()
    console.print(_plan_table(found))
    console.print(f"{len(found.windows):,} windows, {found.windows[0]} to {found.windows[-1]}")
    console.print(f"{found.stale:,} cells to run")
    for reason, count in Counter(found.absent.values()).items():
        console.print(f"{count:,} cells have no numbers: {escape(reason)}", soft_wrap=True)


def run_tournament(
    config: TournamentConfig,
    out: Path,
    *,
    backend: str | None,
    workers: int | None,
    as_json: bool,
    demo: bool = False,
) -> None:
    """Run a tournament, write its report, and print the leaderboard."""
    console = status()
    console.quiet = as_json
    compute = open_backend(backend, workers)
    with closing(compute):
        if demo:
            console.print(_invitation(config))
        console.print(_where(compute))
        with logged(console), Bars(console) as bars:
            result = run(config, out=out, compute=compute, progress=bars)
    page = write_report(out)
    if as_json:
        print_json(_facts(result, compute, page))
        return
    _print_board(result)
    text = results()
    text.print(f"\nresults  {escape(str(out))}", soft_wrap=True)
    text.print(f"report   {page.resolve().as_uri()}", soft_wrap=True)
    if demo:
        text.print("assets   make dev, then http://localhost:3000")
        replay_closes(config, out)


def _invitation(config: TournamentConfig) -> str:
    axes = (config.selections, config.engines, config.profiles, config.rebalances)
    count = len(config.simulators)
    for axis in axes:
        count *= len(axis)
    return f"{count} cells on 20 S&P 500 stocks, 1990 to 2022"


def _where(compute: Compute) -> str:
    workers = compute.workers
    return f"backend {compute.name}, {workers} {'worker' if workers == 1 else 'workers'}"


def _plan_table(found: Plan) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("kind")
    table.add_column("cached", justify="right")
    table.add_column("to run", justify="right")
    table.add_column("why")
    for kind, (cached, stale) in found.counts.items():
        reasons = sorted(found.reasons[kind].items(), key=lambda item: (-item[1], item[0]))
        why = "\n".join(f"{escape(reason)} ({count:,})" for reason, count in reasons)
        table.add_row(kind, f"{cached:,}", f"{stale:,}", why)
    return table


def _print_board(result: Result) -> None:
    rows = ranked(result.leaderboard)
    varying = varying_axes(rows)
    console = results()
    console.print(_board_table(rows[:_SHOWN], varying, width=console.width))
    best = rows[0]
    if best["status"] == "ok":
        more = len(rows) - min(_SHOWN, len(rows))
        tried = f"{int(best['configurations']):,} configurations tried in this run"
        more_tried = best["trials"] > best["configurations"]
        tried += f", {int(best['trials']):,} in all" if more_tried else ""
        console.print(f"{f'{more:,} more cells; ' if more else ''}{tried}")
        for line in _judgement([row for row in rows if row["status"] == "ok"]):
            console.print(line, soft_wrap=True)
    silent = Counter(f"{row['status']}: {row['reason']}" for row in rows if row["status"] != "ok")
    for said, count in silent.items():
        console.print(f"{count:,} cells without numbers, {escape(said)}", soft_wrap=True)


def _judgement(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Return whether simulators agree, and what the gates say."""
    found = Counter(row["parity"] for row in rows)
    if found["not compared"] == len(rows):
        others = sum(_NEED_ANOTHER.issuperset(failed_gates(row)) for row in rows)
        return [
            "simulators: one took part, so nothing is compared; --fidelity medium adds another",
            f"gates: {others:,} of {len(rows):,} cells pass those that need no other simulator",
        ]
    passed = sum(row["gates"] == "passed" for row in rows)
    counts = ", ".join(f"{found[one]:,} {said}" for one, said in _PARITY.items())
    lines = [
        f"simulators: of {len(rows):,} cells {counts}",
        f"gates: {passed:,} of {len(rows):,} cells pass every gate",
    ]
    if rows[0]["gates"] != "passed":
        lines.append(f"the best fails {escape(rows[0]['gates_failed'])}")
    return lines


def _board_table(rows: Sequence[dict[str, Any]], varying: Sequence[str], *, width: int) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("#", justify="right")
    table.add_column("cell")
    shown = _FIGURES if width >= _WIDE else tuple(f for f in _FIGURES if f[0] in _NARROW)
    for _, label, _ in shown:
        table.add_column(label, justify="right")
    for row in rows:
        figures = [written(row[name], kind) for name, _, kind in shown]
        table.add_row(str(row["rank"]), escape(name_of(row, varying)), *figures)
    return table


def _facts(result: Result, compute: Compute, page: Path) -> dict[str, Any]:
    rows = ranked(result.leaderboard)
    silent = [row for row in rows if row["status"] != "ok"]
    names = ("selection", "engine", "profile", "rebalance", "simulator", "status", "reason")
    return {
        "run_id": result.run_id,
        "out": str(result.out),
        "report": str(page),
        "backend": compute.name,
        "workers": compute.workers,
        "cells": {
            kind: {"hits": hits, "computed": computed}
            for kind, (hits, computed) in result.counts.items()
        },
        "seconds": dict(result.seconds),
        "configurations": len(rows),
        "best": rows[0] if rows[0]["status"] == "ok" else None,
        "without_numbers": [{name: row[name] for name in names} for row in silent],
    }
