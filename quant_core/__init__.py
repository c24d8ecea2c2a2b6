"""Quantitative research as pure functions: prices in, an honest leaderboard out.

The names below load on first use, so that importing a part of the library costs that part alone.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from quant_core.config import TournamentConfig, load_config
    from quant_core.data import DataConfig, ReturnsMatrix
    from quant_core.tournament import Plan, Result, plan, run

__all__ = [
    "DataConfig",
    "Plan",
    "Result",
    "ReturnsMatrix",
    "TournamentConfig",
    "load_config",
    "plan",
    "run",
]

_HOMES = {
    "DataConfig": "data",
    "Plan": "tournament",
    "Result": "tournament",
    "ReturnsMatrix": "data",
    "TournamentConfig": "config",
    "load_config": "config",
    "plan": "tournament",
    "run": "tournament",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"quant_core.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
