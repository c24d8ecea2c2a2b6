"""From members to what is physically held: one weight a symbol, and who asked for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from quant_core.errors import ContractError, DataError
from quant_core.meta._weights import CASH, cell_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from quant_core.meta._sleeve import Book, Cell
    from quant_core.meta._solving import MetaSolve

__all__ = [
    "LEAKAGE",
    "Contributor",
    "FlatHolding",
    "Holder",
    "MetaHolder",
    "SleeveHolder",
    "flatten",
    "leakage",
]

LEAKAGE = 1e-6
"""How much of a portfolio may be lost between members and symbols."""


class Contributor(NamedTuple):
    """Who holds part of a symbol.

    Parameters
    ----------
    path : str
        Names of the meta-portfolios down to the sleeve, ``world/alternatives``.
    sleeve : str
        The sleeve; empty for cash of a meta-portfolio itself.
    cell : str
        The cell that stands for it.
    atom : str
        The atom; `CASH` for what is not invested.
    weight : float
        Signed weight in the outermost portfolio.
    """

    path: str
    sleeve: str
    cell: str
    atom: str
    weight: float


@dataclass(frozen=True, slots=True)
class FlatHolding:
    """One physical position.

    Parameters
    ----------
    symbol : str
        What is held; `CASH` for money.
    net_weight : float
        Its signed weight: the sum of what the contributors ask for.
    contributors : tuple of Contributor
        Who asks for it, in the order of the members.
    """

    symbol: str
    net_weight: float
    contributors: tuple[Contributor, ...]


class Part(NamedTuple):
    """A weight before it is added to those of the same symbol."""

    symbol: str
    contributor: Contributor


class Holder(Protocol):
    """What can say what it means to hold."""

    def changes(self) -> np.ndarray:
        """Return the days at whose close that changes, datetime64[D], increasing."""
        ...

    def parts(self, day: np.datetime64, weight: float, path: str) -> list[Part]:
        """Return what a weight of it means to hold at the close of a day."""
        ...


@dataclass(frozen=True, slots=True)
class SleeveHolder:
    """A cell of a sleeve.

    Parameters
    ----------
    sleeve : str
        The sleeve.
    cell : Cell
        The cell.
    books : sequence of Book
        What it means to hold, in time order.
    symbols : mapping of str to str
        What its symbols are called outside.
    """

    sleeve: str
    cell: Cell
    books: Sequence[Book]
    symbols: Mapping[str, str]

    def changes(self) -> np.ndarray:
        """Return the days of its windows; see `Holder`."""
        return np.array([book.day for book in self.books], dtype="datetime64[D]")

    def parts(self, day: np.datetime64, weight: float, path: str) -> list[Part]:
        """Return its parts; see `Holder`."""
        place = int(np.searchsorted(self.changes(), day, side="right")) - 1
        if place < 0:
            raise DataError(
                f"weights_cube of {self.sleeve}: {cell_text(self.cell)} holds nothing yet on "
                f"{day}, though it has a path; run the tournament again"
            )
        book, cell = self.books[place], cell_text(self.cell)
        if CASH in book.symbols:
            raise DataError(f"sleeve {self.sleeve}: {CASH} is no name of a symbol; rename it")
        shares = (weight * book.weights).tolist()
        found = [
            Part(self.symbols.get(symbol, symbol), Contributor(path, self.sleeve, cell, atom, part))
            for symbol, atom, part in zip(book.symbols, book.atoms, shares, strict=True)
        ]
        cash = weight * (1.0 - float(book.weights.sum()))
        return [*found, Part(CASH, Contributor(path, self.sleeve, cell, CASH, cash))]


@dataclass(frozen=True, slots=True)
class MetaHolder:
    """One profile of a meta-portfolio.

    Parameters
    ----------
    meta : str
        The meta-portfolio.
    cell : Cell
        Its profile and rebalance.
    solves : sequence of MetaSolve
        Its weights, in time order.
    holders : mapping of (member, cell) to Holder
        What its members mean to hold.
    """

    meta: str
    cell: Cell
    solves: Sequence[MetaSolve]
    holders: Mapping[tuple[str, Cell], Holder]

    def changes(self) -> np.ndarray:
        """Return the days on which it or a member that it holds changes; see `Holder`."""
        own = np.array([solve.day for solve in self.solves], dtype="datetime64[D]")
        every = [own, *(holder.changes() for holder in self.holders.values())]
        found = np.unique(np.concatenate(every))
        return np.asarray(found[found >= own[0]])

    def parts(self, day: np.datetime64, weight: float, path: str) -> list[Part]:
        """Return its parts; see `Holder`."""
        days = np.array([solve.day for solve in self.solves], dtype="datetime64[D]")
        place = int(np.searchsorted(days, day, side="right")) - 1
        if place < 0:
            raise DataError(f"meta-portfolio {self.meta}: no window holds on {day}")
        solve, below = self.solves[place], f"{path}/{self.meta}" if path else self.meta
        found: list[Part] = []
        for member, cell, own in zip(solve.members, solve.cells, solve.weights, strict=True):
            if own:
                found += self.holders[member, cell].parts(day, weight * float(own), below)
        cash = weight * (1.0 - float(solve.weights.sum()))
        return [*found, Part(CASH, Contributor(below, "", cell_text(self.cell), CASH, cash))]


def flatten(holder: Holder, day: np.datetime64) -> list[FlatHolding]:
    """Return what is physically held at the close of a day, sorted by symbol.

    Parameters
    ----------
    holder : Holder
        The outermost portfolio.
    day : numpy.datetime64[D]
        The day.

    Raises
    ------
    ContractError
        If more than `LEAKAGE` of the portfolio is lost or made between members and symbols.
    """
    parts = holder.parts(day, 1.0, "")
    grouped: dict[str, list[Contributor]] = {}
    for symbol, contributor in parts:
        if contributor.weight:
            grouped.setdefault(symbol, []).append(contributor)
    grouped.setdefault(CASH, [])
    found = [
        FlatHolding(symbol, sum(one.weight for one in own), tuple(own))
        for symbol, own in sorted(grouped.items())
    ]
    lost = leakage(found)
    if lost > LEAKAGE:
        raise ContractError(
            f"flattened portfolio of {day}: {lost:.3g} of it leaks between members and symbols, "
            f"expected at most {LEAKAGE:g}; the weights of a member are not those of its cube"
        )
    return found


def leakage(holdings: Iterable[FlatHolding]) -> float:
    """Return how much of a flattened portfolio is lost.

    The largest of: the difference of a symbol's weight and the sum of its contributors; that of
    all weights, cash included, and 1; that of all weights and all contributors.
    """
    total = asked = worst = 0.0
    for holding in holdings:
        own = sum(contributor.weight for contributor in holding.contributors)
        worst = max(worst, abs(holding.net_weight - own))
        total, asked = total + holding.net_weight, asked + own
    return max(worst, abs(total - 1.0), abs(total - asked))
