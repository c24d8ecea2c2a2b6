"""The leaderboard: figures of every cell, and what luck explains of them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from quant_core.canonical import canonical_json, digest_json
from quant_core.cells import code_version
from quant_core.champion import cell_gates, judge
from quant_core.metrics import PATH_FIGURES, fragility, path_metrics, window_metrics
from quant_core.statistics import (
    Overfitting,
    bootstrap_sharpe_interval,
    deflated_sharpe,
    probabilistic_sharpe,
    probability_of_overfitting,
)
from quant_core.tournament._gates import (
    cell_figures,
    conventions,
    rivals_of,
    sharpe_before_costs,
)
from quant_core.tournament._parity import compare
from quant_core.tournament._paths import PATH_NAMES
from quant_core.tournament._segments import TEXT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from quant_core.config import TournamentConfig
    from quant_core.tournament._gates import Yardstick
    from quant_core.tournament._index import CubeIndex
    from quant_core.tournament._paths import CellPath

__all__ = ["LEADERBOARD_SCHEMA", "WINDOWS_SCHEMA", "Leaderboard", "rank"]

type Names = tuple[str, ...]

_KEY, _OVERFITTING = b"key", b"overfitting"

_DECIMALS = 8

_FEWEST_FOR_OVERFITTING = 32  # two periods for each of the 16 blocks

_OWN_FIGURES = (
    "turnover",
    "turnover_annual",
    "cost_annual",
    "hhi",
    "fragility",
    "psr",
    "dsr",
    "sharpe_low",
    "sharpe_high",
    "pbo",
)
_GATE_FIGURES = ("friction_decay", "jaccard", "cagr_gap")
_COUNTS = ("trials", "configurations", "windows", "windows_in_cash", "observations")

LEADERBOARD_SCHEMA = pa.schema(
    [
        ("rank", pa.int32()),
        ("sleeve", TEXT),
        *((name, TEXT) for name in PATH_NAMES),
        ("status", TEXT),
        ("reason", pa.string()),
        *((name, pa.float64()) for name in (*PATH_FIGURES, *_OWN_FIGURES)),
        ("parity", TEXT),
        ("parity_gap", pa.float64()),
        ("parity_against", TEXT),
        ("parity_missing", TEXT),
        *((name, pa.float64()) for name in _GATE_FIGURES),
        ("gates", TEXT),
        ("gates_failed", pa.string()),
        *((name, pa.int64()) for name in _COUNTS),
        ("key", pa.string()),
    ]
)

_WINDOW_FIGURES = ("sharpe", "total_return", "volatility", "max_drawdown")

WINDOWS_SCHEMA = pa.schema(
    [
        ("sleeve", TEXT),
        *((name, TEXT) for name in PATH_NAMES),
        ("window", TEXT),
        *((name, pa.float64()) for name in (*_WINDOW_FIGURES, "turnover", "cost")),
    ]
)


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """The figures of a tournament.

    Parameters
    ----------
    table : pyarrow.Table
        One row a cell, in the order of the configuration; `LEADERBOARD_SCHEMA`.
    windows : pyarrow.Table
        One row a cell and window; `WINDOWS_SCHEMA`.
    overfitting : mapping or None
        Probability of backtest overfitting and its histogram; None with fewer than two paths.
    """

    table: pa.Table = field(repr=False)
    windows: pa.Table = field(repr=False)
    overfitting: Mapping[str, Any] | None

    @classmethod
    def recall(
        cls, table: pa.Table | None, windows: pa.Table | None, *, key: str
    ) -> Leaderboard | None:
        """Return the leaderboard that stored tables hold, or None if it is another one's."""
        if table is None or windows is None:
            return None
        told = [one.schema.metadata or {} for one in (table, windows)]
        if [one.get(_KEY) for one in told] != [key.encode()] * 2:
            return None
        return cls(table, windows, json.loads(told[0][_OVERFITTING]))


def rank_key(
    config: TournamentConfig,
    paths: Sequence[CellPath],
    absent: Mapping[Names, tuple[str, str]],
    index: CubeIndex,
    first_rows: np.ndarray,
    yardstick: Yardstick,
    *,
    trials: int,
) -> str:
    """Return the content key of a leaderboard; parameters as in `rank`."""
    lines = dict.fromkeys(names[:3] for names in _cells(config))
    return digest_json(
        [
            code_version(__name__),
            [config.sleeve, config.periods_per_year, config.risk_free_per_period, config.seed],
            [config.champion.gates.model_dump(mode="json"), config.champion.simulators],
            yardstick.to_list(),
            [[*path.names, path.key] for path in paths],
            [[*names, *why] for names, why in absent.items()],
            [index.windows, [index.in_cash(line) for line in lines], first_rows.tolist(), trials],
        ]
    )


