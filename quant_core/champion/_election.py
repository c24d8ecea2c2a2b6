"""Down the ranking to the first candidate that passes every gate."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from quant_core.champion._gate import Figure, Gate, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from quant_core.config import GateConfig

__all__ = ["Election", "cell_gates", "elect", "judge"]

type Names = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Election:
    """Who was elected, and what the gates said of everyone who was tried.

    Parameters
    ----------
    champion : tuple of str or None
        Names of the first candidate that passed; None when nobody did.
    reason : str
        Why there is no champion; empty when there is one.
    verdicts : tuple of Verdict
        The candidates that were tried, in the order of the ranking.
    ranked : int
        Candidates that the ranking has.
    """

    champion: Names | None
    reason: str
    verdicts: tuple[Verdict, ...] = field(repr=False)
    ranked: int


def cell_gates(config: GateConfig) -> tuple[Gate, ...]:
    """Return the gates of a cell with the thresholds of a configuration."""
    return (
        Gate(
            "friction_decay",
            config.friction_decay,
            "at most",
            "1 - Sharpe ratio after costs / Sharpe ratio of the same weights without costs",
        ),
        Gate(
            "fragility",
            config.fragility,
            "at most",
            "sd / |mean| of the Sharpe ratios of calendar years",
        ),
        Gate(
            "jaccard",
            config.jaccard,
            "at least",
            "mean |A and B| / |A or B| of the selections of consecutive windows",
        ),
        Gate("turnover", config.turnover, "at most", "mean one-way turnover of a window"),
        Gate("cvar", config.cvar, "at most", "CVaR (95 %) / CVaR of the benchmark"),
        Gate("drawdown", config.drawdown, "at most", "drawdown / drawdown of the benchmark"),
        Gate(
            "parity",
            1.0,
            "at most",
            "widest relative difference of NAV from another simulator's path, over its tolerance",
        ),
        Gate(
            "cagr_gap",
            config.cagr_gap,
            "at most",
            "widest difference of CAGR between the cell's simulator and the others",
        ),
        Gate("dsr", config.dsr, "at least", "deflated Sharpe ratio"),
    )


def judge(cell: Names, gates: Sequence[Gate], figures: Mapping[str, Figure]) -> Verdict:
    """Hold the figures of a candidate to the gates; one that is not there does not pass.

    Parameters
    ----------
    cell : tuple of str
        Names of the candidate.
    gates : sequence of Gate
        The gates.
    figures : mapping of str to Figure
        Figures by the name of their gate.
    """
    absent = Figure(None, "missing: it was not measured")
    return Verdict(cell, tuple(gate.judge(figures.get(gate.name, absent)) for gate in gates))


def elect(
    ranking: Sequence[Names],
    gates: Sequence[Gate],
    figures: Callable[[Names], Mapping[str, Figure]],
    *,
    candidates: int,
) -> Election:
    """Elect the best-ranked candidate that passes every gate.

    Parameters
    ----------
    ranking : sequence of names
        Candidates, best first.
    gates : sequence of Gate
        What each has to pass.
    figures : callable
        Measures a candidate: figures by the name of their gate.
    candidates : int
        How many are tried at most.

    Examples
    --------
    >>> gate = Gate("dsr", 0.95, "at least", "deflated Sharpe ratio")
    >>> known = {("a",): Figure(0.90), ("b",): Figure(0.99)}
    >>> elect([("a",), ("b",)], [gate], lambda one: {"dsr": known[one]}, candidates=2).champion
    ('b',)
    """
    verdicts: list[Verdict] = []
    for cell in ranking[:candidates]:
        verdicts.append(judge(cell, gates, figures(cell)))
        if verdicts[-1].passed:
            return Election(cell, "", tuple(verdicts), len(ranking))
    return Election(None, _nobody(verdicts, len(ranking)), tuple(verdicts), len(ranking))


def _nobody(verdicts: Sequence[Verdict], ranked: int) -> str:
    if not verdicts:
        return "no champion: no cell is ranked"
    best = verdicts[0]
    return (
        f"no champion: none of the {len(verdicts)} cells tried of {ranked} ranked passes every "
        f"gate; the best ranked, {'/'.join(best.cell)}, fails {best.reason}"
    )
