"""How many simulators look at every cell, in three tiers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

from quant_core.config._choice import Choice
from quant_core.config._registries import registry

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["FIDELITIES", "RANKING_SIMULATOR", "Fidelity", "is_tier", "simulators_at", "tier_of"]

Fidelity = Literal["low", "medium", "high"]

_ADDED: Mapping[Fidelity, tuple[str, ...]] = {
    "low": ("custom",),
    "medium": ("vectorbt",),
    "high": ("cvxportfolio", "nautilus"),
}

FIDELITIES: tuple[Fidelity, ...] = get_args(Fidelity)
"""The tiers, each with the simulators of those before it and its own."""

RANKING_SIMULATOR = "custom"
"""The simulator that ranks cells when only the finalists see the others."""


def simulators_at(fidelity: Fidelity, given: Sequence[Choice[Any]] = ()) -> tuple[Choice[Any], ...]:
    """Return the simulators of a tier.

    Parameters
    ----------
    fidelity : {"low", "medium", "high"}
        The tier.
    given : sequence of Choice
        Simulators with parameters or labels of their own: they stand for those they name, and
        the tier leaves out the others.
    """
    found: list[Choice[Any]] = []
    for name in _names(fidelity):
        own = [choice for choice in given if choice.spec.name == name]
        found += own or [Choice(name, registry("simulators")[name]())]
    return tuple(found)


def tier_of(simulators: Sequence[Choice[Any]]) -> Fidelity | None:
    """Return the tier whose simulators these are, whatever their order and parameters."""
    return next((tier for tier in FIDELITIES if is_tier(tier, simulators)), None)


def is_tier(fidelity: Fidelity, simulators: Sequence[Choice[Any]]) -> bool:
    """Return whether these are the simulators of a tier."""
    return set(_names(fidelity)) == {choice.spec.name for choice in simulators}


def _names(fidelity: Fidelity) -> list[str]:
    tiers = FIDELITIES[: FIDELITIES.index(fidelity) + 1]
    return [name for tier in tiers for name in _ADDED[tier]]