def rank(
    config: TournamentConfig,
    paths: Sequence[CellPath],
    absent: Mapping[Names, tuple[str, str]],
    index: CubeIndex,
    first_rows: np.ndarray,
    yardstick: Yardstick,
    *,
    trials: int,
) -> Leaderboard:
    """Compute every figure of every path and rank the cells by deflated Sharpe ratio.

    Parameters
    ----------
    config : TournamentConfig
        The configuration.
    paths : sequence of CellPath
        The paths, P of T observations.
    absent : mapping of names to (status, reason)
        Cells without a path.
    index : CubeIndex
        What the cube holds.
    first_rows : numpy.ndarray of int64, shape (W,)
        Row of each window's first test day.
    yardstick : Yardstick
        What the gates measure cells against.
    trials : int
        Configurations ever tried, those of earlier runs included.
    """
    figures, overfitting = _figures(config, paths, first_rows, trials)
    by_window = _by_window(config, paths, first_rows)
    figures["fragility"] = fragility(by_window["sharpe"]) if paths else np.zeros(0)
    judged = _judged(config, paths, absent, yardstick, figures)
    table = _table(config, paths, absent, index, figures, judged, trials)
    windows = _windows_table(config, paths, index, by_window)
    given = (config, paths, absent, index, first_rows, yardstick)
    key = rank_key(*given, trials=trials).encode()
    told = {_KEY: key, _OVERFITTING: canonical_json(overfitting)}
    return Leaderboard(
        table.replace_schema_metadata(told),
        windows.replace_schema_metadata({_KEY: key}),
        overfitting,
    )


def _figures(
    config: TournamentConfig, paths: Sequence[CellPath], first_rows: np.ndarray, trials: int
) -> tuple[dict[str, np.ndarray], Mapping[str, Any] | None]:
    if not paths:
        return {}, None
    returns = np.stack([path.period_return for path in paths])
    years = returns.shape[1] / config.periods_per_year
    turnover = np.array([path.turnover.sum() for path in paths])
    figures = path_metrics(returns, **conventions(config))
    figures["turnover"] = turnover / len(first_rows)
    figures["turnover_annual"] = turnover / years
    figures["cost_annual"] = np.array([path.cost.sum() for path in paths]) / years
    figures["hhi"] = np.array([path.hhi[first_rows].mean() for path in paths])
    overfitting = _luck(config, returns, _once(paths), figures, trials)
    return figures, overfitting


def _once(paths: Sequence[CellPath]) -> np.ndarray:
    """Return the place of each configuration's first path.

    Simulators that agree tell the same path again: a copy is no try of its own, so the luck of a
    tournament may not depend on how many simulators looked at it.
    """
    first: dict[Names, int] = {}
    for place, path in enumerate(paths):
        first.setdefault(path.names[:-1], place)
    return np.array(list(first.values()))


def _luck(
    config: TournamentConfig,
    returns: np.ndarray,
    once: np.ndarray,
    figures: dict[str, np.ndarray],
    trials: int,
) -> Mapping[str, Any] | None:
    shape = {
        "observations": returns.shape[1],
        "skewness": figures["skewness"],
        "kurtosis": figures["kurtosis"],
    }
    sharpe = figures["sharpe_period"]
    tried = sharpe[once]
    variance = float(np.nanvar(tried, ddof=1)) if np.isfinite(tried).sum() > 1 else 0.0
    figures["psr"] = probabilistic_sharpe(sharpe, **shape)
    figures["dsr"] = deflated_sharpe(sharpe, variance=variance, trials=trials, **shape)
    rate = config.risk_free_per_period
    figures["sharpe_low"], figures["sharpe_high"] = bootstrap_sharpe_interval(
        returns, periods_per_year=config.periods_per_year, seed=config.seed, risk_free=rate
    )
    enough = len(once) > 1 and returns.shape[1] >= _FEWEST_FOR_OVERFITTING
    found = probability_of_overfitting(returns[once], risk_free=rate) if enough else None
    figures["pbo"] = np.full(len(returns), found.pbo if found else np.nan)
    return _told(found) if found else None


def _told(found: Overfitting) -> dict[str, Any]:
    counts, edges = found.histogram()
    return {
        "pbo": found.pbo,
        "probability_of_loss": found.probability_of_loss,
        "slope": _known(found.slope),
        "intercept": _known(found.intercept),
        "splits": len(found.logits),
        "logits_histogram": {"counts": counts.tolist(), "edges": edges.tolist()},
    }


