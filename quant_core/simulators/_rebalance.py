"""When a portfolio trades between two windows."""

from __future__ import annotations

from abc import ABC, abstractmethod

from pydantic import BaseModel, ConfigDict

__all__ = ["Rebalance"]


class Rebalance(BaseModel, ABC):
    """A rule for trading back to the weights of the window in force.

    Every rule trades at the close of a window's first row. Between those rows it trades at a
    close where the drift, sum |w - w_target| / 2 over the atoms, exceeds `drift_limit`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    @property
    @abstractmethod
    def drift_limit(self) -> float:
        """Largest drift left alone: negative trades at every close, infinite at none."""
