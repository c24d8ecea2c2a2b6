"""The cells of a tournament."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, NamedTuple

from quant_core.config._registries import AXES

if TYPE_CHECKING:
    from quant_core.config._model import TournamentConfig

__all__ = ["Cell", "cells"]


class Cell(NamedTuple):
    """The labels of one cell."""

    selection: str
    engine: str
    profile: str
    rebalance: str
    simulator: str


def cells(config: TournamentConfig) -> list[Cell]:
    """Return the cross product of the axes, in the order of the configuration."""
    labels = [[choice.label for choice in config.axis(axis)] for axis in AXES]
    return [Cell(*names) for names in product(*labels)]
