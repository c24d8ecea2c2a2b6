"""How many simulators look at a sleeve, as the launchpad asks it."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from quant_core.config import Choice, registry, simulators_at

if TYPE_CHECKING:
    from quant_core.config import TournamentConfig

__all__ = ["Fidelity", "FidelityConfig", "with_simulators"]


class Fidelity(Enum):
    """The tiers, and what the sleeve's own file says."""

    as_configured = "as_configured"
    low = "low"
    medium = "medium"
    high = "high"


class FidelityConfig(dg.Config):
    """What a person may choose for one run."""

    fidelity: Fidelity = Field(
        default=Fidelity.as_configured,
        description="Simulators: low is custom, medium adds vectorbt, high adds cvxportfolio and "
        "nautilus; as_configured is what the sleeve's file says.",
    )
    finalists: int = Field(
        default=0,
        ge=0,
        description="Cells that simulators other than custom see, the best by their Sharpe ratio "
        "under custom; 0 is what the sleeve's file says.",
    )

    def of(self, config: TournamentConfig) -> TournamentConfig:
        """Return a sleeve's configuration as it was chosen."""
        finalists = self.finalists or None
        if self.fidelity is Fidelity.as_configured:
            return config.at(finalists=finalists)
        return config.at(self.fidelity.value, finalists=finalists)

    def labels(self, config: TournamentConfig) -> list[str]:
        """Return the simulators that a chosen tier asks for; none where nothing was chosen."""
        if self.fidelity is Fidelity.as_configured:
            return []
        return [c.label for c in simulators_at(self.fidelity.value, config.simulators)]


def with_simulators(config: TournamentConfig, *labels: str) -> TournamentConfig:
    """Return a sleeve's configuration with some simulators alone.

    Parameters
    ----------
    config : TournamentConfig
        The configuration.
    *labels : str
        Its own labels, or the names of simulators; what is neither is left out.
    """
    known = registry("simulators")
    own: dict[str, Choice[Any]] = {c.label: c for c in config.simulators}
    chosen = tuple(
        own.get(label) or Choice(label, known[label]())
        for label in labels
        if label in own or label in known
    )
    return config.model_copy(update={"simulators": chosen})
