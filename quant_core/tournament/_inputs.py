"""What every stage reads: the returns matrix, its windows, and digests of its slices."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import numpy as np

from quant_core.atoms import atoms_of
from quant_core.canonical import digest_parts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quant_core.atoms import Atom
    from quant_core.config import TournamentConfig
    from quant_core.data import ReturnsMatrix
    from quant_core.windows import Window, WindowGrid

__all__ = ["Inputs"]


@dataclass(frozen=True, slots=True)
class Inputs:
    """A returns matrix seen through a configuration.

    Parameters
    ----------
    matrix : ReturnsMatrix
        Returns of T observations of n columns: assets, and streams of strategies.
    atoms : tuple of Atom, length n
        What each column is.
    grid : WindowGrid
        The walk-forward grid.
    blocks : numpy.ndarray of int64, shape (T,)
        Calendar ordinal of the grid's period that each row falls in.
    investable : numpy.ndarray of int64
        Columns that a selection may choose from: all but the benchmark.
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
    benchmark: np.ndarray = field(repr=False)
    missing: tuple[str, ...]
    _by_column: np.ndarray = field(repr=False)
    _digests: dict[tuple[int, int], list[str]] = field(
        default_factory=dict, repr=False, compare=False
    )

    @classmethod
    def of(cls, matrix: ReturnsMatrix, config: TournamentConfig) -> Self:
        """Look at a matrix through a configuration."""
        wanted = config.benchmark
        missing = tuple(symbol for symbol in wanted if symbol not in matrix.symbols)
        benchmark = matrix.columns([symbol for symbol in wanted if symbol not in missing])
        investable = np.setdiff1d(np.arange(len(matrix.symbols)), benchmark)
        by_column = np.ascontiguousarray(matrix.values.T) + 0.0
        by_column[np.isnan(by_column)] = np.nan
        return cls(
            matrix=matrix,
            atoms=atoms_of(matrix.symbols, [strategy.name for strategy in config.strategies]),
            grid=config.grid,
            blocks=config.grid.ordinals(matrix.dates),
            investable=investable,
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
