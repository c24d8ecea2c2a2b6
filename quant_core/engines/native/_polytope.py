"""The set of weights that keep every constraint."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from quant_core.engines.native._outcome import NotFound
from quant_core.engines.native._room import ROUNDING, room
from quant_core.profiles import Status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quant_core.profiles import Constraints, Group, Problem

__all__ = ["Polytope", "polytope_of"]

_KEPT = 1e-12


@dataclass(frozen=True, slots=True)
class Polytope:
    """Weights w of n atoms with ``sum w = 1`` and the bounds below.

    Parameters
    ----------
    lower, upper : float
        Bounds of every weight, as far apart as ``lower <= 1/n <= upper``.
    rows : numpy.ndarray, shape (m, n)
        Linear forms that are bounded.
    least, most : numpy.ndarray, shape (m,)
        Their bounds.
    names : tuple of str, length m
        What a message calls them.
    held : numpy.ndarray, shape (n,)
        Weights before the trade.
    sells : float
        Most that may be sold, ``sum max(held - w, 0)``; infinite without a turnover limit.
    turnover : str
        What a message calls that limit.
    """

    lower: float
    upper: float
    rows: np.ndarray = field(repr=False)
    least: np.ndarray = field(repr=False)
    most: np.ndarray = field(repr=False)
    names: tuple[str, ...]
    held: np.ndarray = field(repr=False)
    sells: float
    turnover: str = "turnover"

    def violation(self, weights: np.ndarray) -> float:
        """Return the largest violation of a bound, the budget included."""
        at = self.rows @ weights
        sold = float(np.maximum(self.held - weights, 0.0).sum())
        found = [abs(float(weights.sum()) - 1.0), sold - self.sells]
        found += [self.lower - float(weights.min()), float(weights.max()) - self.upper]
        return float(max(*found, *(self.least - at), *(at - self.most), 0.0))

    def keeps(self, weights: np.ndarray) -> bool:
        """Return whether weights that sum to 1 are inside, but for rounding."""
        return self.violation(weights) <= _KEPT

    def with_row(self, name: str, row: np.ndarray, least: float, most: float) -> Polytope:
        """Return the polytope with one more bounded form."""
        return replace(
            self,
            rows=np.vstack([self.rows, row]),
            least=np.append(self.least, least),
            most=np.append(self.most, most),
            names=(*self.names, name),
        )

    def growing(self) -> Iterator[tuple[str, Polytope]]:
        """Yield the polytope of the bounds alone, then with one constraint more each time."""
        for count in range(1, len(self.names) + 1):
            some = slice(0, count)
            part = (self.rows[some], self.least[some], self.most[some], self.names[some])
            free = np.zeros_like(self.held), np.inf
            yield self.names[count - 1], Polytope(self.lower, self.upper, *part, *free)
        if np.isfinite(self.sells):
            yield self.turnover, self


def polytope_of(constraints: Constraints, problem: Problem) -> Polytope | NotFound:
    """Return the weights that the constraints leave, or which of them cannot be kept by itself.

    The limit of one-way turnover T, ``(sum |w - h| + o) / 2 <= T`` with h held and o held outside,
    is one of what is sold: ``sum |w - h| = 2 sum max(h - w, 0) + sum w - sum h``.

    Parameters
    ----------
    constraints : Constraints
        The constraints.
    problem : Problem
        Of n atoms, n at least 1.
    """
    n = len(problem.mean)
    upper = room(constraints.cap, n)
    if isinstance(upper, NotFound):
        return upper
    lower = constraints.minimum
    if lower * n > 1 + ROUNDING or lower > upper + ROUNDING:
        most = f"the cap {constraints.cap:g}" if lower * n <= 1 + ROUNDING else "1/n"
        message = f"a minimum of {lower:g} on {n} atoms cannot be kept; need at most {most}"
        return NotFound(Status.INFEASIBLE, message)
    if min(upper, lower + 1.0) * n <= 1 + ROUNDING or lower * n >= 1 - ROUNDING:
        lower = upper = 1.0 / n
    found = _unlimited(lower, upper, n)
    for group in constraints.groups:
        row = np.array([symbol in group.symbols for symbol in problem.symbols], dtype=np.float64)
        if len(row) != n:
            return NotFound(Status.FAILED, f"expected the symbols of {n} atoms, found {len(row)}")
        why = _out_of_reach(group, int(row.sum()), found)
        if why:
            return NotFound(Status.INFEASIBLE, why)
        if 0 < row.sum() < n:
            found = found.with_row(f"group {group.name!r}", row, group.least, group.most)
    return _limited(found, constraints, problem)


def _unlimited(lower: float, upper: float, n: int) -> Polytope:
    nothing = np.zeros(0)
    return Polytope(lower, upper, np.zeros((0, n)), nothing, nothing, (), np.zeros(n), np.inf)


def _out_of_reach(group: Group, members: int, bounds: Polytope) -> str:
    others = len(bounds.held) - members
    least = max(members * bounds.lower, 1.0 - others * bounds.upper)
    most = min(members * bounds.upper, 1.0 - others * bounds.lower)
    if group.least > most + ROUNDING:
        return (
            f"group {group.name!r}: {members} of its symbols are selected and hold at most "
            f"{most:.6g}, below least {group.least:g}"
        )
    if group.most < least - ROUNDING:
        return (
            f"group {group.name!r}: {members} of its symbols are selected and hold at least "
            f"{least:.6g}, above most {group.most:g}"
        )
    return ""


def _limited(found: Polytope, constraints: Constraints, problem: Problem) -> Polytope | NotFound:
    limit = constraints.turnover
    if limit is None or problem.held is None:
        return found
    held, outside = problem.held, problem.held_outside
    invested = float(held.sum()) + outside
    if not (np.isfinite(held).all() and np.isfinite(invested) and held.shape == found.held.shape):
        return NotFound(Status.FAILED, "what is held has an entry that is not finite or is missing")
    if constraints.target_volatility is not None and invested > 0:
        # The part in cash is the scaling's affair: the limit is for what is invested.
        held, outside = held / invested, outside / invested
    sells = limit - (outside + 1.0 - float(held.sum())) / 2.0
    least = float(np.maximum(held - found.upper, 0.0).sum())
    name = f"turnover {limit:g}"
    if sells < least - ROUNDING:
        message = (
            f"{name}: {outside:.6g} is held outside the selection and {least:.6g} above the cap, "
            "and selling that alone takes more"
        )
        return NotFound(Status.INFEASIBLE, message)
    if sells >= float(held.sum()):
        return found
    return replace(found, held=held, sells=max(sells, 0.0), turnover=name)
