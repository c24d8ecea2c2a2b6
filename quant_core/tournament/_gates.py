"""The figures that the gates judge, for every cell of a leaderboard."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from quant_core.champion import (
    Figure,
    friction_decay,
    mean_overlap,
    returns_before_costs,
    times_benchmark,
    widest_gap,
    widest_ratio,
    yearly_fragility,
)
from quant_core.metrics import path_metrics
from quant_core.simulators import Custom, WindowRebalance, simulate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from quant_core.config import TournamentConfig
    from quant_core.tournament._atoms import AtomsRecord
    from quant_core.tournament._inputs import Inputs
    from quant_core.tournament._parity import Parity
    from quant_core.tournament._paths import CellPath
    from quant_core.windows import Window

__all__ = [
    "Rival",
    "Yardstick",
    "cell_figures",
    "conventions",
    "measured",
    "rivals_of",
    "sharpe_before_costs",
]

type Names = tuple[str, ...]

_ABSENT = "missing: it takes no part in the tournament"


class Rival(NamedTuple):
    """What another simulator found for the same weights.

    Parameters
    ----------
    cagr : Figure
        Its CAGR.
    ratio : Figure
        Relative difference of NAV over what is tolerated.
    """

    cagr: Figure
    ratio: Figure


@dataclass(frozen=True, slots=True)
class Yardstick:
    """What all cells of a tournament are measured against.

    Parameters
    ----------
    dates : numpy.ndarray of datetime64, shape (T,)
        Dates of the paths.
    overlap : mapping of str to Figure
        By selection, the mean overlap of what consecutive windows select.
    market : mapping of str to float
        Figures of the benchmark, bought at the close of the first test day and held; empty
        without a benchmark.
    lack : str
        Why there is no benchmark.
    """

    dates: np.ndarray = field(repr=False)
    overlap: Mapping[str, Figure]
    market: Mapping[str, float] = field(repr=False)
    lack: str

    @classmethod
    def of(
        cls,
        inputs: Inputs,
        config: TournamentConfig,
        windows: Sequence[Window],
        atoms: Mapping[tuple[str, str], AtomsRecord],
    ) -> Yardstick:
        """Measure the benchmark and the selections."""
        span = slice(windows[0].test.start, windows[-1].test.stop)
        overlap = {
            choice.label: mean_overlap(
                [(w.key, set(atoms[w.key, choice.label].winners.tolist())) for w in windows]
            )
            for choice in config.selections
        }
        lack = f"no benchmark to compare with: {inputs.benchmark_lack}"
        return cls(inputs.matrix.dates[span], overlap, _market(inputs, config, span), lack)

    def to_list(self) -> list[Any]:
        """Return all that it says as plain values, for a key."""
        overlap = {name: [figure.value, figure.missing] for name, figure in self.overlap.items()}
        days = self.dates.astype("datetime64[us]").astype(np.int64)
        return [overlap, {k: repr(v) for k, v in self.market.items()}, self.lack, days.tolist()]


def _market(inputs: Inputs, config: TournamentConfig, span: slice) -> dict[str, float]:
    columns = inputs.benchmark
    if not len(columns):
        return {}
    path = simulate(
        Custom(),
        WindowRebalance(),
        values=inputs.matrix.values[span][:, columns],
        weights=np.full((1, len(columns)), 1.0 / len(columns)),
        rows=np.zeros(1, dtype=np.int64),
        rate=0.0,
    )
    return measured(config, path.period_returns)


def measured(config: TournamentConfig, returns: np.ndarray) -> dict[str, float]:
    """Return the figures of one path, returns of shape (T,)."""
    found = path_metrics(returns[None], **conventions(config))
    return {name: float(values[0]) for name, values in found.items()}


def conventions(config: TournamentConfig) -> dict[str, float]:
    """Return what the figures of a sleeve are annualised with."""
    return {
        "periods_per_year": config.periods_per_year,
        "risk_free": config.risk_free_per_period,
    }


def sharpe_before_costs(config: TournamentConfig, paths: Sequence[CellPath]) -> np.ndarray:
    """Return the Sharpe ratio of each path's weights traded free of cost, shape (P,)."""
    returns = returns_before_costs(
        *(np.stack([getattr(path, name) for path in paths]) for name in ("nav", "turnover", "cost"))
    )
    found: np.ndarray = path_metrics(returns, **conventions(config))["sharpe"]
    return found


def cell_figures(
    config: TournamentConfig,
    row: Mapping[str, Any],
    path: CellPath,
    yardstick: Yardstick,
    ideal: float,
    rivals: Mapping[str, Rival],
) -> dict[str, Figure]:
    """Measure a cell: one figure a gate, or why there is none.

    Parameters
    ----------
    config : TournamentConfig
        The configuration.
    row : mapping
        Its figures on the leaderboard.
    path : CellPath
        Its path.
    yardstick : Yardstick
        What it is measured against.
    ideal : float
        Its Sharpe ratio before costs.
    rivals : mapping of str to Rival
        What other simulators found, by label.
    """
    market, lack = yardstick.market, yardstick.lack
    return {
        "friction_decay": friction_decay(_number(row["sharpe"]), ideal),
        "fragility": yearly_fragility(
            yardstick.dates[1:], path.period_return[1:], **conventions(config)
        ),
        "jaccard": yardstick.overlap[path.names[0]],
        "turnover": _told(row, "turnover"),
        "cvar": times_benchmark(_number(row["cvar_95"]), market.get("cvar_95"), lack),
        "drawdown": times_benchmark(_number(row["max_drawdown"]), market.get("max_drawdown"), lack),
        "parity": widest_ratio({label: rival.ratio for label, rival in rivals.items()}),
        "cagr_gap": widest_gap(
            _number(row["cagr"]), {label: rival.cagr for label, rival in rivals.items()}
        ),
        "dsr": _told(row, "dsr"),
    }


def rivals_of(
    config: TournamentConfig,
    cell: Names,
    parity: Parity,
    cagr: Mapping[Names, float | None],
    absent: Mapping[Names, tuple[str, str]],
) -> dict[str, Rival]:
    """Return what the tournament's other simulators found for a cell's weights.

    Simulators that have to agree, and found nothing, are there with the reason.
    """
    rivals: dict[str, Rival] = {}
    for label, ratio in parity.ratios.items():
        rivals[label] = Rival(_known(cagr[*cell[:-1], label]), Figure(ratio))
    taking_part = {choice.label: choice.spec.name for choice in config.simulators}
    for name in config.champion.simulators:
        own = [label for label, spec in taking_part.items() if spec == name]
        if cell[-1] in own or any(label in rivals for label in own):
            continue
        reasons = [absent.get((*cell[:-1], label)) for label in own]
        said = [f"missing: {status}, {why}" for status, why in filter(None, reasons)]
        lack = Figure(None, said[0] if said else _ABSENT)
        rivals[name] = Rival(lack, lack)
    return rivals


def _known(value: float | None) -> Figure:
    return Figure(value, "undefined: it has no CAGR" if value is None else "")


def _number(value: float | None) -> float:
    return float("nan") if value is None else value


def _told(row: Mapping[str, Any], name: str) -> Figure:
    value = row[name]
    return Figure(value, "missing: the leaderboard has none" if value is None else "")
