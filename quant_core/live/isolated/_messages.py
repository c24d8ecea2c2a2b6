"""What goes into the lane of strategies in Python, and what comes out of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from quant_core.live._python_strategy import Block
    from quant_core.live._strategy import StrategyRow

__all__ = ["Dropped", "Failure", "Result", "Serving", "Work"]


@dataclass(frozen=True, slots=True)
class Serving:
    """A strategy that is loaded.

    Parameters
    ----------
    row : StrategyRow
        The row that calls are made under; the one before the last while that one is still loading.
    history : int
        Prices per observation that the strategy wants in ``Block.history``.
    """

    row: StrategyRow
    history: int


@dataclass(frozen=True, slots=True)
class Work:
    """One call of one strategy.

    Parameters
    ----------
    row : StrategyRow
        As `Serving` gave it.
    block : Block
        At least one observation.
    context : object
        Whatever the caller wants to find again on the outcome.
    """

    row: StrategyRow
    block: Block = field(repr=False)
    context: Any = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Result:
    """A call that was answered; the answer is valid.

    Parameters
    ----------
    work : Work
        The call.
    predictions : numpy.ndarray of float64, shape (K,)
        Finite.
    signals : numpy.ndarray of float64, shape (K,)
        In [-1, 1].
    seconds : float
        Time in the worker.
    output : tuple of str
        First lines that the strategy printed, cut to a bounded length.
    """

    work: Work
    predictions: np.ndarray = field(repr=False)
    signals: np.ndarray = field(repr=False)
    seconds: float
    output: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Failure:
    """A call that the strategy is to blame for.

    Parameters
    ----------
    work : Work
        The call.
    reason : str
        ``raised``, ``timed_out``, ``died``, ``wrong_type``, ``wrong_shape``, ``not_finite`` or
        ``out_of_range``.
    detail : str
        What was expected and what was found, of bounded length.
    output : tuple of str
        As in `Result`.
    """

    work: Work
    reason: str
    detail: str
    output: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Dropped:
    """A call that was never made; the strategy is not to blame.

    Parameters
    ----------
    work : Work
        The call.
    reason : str
        ``queue_full``, ``not_serving``, or what `IsolatedLane.discard` was given.
    """

    work: Work
    reason: str
