"""What a selection reads and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Selected", "Selection", "TrainView", "best"]

_UNBOUNDED = 2**63 - 1


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
    stage : numpy.ndarray of int32, shape (k,)
        Stage that supplied the winner, from 1; 0 for a loser, and in a rule without stages.
    vetoes : tuple of str, length k
        What spoke against the candidate, of a winner too; empty for nothing.
    """

    chosen: np.ndarray
    score: np.ndarray
    cluster: np.ndarray
    reason: tuple[str, ...]
    stage: np.ndarray
    vetoes: tuple[str, ...]

    @classmethod
    def ranked(
        cls,
        chosen: np.ndarray,
        score: np.ndarray,
        reason: str | tuple[str, ...],
        cluster: np.ndarray | None = None,
    ) -> Self:
        """Return the selection of a rule without stages.

        Parameters
        ----------
        chosen, score : numpy.ndarray, shape (k,)
            As above.
        reason : str or tuple of str
            Why the losers were left out: one for all of them, or one a candidate.
        cluster : numpy.ndarray of int32, shape (k,), optional
            As above; none by default.
        """
        count = len(chosen)
        if isinstance(reason, str):
            reason = tuple("" if winner else reason for winner in chosen)
        if cluster is None:
            cluster = np.full(count, -1, np.int32)
        return cls(chosen, score, cluster, reason, np.zeros(count, np.int32), ("",) * count)


class Selection(BaseModel):
    """A rule that says which atoms a window may hold."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code_module: ClassVar[str]
    """Dotted name of the module that computes the selection."""

    def select(self, view: TrainView) -> Selected:
        """Return the winners among the candidates of a train period."""
        raise NotImplementedError

    @property
    def train_span(self) -> tuple[int, int]:
        """The fewest and the most observations of a train period that the rule takes."""
        return 2, _UNBOUNDED

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
