"""The portfolios that a profile's constraints allow."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from quant_core.profiles import Constraints, MarketNeutral

if TYPE_CHECKING:
    from quant_core.profiles import Problem, Profile

__all__ = ["Room", "room_of"]

_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Room:
    """Weights w with ``sum w = 1``, ``lower <= w <= upper`` and bounds on linear sums.

    Parameters
    ----------
    lower, upper : float
        Bounds of every weight.
    rows : numpy.ndarray, shape (K, n)
        Coefficients of the K sums.
    least, most : numpy.ndarray, shape (K,)
        Bounds of the sums.
    names : tuple of str, length K
        What messages call the sums.
    held : numpy.ndarray of shape (n,), optional
        What is held before the trade; None where turnover is not bounded.
    trade : float
        Largest ``sum |w - held|``; infinite where turnover is not bounded.
    """

    lower: float
    upper: float
    rows: np.ndarray = field(repr=False)
    least: np.ndarray
    most: np.ndarray
    names: tuple[str, ...] = ()
    held: np.ndarray | None = field(default=None, repr=False)
    trade: float = np.inf

    @property
    def is_box(self) -> bool:
        """Whether the bounds of single weights are all there is besides the budget."""
        return not len(self.rows) and self.held is None

    def violation(self, weights: np.ndarray) -> tuple[float, str]:
        """Return the largest violation by weights of shape (n,), and what is violated."""
        sums = self.rows @ weights
        found = [
            (abs(float(weights.sum()) - 1.0), "the sum of the weights"),
            (self.lower - float(weights.min()), "the lower bound of a weight"),
            (float(weights.max()) - self.upper, "the cap"),
            *zip((self.least - sums).tolist(), self.names, strict=True),
            *zip((sums - self.most).tolist(), self.names, strict=True),
        ]
        if self.held is not None:
            found.append((float(np.abs(weights - self.held).sum()) - self.trade, "the turnover"))
        worst, name = max(found, key=lambda one: one[0])
        return max(worst, 0.0), name

    def cleaned(self, weights: np.ndarray) -> np.ndarray:
        """Clip weights to their bounds and give what is over to those strictly inside."""
        clipped = np.clip(weights, self.lower, self.upper)
        for _ in range(3):
            rest = 1.0 - float(clipped.sum())
            room = clipped - self.lower if rest < 0 else self.upper - clipped
            inside = np.minimum(clipped - self.lower, room)
            share = inside if inside.sum() > abs(rest) else room
            if rest == 0 or not share.sum() > 0:
                break
            clipped = np.clip(clipped + rest * share / share.sum(), self.lower, self.upper)
        return np.asarray(clipped)

    def lack(self) -> str:
        """Say why no portfolio is allowed; empty if one is."""
        n = self.rows.shape[1]
        if self.upper * n < 1 - _ROUNDING:
            return (
                f"a cap of {self.upper:g} on {n} atoms cannot hold a full portfolio; "
                "need at least 1/n"
            )
        if self.lower * n > 1 + _ROUNDING:
            return f"a minimum of {self.lower:g} on {n} atoms is more than a full portfolio"
        if self.lower > self.upper:
            return f"a minimum of {self.lower:g} is above the cap of {self.upper:g}"
        if self.trade < 0:
            return "what is held outside the selection alone exceeds the turnover limit"
        return "" if self.is_box or self._is_feasible() else self._contradiction()

    def _contradiction(self) -> str:
        parts = [*self.names, *([] if self.held is None else ["turnover"])]
        return f"no portfolio keeps the bounds of {', '.join(parts)} together"

    def _is_feasible(self) -> bool:
        from scipy.optimize import linprog  # noqa: PLC0415 - few profiles have such bounds

        n = self.rows.shape[1]
        columns = n if self.held is None else 2 * n
        upper = [np.pad(self.rows, ((0, 0), (0, columns - n)))] * 2
        right = [self.most + _ROUNDING, -self.least + _ROUNDING]
        upper[1] = -upper[1]
        if self.held is not None:
            # |w - held| <= t by element, and the sum of t bounded.
            eye = np.eye(n)
            upper += [np.hstack([eye, -eye]), np.hstack([-eye, -eye])]
            right += [self.held, -self.held]
            upper.append(np.concatenate([np.zeros(n), np.ones(n)])[None])
            right.append(np.array([self.trade + _ROUNDING]))
        budget = np.concatenate([np.ones(n), np.zeros(columns - n)])[None]
        bounds = [(self.lower, self.upper)] * n + [(0.0, None)] * (columns - n)
        found = linprog(
            np.zeros(columns),
            A_ub=np.vstack(upper),
            b_ub=np.concatenate(right),
            A_eq=budget,
            b_eq=[1.0],
            bounds=bounds,
            method="highs",
        )
        return int(found.status) == 0


def room_of(profile: Profile, problem: Problem) -> Room:
    """Return what a profile allows on a problem; only the budget for one without constraints."""
    n = len(problem.mean)
    bounds = profile if isinstance(profile, Constraints) else Constraints()
    rows, least, most, names = _groups(bounds, problem)
    if isinstance(profile, MarketNeutral):
        slopes = np.full(n, np.nan) if problem.beta is None else problem.beta
        rows.append(np.asarray(slopes, dtype=np.float64))
        least.append(-profile.tolerance)
        most.append(profile.tolerance)
        names.append("the exposure to the market")
    held, outside = _holdings(bounds, problem)
    # Within rounding of 1/n a bound leaves the one portfolio that it means.
    cap = 1.0 if bounds.cap is None else bounds.cap
    only = cap * n <= 1 + _ROUNDING or bounds.minimum * n >= 1 - _ROUNDING
    return Room(
        lower=1.0 / n if only and bounds.minimum * n <= 1 + _ROUNDING else bounds.minimum,
        upper=1.0 / n if only and cap * n >= 1 - _ROUNDING else cap,
        rows=np.array(rows).reshape(len(rows), n),
        least=np.array(least),
        most=np.array(most),
        names=tuple(names),
        held=held,
        trade=np.inf if held is None else 2.0 * float(bounds.turnover or 0.0) - outside,
    )


def _holdings(bounds: Constraints, problem: Problem) -> tuple[np.ndarray | None, float]:
    """Return what a turnover limit counts from, and what is held outside the selection."""
    if bounds.turnover is None or problem.held is None:
        return None, 0.0
    invested = float(problem.held.sum()) + problem.held_outside
    if bounds.target_volatility is None or not invested > 0:
        return problem.held, problem.held_outside
    # What is in cash is the scaling's affair: the limit is for what is invested.
    return problem.held / invested, problem.held_outside / invested


def _groups(
    bounds: Constraints, problem: Problem
) -> tuple[list[np.ndarray], list[float], list[float], list[str]]:
    rows: list[np.ndarray] = []
    for group in bounds.groups:
        members = frozenset(group.symbols)
        rows.append(np.array([float(symbol in members) for symbol in problem.symbols]))
    least, most = [one.least for one in bounds.groups], [one.most for one in bounds.groups]
    return rows, least, most, [f"group {one.name}" for one in bounds.groups]
