"""Output folders that follow the schema of a tournament run, made without running one."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from quant_core.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

AXES = ("sleeve", "selection", "engine", "profile", "rebalance", "simulator")
PROFILES = ("equal_weight", "market", "min_variance", "max_sharpe", "risk_parity", "hrp")
TRAIN = 63
PERIODS = 252


@dataclass(frozen=True)
class Shape:
    """How large a synthetic tournament is, and what is missing from it."""

    days: int = 520
    symbols: int = 8
    selections: tuple[str, ...] = ("all", "top_momentum")
    engines: tuple[str, ...] = ("native",)
    profiles: tuple[str, ...] = PROFILES
    rebalances: tuple[str, ...] = ("window", "daily")
    simulators: tuple[str, ...] = ("custom",)
    benchmark: bool = True
    pbo: bool = True
    every_cell_failed: bool = False


def _names(values: list[str | None]) -> pa.Array:
    return pa.array(values, pa.string()).dictionary_encode()


def _dates(days: int) -> np.ndarray:
    return np.busday_offset("2015-01-01", np.arange(days), roll="forward").astype("datetime64[D]")


def _windows(dates: np.ndarray) -> list[tuple[str, int, int]]:
    months = dates.astype("datetime64[M]")
    starts = np.flatnonzero(np.r_[True, months[1:] != months[:-1]])
    bounds = [*starts.tolist(), len(dates)]
    return [(f"{months[a]}-01", a, b) for a, b in itertools.pairwise(bounds) if a >= TRAIN]


def _cells(shape: Shape) -> list[tuple[str, ...]]:
    axes = (shape.selections, shape.engines, shape.profiles, shape.rebalances, shape.simulators)
    return [("us_equity", *cell) for cell in itertools.product(*axes)]


def _broken(shape: Shape, cell: tuple[str, ...]) -> bool:
    return shape.every_cell_failed or (cell[3].startswith("market") and not shape.benchmark)


def _metrics(returns: np.ndarray) -> dict[str, float]:
    nav = np.cumprod(1 + returns)
    period = float(returns.mean() / returns.std(ddof=1))
    years = len(returns) / PERIODS
    drawdown = float((nav / np.maximum.accumulate(np.r_[1, nav])[1:] - 1).min())
    cagr = float(nav[-1] ** (1 / years) - 1)
    return {
        "sharpe": period * PERIODS**0.5, "sharpe_period": period, "sortino": period * 22,
        "calmar": cagr / -drawdown, "cagr": cagr, "volatility": float(returns.std() * 16),
        "max_drawdown": drawdown, "total_return": float(nav[-1] - 1),
        "var_95": float(np.quantile(returns, 0.05)), "cvar_95": float(np.sort(returns)[:20].mean()),
        "hit_rate": float((returns > 0).mean()), "skewness": -0.3, "kurtosis": 5.1,
        "turnover": 0.21, "turnover_annual": 2.5, "cost_annual": 0.0031, "hhi": 0.14,
        "fragility": 1.2, "psr": 0.93, "friction_decay": 0.04, "jaccard": 0.7,
        "dsr": float(1 / (1 + np.exp(-40 * (period - 0.05)))), "sharpe_low": period * 16 - 0.6,
        "sharpe_high": period * 16 + 0.6, "pbo": 0.31,
    }  # fmt: skip


def _leaderboard(
    shape: Shape, cells: list[tuple[str, ...]], paths: np.ndarray, windows: int
) -> pa.Table:
    rows = []
    for cell, returns in zip(cells, paths, strict=True):
        row: dict[str, object] = dict(zip(AXES, cell, strict=True))
        if _broken(shape, cell):
            reason = "the market profile needs a benchmark: set benchmark in the configuration"
            row |= dict.fromkeys(_metrics(returns)) | {"status": "unavailable", "reason": reason}
        else:
            row |= _metrics(returns) | {"status": "ok", "reason": ""}
        row |= {"cagr_gap": None, "parity": "not compared", "parity_gap": None}
        row |= {"parity_against": "", "parity_missing": "no other simulator takes part"}
        row |= {"gates": "failed", "gates_failed": "dsr: 0.4 is below 0.95; turnover: 0.6 is above"}
        row |= {
            "trials": len(cells) + 12,
            "configurations": len(cells),
            "windows": windows,
            "windows_in_cash": 0,
            "observations": len(returns),
            "key": "|".join(cell),
        }
        rows.append(row)
    rows.sort(key=lambda row: (row["status"] != "ok", -(row["dsr"] or 0), -(row["sharpe"] or 0)))
    for place, row in enumerate(rows, 1):
        row["rank"] = place if row["status"] == "ok" else None
    rows.sort(key=lambda row: str(row["key"]))  # the file keeps the order of the configuration
    return pa.Table.from_pylist(rows)


def _nav(
    shape: Shape, cells: list[tuple[str, ...]], dates: np.ndarray, paths: np.ndarray
) -> pa.Table:
    kept = [number for number, cell in enumerate(cells) if not _broken(shape, cell)]
    repeat = paths.shape[1]
    days = pa.array(np.tile(dates.astype("datetime64[us]"), len(kept)))
    columns: dict[str, pa.Array] = {"date": days.cast(pa.timestamp("us", tz="UTC"))}
    for place, axis in enumerate((*AXES, "key")):
        words = ["|".join(cells[n]) if axis == "key" else cells[n][place] for n in kept]
        unique = list(dict.fromkeys(words))
        codes = np.repeat([unique.index(word) for word in words], repeat).astype(np.int32)
        columns[axis] = pa.DictionaryArray.from_arrays(codes, pa.array(unique, pa.string()))
    returns = paths[kept]
    columns |= {
        "nav": pa.array(np.cumprod(1 + returns, axis=1).ravel()),
        "period_return": pa.array(returns.ravel()),
        "turnover": pa.array(np.where(np.arange(returns.size) % 21 == 0, 0.2, 0.0)),
        "cost": pa.array(np.where(np.arange(returns.size) % 21 == 0, 0.0002, 0.0)),
    }
    return pa.table(columns)


def _cube(shape: Shape, windows: list[tuple[str, int, int]], symbols: list[str]) -> pa.Table:
    random = np.random.Generator(np.random.PCG64(5))
    rows: dict[str, list[object]] = {}
    for (window, _, _), selection, profile, engine in itertools.product(
        windows, shape.selections, shape.profiles, shape.engines
    ):
        empty = _broken(shape, ("", selection, "", profile))
        number = shape.engines.index(engine)
        if not number:
            exact = random.dirichlet(np.full(len(symbols), 0.6))
        weights = _apart(exact, random, 10.0 ** (-9 + 3 * number)) if number else exact
        held = [(None, None)] if empty else list(zip(symbols, weights, strict=True))
        for symbol, weight in held:
            row = {
                "sleeve": "us_equity", "window": window, "selection": selection,
                "engine": engine, "profile": profile,
                "atom": symbol and f"{symbol}_buyhold_long", "symbol": symbol,
                "direction": symbol and "long", "weight": weight, "net_weight": weight,
                "cluster": -1,
                "status": "unavailable" if empty else "optimal", "solver": "pivoting",
                "fallback_chain": "pivoting", "condition_number": 41.0, "shrinkage": 0.02,
                "objective": None if empty else 1.1 + 1e-7 * number,
                "kkt_residual": None if empty else float(10 ** random.uniform(-16, -10)),
                "key": f"{window}|{selection}|{engine}|{profile}", "inputs_hash": "ab",
                "code_version": "cd", "seed": 7,
            }  # fmt: skip
            for name, value in row.items():
                rows.setdefault(name, []).append(value)
    words = {"weight", "net_weight", "cluster", "condition_number", "shrinkage", "objective",
             "kkt_residual", "seed"}  # fmt: skip
    return pa.table({k: pa.array(v) if k in words else _names(v) for k, v in rows.items()})  # type: ignore[arg-type]


def _apart(exact: np.ndarray, random: np.random.Generator, size: float) -> np.ndarray:
    near = exact * (1 + size * random.normal(size=len(exact)))
    moved: np.ndarray = near / near.sum()
    return moved


def _window_metrics(
    shape: Shape, cells: list[tuple[str, ...]], windows: list[tuple[str, int, int]]
) -> pa.Table:
    kept = [cell for cell in cells if not _broken(shape, cell)]
    total = len(kept) * len(windows)
    random = np.random.Generator(np.random.PCG64(9))
    columns = {
        axis: _names([cell[place] for cell in kept for _ in windows])
        for place, axis in enumerate(AXES)
    }
    columns["window"] = _names([window for _ in kept for window, _, _ in windows])
    for name in ("sharpe", "total_return", "volatility", "max_drawdown", "turnover", "cost"):
        columns[name] = pa.array(random.normal(0.5, 2.0, total))
    return pa.table(columns)


def _selected(shape: Shape, windows: list[tuple[str, int, int]], symbols: list[str]) -> pa.Table:
    rows = []
    for place, ((window, _, _), selection) in enumerate(
        itertools.product(windows, shape.selections)
    ):
        for number, symbol in enumerate(symbols):
            young = number >= len(symbols) - 2 and place < len(windows)
            out = selection != "all" and number % 2 == 1
            reason = (
                "too little history in the train period"
                if young
                else "below the cut"
                if out
                else ""
            )
            rows.append({
                "sleeve": "us_equity", "window": window, "selection": selection,
                "atom": f"{symbol}_buyhold_long", "symbol": symbol, "direction": "long",
                "selected": not reason, "score": 0.5, "cluster": -1, "reason": reason, "key": "k",
                "vetoes": "", "inputs_hash": "ab", "code_version": "cd",
            })  # fmt: skip
    no_stage = pa.nulls(len(rows), pa.int32())
    return pa.Table.from_pylist(rows).append_column("stage", no_stage)


def _facts(cells: list[tuple[str, ...]], windows: list[tuple[str, int, int]]) -> pa.Table:
    rows = []
    for number, cell in enumerate(cells):
        kinds = (("solve", windows[0][0]), ("simulation", None))
        for kind, window in kinds:
            hit = number % 3 > 0
            rows.append({
                "kind": kind, **dict(zip(AXES, cell, strict=True)), "window": window,
                "key": f"{number}", "status": "ok", "outcome": "hit" if hit else "computed",
                "why": "" if hit else "new parameters", "seconds": 0.01, "worker": "w0",
                "run_id": "r1",
            })  # fmt: skip
    return pa.Table.from_pylist(rows)


def _manifest(shape: Shape, cells: list[tuple[str, ...]]) -> dict[str, object]:
    counts = np.round(60 * np.exp(-np.square(np.linspace(-2, 2.6, 14)))).astype(int).tolist()
    pbo = {
        "pbo": 0.31, "splits": int(sum(counts)),
        "logits_histogram": {"edges": np.linspace(-3.5, 3.5, 15).tolist(), "counts": counts},
    }  # fmt: skip
    return {
        "run_id": "r1-5f2c", "started": "2024-05-01T10:00:00Z", "finished": "2024-05-01T10:00:21Z",
        "seconds": {"select": 0.8, "solve": 6.1, "simulate": 9.4, "rank": 2.0}, "backend": "serial",
        "workers": 1,
        "config": {
            "sleeve": "us_equity", "periods_per_year": PERIODS, "seed": 7, "risk_free": 0.0,
            "benchmark": ["SPX"] if shape.benchmark else [],
            "profiles": [{"name": profile, "as": profile} for profile in shape.profiles],
            "simulators": [{"name": name, "as": name} for name in shape.simulators],
            "costs": {"slippage_bps": 5.0, "commission_bps": 1.0},
            "windows": {"train": TRAIN, "step": "month"},
        },
        "data": {
            "origin": "prices.csv", "version": "9b1c", "rows_in": 4171, "kept": 4160,
            "dropped": {"duplicate_date": 4, "not_a_number": 6, "return_out_of_range": 1},
            "reported": {"large_move": 2},
        },
        "versions": {"quant-assets": "0.1.0", "numpy": "2.5.0", "pyarrow": "25.0.1"},
        "counts": {"cells": len(cells), "solves": 200, "hits": 140, "computed": 100},
        "outputs": {"nav.parquet": "9f" * 16}, "pbo": pbo if shape.pbo else None,
        "trials": len(cells) + 12,
    }  # fmt: skip


def write_folder(folder: Path, shape: Shape) -> Path:
    """Write every file of an output folder but the report."""
    folder.mkdir(parents=True, exist_ok=True)
    dates = _dates(shape.days)
    windows = _windows(dates)
    cells = _cells(shape)
    symbols = [f"S{number:03d}" for number in range(shape.symbols)]
    random = np.random.Generator(np.random.PCG64(3))
    traded = dates[windows[0][1] :]
    common = random.normal(0.0005, 0.009, len(traded))
    alike = len(shape.simulators)
    own = cells[::alike]
    tilt = random.uniform(0.6, 1.2, (len(own), 1))
    edge = np.array([[0.0006 if cell[3] == "hrp" else 0.0] for cell in own])
    paths = tilt * common + edge + random.normal(0.0001, 0.003, (len(own), len(traded)))
    paths = np.repeat(paths, alike, axis=0)
    apart = np.arange(len(cells)) % alike * 10.0 ** random.uniform(-15, -12, len(cells))
    paths[:, 0] += apart
    dropped = {
        "date": pa.array([dates[5].astype("datetime64[us]")]).cast(pa.timestamp("us", tz="UTC")),
        "symbol": _names(["S001"]), "value": pa.array(["n/a"]), "column": pa.array(["S001"]),
        "reason": _names(["not_a_number"]),
    }  # fmt: skip
    tables = {
        "leaderboard": _leaderboard(shape, cells, paths, len(windows)),
        "nav": _nav(shape, cells, traded, paths),
        "weights_cube": _cube(shape, windows, symbols),
        "window_metrics": _window_metrics(shape, cells, windows),
        "selected_atoms": _selected(shape, windows, symbols),
        "cells": _facts(cells, windows),
        "dropped": pa.table(dropped),
    }
    for name, table in tables.items():
        pq.write_table(table, folder / f"{name}.parquet")
    (folder / "manifest.json").write_text(json.dumps(_manifest(shape, cells)))
    with Ledger(folder / "audit.jsonl") as ledger:
        ledger.genesis(
            run_id="r1-5f2c", config_hash="c1", data_version="d1", code_versions={}, seed=7
        )
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., Path]:
    """Return a maker of output folders: ``folder(days=400, benchmark=False)``."""
    return lambda **changes: write_folder(tmp_path / "out", Shape(**changes))
