"""What every stage reads: the returns matrix, its windows, and digests of its slices."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import numpy as np

from quant_core.atoms import HOLD, atoms_of, short_atoms
from quant_core.canonical import digest_parts
from quant_core.data import ReturnsMatrix

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quant_core.atoms import Atom
    from quant_core.config import TournamentConfig
    from quant_core.windows import Window, WindowGrid

__all__ = ["Inputs"]


@dataclass(frozen=True, slots=True)
class Inputs:
    """A returns matrix seen through a configuration.

    Parameters
    ----------
    matrix : ReturnsMatrix
        Returns of T observations of n columns: assets, assets held short, and streams of
        strategies. A short one has the asset's return inverted, no lower than -1.
    atoms : tuple of Atom, length n
        What each column is.
    grid : WindowGrid
        The walk-forward grid.
    blocks : numpy.ndarray of int64, shape (T,)
        Calendar ordinal of the grid's period that each row falls in.
    investable : numpy.ndarray of int64
        Columns that a selection may choose from: all but the benchmark, and but assets held in a
        direction that is not configured.
    traded : numpy.ndarray of int64, shape (n,)
        Column of what is traded for each: an asset held short is the asset, sold.
    benchmark : numpy.ndarray of int64
        Columns of the benchmark symbols; empty when one is missing.
    missing : tuple of str
        Benchmark symbols that the data do not have.
    """

    matrix: ReturnsMatrix
    atoms: tuple[Atom, ...] = field(repr=False)
    grid: WindowGrid
    blocks: np.ndarray = field(repr=False)
    investable: np.ndarray = field(repr=False)
    traded: np.ndarray = field(repr=False)
    benchmark: np.ndarray = field(repr=False)
    missing: tuple[str, ...]
    _by_column: np.ndarray = field(repr=False)
    _digests: dict[tuple[int, int], list[str]] = field(
        default_factory=dict, repr=False, compare=False
    )

    @classmethod
    def of(cls, matrix: ReturnsMatrix, config: TournamentConfig) -> Self:
        """Look at a matrix through a configuration, with the short assets that it names.

        Short assets that the matrix has already are made anew.
        """
        wanted = config.benchmark
        logics = [strategy.name for strategy in config.strategies]
        matrix = _with_short(_without_short(matrix, logics), config, logics)
        atoms = atoms_of(matrix.symbols, logics)
        missing = tuple(symbol for symbol in wanted if symbol not in matrix.symbols)
        benchmark = matrix.columns([symbol for symbol in wanted if symbol not in missing])
        allowed = [a.logic != HOLD or a.direction in config.directions for a in atoms]
        investable = np.setdiff1d(np.flatnonzero(allowed), benchmark)
        by_column = np.ascontiguousarray(matrix.values.T) + 0.0
        by_column[np.isnan(by_column)] = np.nan
        return cls(
            matrix=matrix,
            atoms=atoms,
            grid=config.grid,
            blocks=config.grid.ordinals(matrix.dates),
            investable=investable,
            traded=matrix.columns([atom.traded for atom in atoms]),
            benchmark=benchmark if not missing else benchmark[:0],
            missing=missing,
            _by_column=by_column,
        )

    @property
    def benchmark_lack(self) -> str:
        """Why the benchmark cannot be held; empty when it can."""
        if self.missing:
            return f"no data for the benchmark {', '.join(self.missing)}"
        return "" if len(self.benchmark) else "no benchmark is configured"

    def windows(self) -> list[Window]:
        """Return every window of the grid that has train and test rows."""
        return self.grid.windows(self.matrix.dates)

    def column_digests(self, rows: slice, columns: Sequence[int] | np.ndarray) -> list[str]:
        """Return one digest a column: its symbol and its values in a slice of rows."""
        # Every stage asks for the windows' slices again: at most one entry a window is kept.
        place = rows.start, rows.stop
        if place not in self._digests:
            self._digests[place] = [
                self._column_digest(rows, column) for column in range(len(self.matrix.symbols))
            ]
        every = self._digests[place]
        return [every[column] for column in columns]

    def _column_digest(self, rows: slice, column: int) -> str:
        state = hashlib.blake2b(self._by_column[column, rows], digest_size=16)
        state.update(self.matrix.symbols[column].encode())
        return state.hexdigest()

    def block_digest(self, rows: slice) -> str:
        """Return the digest of where the calendar cuts a slice of rows."""
        return digest_parts([self.blocks[rows].tobytes().hex()])


def _without_short(matrix: ReturnsMatrix, logics: Sequence[str]) -> ReturnsMatrix:
    atoms = atoms_of(matrix.symbols, logics)
    kept = np.array([atom.logic != HOLD or atom.sign > 0 for atom in atoms], dtype=bool)
    if kept.all():
        return matrix
    names = (name for name, keep in zip(matrix.symbols, kept, strict=True) if keep)
    return ReturnsMatrix(matrix.dates, tuple(names), matrix.values[:, kept])


def _with_short(
    matrix: ReturnsMatrix, config: TournamentConfig, logics: Sequence[str]
) -> ReturnsMatrix:
    short = short_atoms((s for s in matrix.symbols if s not in config.benchmark), logics)
    if "short" not in config.directions or not short:
        return matrix
    inverted = np.maximum(0.0 - matrix.values[:, matrix.columns([a.symbol for a in short])], -1.0)
    names = np.array([*matrix.symbols, *(str(atom) for atom in short)])
    order = sorted(range(len(names)), key=names.tolist().__getitem__)
    values = np.column_stack([matrix.values, inverted])[:, order]
    return ReturnsMatrix(matrix.dates, tuple(names[order].tolist()), values)
