"""The gates between a leaderboard and deployment, and what passed them."""

from quant_core.champion._election import Election, cell_gates, elect, judge
from quant_core.champion._figures import (
    FEWEST_OBSERVATIONS,
    friction_decay,
    mean_overlap,
    returns_before_costs,
    times_benchmark,
    widest_gap,
    widest_ratio,
    yearly_fragility,
)
from quant_core.champion._gate import Figure, Gate, GateResult, Verdict
from quant_core.champion._models import model_figures, model_gates
from quant_core.champion._table import VERDICTS_SCHEMA, election_table, read_election

__all__ = [
    "FEWEST_OBSERVATIONS",
    "VERDICTS_SCHEMA",
    "Election",
    "Figure",
    "Gate",
    "GateResult",
    "Verdict",
    "cell_gates",
    "elect",
    "election_table",
    "friction_decay",
    "judge",
    "mean_overlap",
    "model_figures",
    "model_gates",
    "read_election",
    "returns_before_costs",
    "times_benchmark",
    "widest_gap",
    "widest_ratio",
    "yearly_fragility",
]
