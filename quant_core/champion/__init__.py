"""The gates between a leaderboard and deployment, and what passed them."""

from quant_core.champion._gate import Figure, Gate, GateResult, Verdict

__all__ = ["Figure", "Gate", "GateResult", "Verdict"]