def _by_window(
    config: TournamentConfig, paths: Sequence[CellPath], first_rows: np.ndarray
) -> dict[str, np.ndarray]:
    if not paths:
        return {}
    found = window_metrics(
        np.stack([path.period_return for path in paths]),
        first_rows + 1,
        periods_per_year=config.periods_per_year,
        risk_free=config.risk_free_per_period,
    )
    found["turnover"] = np.stack([np.add.reduceat(p.turnover, first_rows) for p in paths])
    found["cost"] = np.stack([np.add.reduceat(p.cost, first_rows) for p in paths])
    return found


def _table(
    config: TournamentConfig,
    paths: Sequence[CellPath],
    absent: Mapping[Names, tuple[str, str]],
    index: CubeIndex,
    figures: Mapping[str, np.ndarray],
    judged: Sequence[Mapping[str, Any]],
    trials: int,
) -> pa.Table:
    place = {path.names: number for number, path in enumerate(paths)}
    position = _positions(figures) if paths else np.zeros(0, int)
    cells = list(_cells(config))
    configurations = len({names[:-1] for names in cells})
    rows = []
    for names in cells:
        status, reason = absent.get(names, ("ok", ""))
        row: dict[str, Any] = {
            "sleeve": config.sleeve,
            **dict(zip(PATH_NAMES, names, strict=True)),
            "status": status,
            "reason": reason,
            "trials": trials,
            "configurations": configurations,
            "windows": len(index.windows),
            "windows_in_cash": index.in_cash(names[:3]),
        }
        if names in place:
            number = place[names]
            row |= {name: _known(figures[name][number]) for name in PATH_FIGURES + _OWN_FIGURES}
            row |= judged[number]
            row["rank"] = int(position[number])
            row["observations"] = len(paths[number].nav)
            row["key"] = paths[number].key
        rows.append(row)
    return pa.Table.from_pylist(rows, schema=LEADERBOARD_SCHEMA)


def _cells(config: TournamentConfig) -> Iterable[Names]:
    axes = (config.selections, config.engines, config.profiles, config.rebalances)
    for cell in product(*axes, config.simulators):
        yield tuple(choice.label for choice in cell)


def _judged(
    config: TournamentConfig,
    paths: Sequence[CellPath],
    absent: Mapping[Names, tuple[str, str]],
    yardstick: Yardstick,
    figures: Mapping[str, np.ndarray],
) -> list[dict[str, Any]]:
    """Say of each path whether simulators agree on it, and which gates it fails."""
    if not paths:
        return []
    parities = compare(config, paths, absent)
    gates, ideal = cell_gates(config.champion.gates), sharpe_before_costs(config, paths)
    rows = [
        {name: _known(figures[name][number]) for name in PATH_FIGURES + _OWN_FIGURES}
        for number in range(len(paths))
    ]
    cagr = {path.names: row["cagr"] for path, row in zip(paths, rows, strict=True)}
    found = []
    for path, row, sharpe in zip(paths, rows, ideal, strict=True):
        parity = parities[path.names]
        rivals = rivals_of(config, path.names, parity, cagr, absent)
        measured = cell_figures(config, row, path, yardstick, float(sharpe), rivals)
        verdict = judge(path.names, gates, measured)
        found.append(
            {
                "parity": parity.status,
                "parity_gap": parity.gap,
                "parity_against": parity.against,
                "parity_missing": parity.missing,
                **{name: measured[name].value for name in _GATE_FIGURES},
                "gates": "passed" if verdict.passed else "failed",
                "gates_failed": verdict.reason,
            }
        )
    return found


def _positions(figures: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return ranks from 1: by deflated, then annual Sharpe ratio; undefined figures come last."""
    # Simulators agree to 1e-10, so beyond that the order is the configuration's.
    worst = {
        name: np.nan_to_num(np.round(figures[name], _DECIMALS), nan=-np.inf)
        for name in ("dsr", "sharpe")
    }
    order = np.lexsort((-worst["sharpe"], -worst["dsr"]))
    position = np.empty(len(order), dtype=np.int64)
    position[order] = np.arange(1, len(order) + 1)
    return position


def _known(figure: float) -> float | None:
    return float(figure) if np.isfinite(figure) else None


def _windows_table(
    config: TournamentConfig,
    paths: Sequence[CellPath],
    index: CubeIndex,
    figures: Mapping[str, np.ndarray],
) -> pa.Table:
    if not paths:
        return WINDOWS_SCHEMA.empty_table()
    count = len(index.windows)
    names = [np.repeat([path.names[at] for path in paths], count) for at in range(len(PATH_NAMES))]
    columns = [
        pa.array(figures[name].ravel(), from_pandas=True)
        for name in (*_WINDOW_FIGURES, "turnover", "cost")
    ]
    texts = [np.full(len(paths) * count, config.sleeve), *names]
    windows = np.tile(np.array(index.windows), len(paths))
    every = [pa.array(text).dictionary_encode() for text in (*texts, windows)]
    return pa.table([*every, *columns], schema=WINDOWS_SCHEMA)
