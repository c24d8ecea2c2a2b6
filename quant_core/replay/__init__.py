"""Recorded runs, computed again and held against what the ledger says of them."""

from quant_core.replay._compare import Comparison, compare
from quant_core.replay._recorded import RecordedRun, recorded_runs, run_of
from quant_core.replay._replay import Replay, replay

__all__ = ["Comparison", "RecordedRun", "Replay", "compare", "recorded_runs", "replay", "run_of"]
