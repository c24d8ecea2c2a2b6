"""Atoms: what a portfolio may hold, an asset or the return stream of a strategy on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self, get_args

from quant_core.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["HOLD", "Atom", "Direction", "atoms_of", "short_atoms"]

Direction = Literal["long", "short"]

HOLD = "hold"
"""Logic of an asset that is simply held."""

_HELD_SHORT = f"_{HOLD}_short"


@dataclass(frozen=True, slots=True, order=True)
class Atom:
    """An asset, what trades it, and in which direction.

    Parameters
    ----------
    symbol : str
        The asset.
    logic : str
        ``hold``, or the name of a strategy; without an underscore.
    direction : {"long", "short"}
        A short stream is inverted, so that solvers see a long one; its net weight is negative.

    Examples
    --------
    >>> str(Atom("BRK_B", "ridge", "short"))
    'BRK_B_ridge_short'
    >>> Atom.parse("BRK_B_ridge_short").symbol
    'BRK_B'
    """

    symbol: str
    logic: str = HOLD
    direction: Direction = "long"

    def __str__(self) -> str:
        return f"{self.symbol}_{self.logic}_{self.direction}"

    @property
    def sign(self) -> int:
        """1 for a long atom, -1 for a short one: net weight over weight."""
        return -1 if self.direction == "short" else 1

    @property
    def column(self) -> str:
        """Its column in a matrix of returns: the symbol of an asset held long, else its id."""
        return self.symbol if self.logic == HOLD and self.direction == "long" else str(self)

    @property
    def traded(self) -> str:
        """The column of what is traded for it: the asset of a held one, else its own stream."""
        return self.symbol if self.logic == HOLD else str(self)

    @property
    def traded_sign(self) -> int:
        """-1 where what is traded is sold short for it: for an asset held short."""
        return self.sign if self.logic == HOLD else 1

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an atom back from its id.

        Raises
        ------
        DataError
            If the text is no id.
        """
        symbol, logic, direction = ["", "", *text.rsplit("_", 2)][-3:]
        if not symbol or not logic or direction not in get_args(Direction):
            raise DataError(
                f"atom {text!r}: expected 'symbol_logic_direction', for example AAPL_hold_long"
            )
        return cls(symbol, logic, "short" if direction == "short" else "long")


def atoms_of(columns: Iterable[str], logics: Sequence[str]) -> tuple[Atom, ...]:
    """Return the atom of each column of a matrix.

    Parameters
    ----------
    columns : iterable of str
        Columns: symbols, and ids of streams.
    logics : sequence of str
        Names of the strategies that have streams; every other column is an asset, held short
        where its name is the id of such an atom of another column.
    """
    names = tuple(columns)
    every, known = frozenset(names), frozenset(logics)
    return tuple(_atom(column, known, every) for column in names)


def short_atoms(columns: Iterable[str], logics: Sequence[str]) -> tuple[Atom, ...]:
    """Return an atom held short for each column of a matrix that is an asset.

    Parameters
    ----------
    columns : iterable of str
        Columns: symbols, and ids of streams.
    logics : sequence of str
        Names of the strategies that have streams.
    """
    held = (atom for atom in atoms_of(columns, logics) if atom == Atom(atom.symbol))
    return tuple(Atom(atom.symbol, HOLD, "short") for atom in held)


def _atom(column: str, logics: frozenset[str], columns: frozenset[str]) -> Atom:
    if column.endswith(_HELD_SHORT) and column.removesuffix(_HELD_SHORT) in columns:
        return Atom(column.removesuffix(_HELD_SHORT), HOLD, "short")
    parts = column.rsplit("_", 2)
    if logics and len(parts) == 3 and parts[1] in logics and parts[2] in get_args(Direction):  # noqa: PLR2004 - symbol, logic, direction
        return Atom.parse(column)
    return Atom(column)
