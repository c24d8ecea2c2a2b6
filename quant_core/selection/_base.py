"""What a selection reads and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Selected", "Selection", "TrainView", "best"]


@dataclass(frozen=True, slots=True)
class TrainView:
    """What a selection may read: the train period of the atoms that have all of it.

    Parameters
    ----------
    symbols : tuple of str, length k
        The candidates, sorted.
    returns : numpy.ndarray, shape (t, k)
        Simple returns of the train period, no NaN.
    correlation : callable
        Returns their sample correlation, shape (k, k); shared with the solves of the window, so
        that it is computed once, and only when somebody asks.
    """

    symbols: tuple[str, ...]
    returns: np.ndarray = field(repr=False)
    correlation: Callable[[], np.ndarray] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Selected:
    """Which candidates may be held, and why the others may not.

    Parameters
    ----------
    chosen : numpy.ndarray of bool, shape (k,)
        True for a winner.
    score : numpy.ndarray, shape (k,)
        What the candidates were ranked by, higher is better; NaN where nothing was ranked.
    cluster : numpy.ndarray of int32, shape (k,)
        Number of the candidate's cluster from 0, or -1.
    reason : tuple of str, length k
        Why a candidate was left out; empty for a winner.
    """

    chosen: np.ndarray
    score: np.ndarray
    cluster: np.ndarray
    reason: tuple[str, ...]

    @classmethod
    def ranked(cls, chosen: np.ndarray, score: np.ndarray, reason: str) -> Self:
        """Return a selection without clusters whose losers share one reason."""
        reasons = tuple("" if winner else reason for winner in chosen)
        return cls(chosen, score, np.full(len(chosen), -1, np.int32), reasons)


class Selection(BaseModel):
    """A rule that says which atoms a window may hold."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code_module: ClassVar[str]
    """Dotted name of the module that computes the selection."""

    def select(self, view: TrainView) -> Selected:
        """Return the winners among the candidates of a train period."""
        raise NotImplementedError

    @property
    def most(self) -> int | None:
        """The most atoms the rule can choose, or None without a limit."""
        return None


def best(score: np.ndarray, count: int) -> np.ndarray:
    """Mark the ``count`` highest scores; of equal ones the first, which is the first by name.

    Parameters
    ----------
    score : numpy.ndarray, shape (k,)
        Higher is better, no NaN.
    count : int
        How many to mark at most.

    Returns
    -------
    numpy.ndarray of bool, shape (k,)
    """
    chosen = np.zeros(len(score), dtype=bool)
    chosen[np.argsort(-score, kind="stable")[:count]] = True
    return chosen
