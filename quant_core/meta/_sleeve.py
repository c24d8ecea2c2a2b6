"""What a meta-portfolio reads of a sleeve: its paths and its weights."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from quant_core.canonical import digest
from quant_core.cells import readable
from quant_core.errors import DataError
from quant_core.profiles import WEIGHTED
from quant_core.tournament import CUBE_NAMES, PATH_NAMES, read_paths
from quant_core.tournament._segments import segments, text_codes

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from pathlib import Path

__all__ = ["Book", "Cell", "SleeveFolder", "SleeveResults", "books_of", "navs_of"]

type Cell = tuple[str, ...]
"""Selection, engine, profile, rebalance and simulator."""

_BOOK = ("window", *CUBE_NAMES, "key", "atom", "symbol", "net_weight", "status")
_FILES = ("nav.parquet", "weights_cube.parquet")


class Book(NamedTuple):
    """What a cell means to hold from the close of a day on: k atoms, none while it is in cash."""

    day: np.datetime64
    atoms: tuple[str, ...]
    symbols: tuple[str, ...]
    weights: np.ndarray


class SleeveResults(Protocol):
    """The results of one sleeve, wherever they lie."""

    @property
    def name(self) -> str:
        """Name of the sleeve."""
        ...

    @property
    def config(self) -> Mapping[str, Any]:
        """The sleeve's configuration as plain values, every default written out."""
        ...

    @property
    def trials(self) -> int:
        """Configurations ever tried in the sleeve."""
        ...

    @property
    def version(self) -> str:
        """Digest of its results."""
        ...

    def navs(self, cells: Collection[Cell]) -> tuple[np.ndarray, dict[Cell, np.ndarray]]:
        """Return days of shape (T,) and the NAV path of each cell that has one, shape (T,)."""
        ...

    def books(self, line: tuple[str, ...], days: np.ndarray) -> list[Book]:
        """Return what a selection, engine and profile means to hold, in time order."""
        ...


@dataclass(frozen=True, slots=True)
class SleeveFolder:
    """The results of a sleeve in the output folder of a tournament.

    Parameters
    ----------
    path : pathlib.Path
        The folder that ``quant tournament run --out`` wrote.
    manifest : mapping
        Its ``manifest.json``.
    """

    path: Path
    manifest: Mapping[str, Any] = field(repr=False)

    @classmethod
    def open(cls, path: Path, *, name: str) -> Self:
        """Open a folder, and check that it is whole and that of a sleeve.

        Raises
        ------
        DataError
            If a file is missing or is not the one that the manifest tells of, or the folder is
            that of another sleeve.
        """
        try:
            manifest = json.loads((path / "manifest.json").read_text(encoding="utf-8"))
            found = {file: digest((path / file).read_bytes()) for file in _FILES}
        except FileNotFoundError as error:
            raise DataError(
                f"{error.filename}: sleeve {name}: expected the folder of a tournament, found no "
                "such file; run `quant tournament run --out` first"
            ) from error
        except ValueError as error:
            raise DataError(f"{path / 'manifest.json'}: expected JSON: {error}") from error
        for file, content in found.items():
            if manifest.get("outputs", {}).get(file) != content:
                raise DataError(
                    f"{path / file}: it is not the file that manifest.json tells of; run the "
                    "tournament again"
                )
        if manifest["config"]["sleeve"] != name:
            raise DataError(
                f"{path}: expected the results of sleeve {name!r}, found those of "
                f"{manifest['config']['sleeve']!r}"
            )
        return cls(path, manifest)

    @property
    def name(self) -> str:
        """Name of the sleeve."""
        return str(self.config["sleeve"])

    @property
    def config(self) -> Mapping[str, Any]:
        """The configuration of its tournament."""
        found: Mapping[str, Any] = self.manifest["config"]
        return found

    @property
    def trials(self) -> int:
        """Configurations ever tried in the folder."""
        return int(self.manifest["trials"])

    @property
    def version(self) -> str:
        """Digest of its paths and weights."""
        return digest("".join(self.manifest["outputs"][file] for file in _FILES).encode())

    def navs(self, cells: Collection[Cell]) -> tuple[np.ndarray, dict[Cell, np.ndarray]]:
        """Return days and NAV paths; see `SleeveResults`."""
        return navs_of(lambda where: self._read("nav.parquet", None, where), cells)

    def books(self, line: tuple[str, ...], days: np.ndarray) -> list[Book]:
        """Return what a line means to hold; see `SleeveResults`."""
        where = _all_of(dict(zip(CUBE_NAMES, ([name] for name in line), strict=True)))
        return books_of(self._read("weights_cube.parquet", _BOOK, where), line, days)

    def _read(self, file: str, columns: tuple[str, ...] | None, where: pc.Expression) -> pa.Table:
        path, wanted = self.path / file, list(columns) if columns else None
        with readable(path):
            return pq.read_table(path, columns=wanted, filters=where)


def navs_of(
    read: Callable[[pc.Expression], pa.Table], cells: Collection[Cell]
) -> tuple[np.ndarray, dict[Cell, np.ndarray]]:
    """Return days and NAV paths of cells from the table of a sleeve's paths.

    Parameters
    ----------
    read : callable
        Returns the rows of the table where an expression holds.
    cells : collection of Cell
        The cells; those without a path are left out.
    """
    names = {axis: sorted({cell[at] for cell in cells}) for at, axis in enumerate(PATH_NAMES)}
    dates, paths = read_paths(read(_all_of(names)).replace_schema_metadata(None))
    wanted = set(cells)
    return dates.astype("datetime64[D]"), {
        path.names: path.nav for path in paths if path.names in wanted
    }


def books_of(cube: pa.Table, line: tuple[str, ...], days: np.ndarray) -> list[Book]:
    """Return what a line of a weights cube means to hold, in time order.

    Parameters
    ----------
    cube : pyarrow.Table
        Rows of a weights cube, in time order.
    line : tuple of str
        Selection, engine and profile.
    days : numpy.ndarray of datetime64[D], shape (T,)
        Days of the sleeve's paths: a window is traded on the first that is not before its start.
    """
    atoms, symbols, status = (text_codes(cube[name]) for name in ("atom", "symbol", "status"))
    weights = cube["net_weight"].to_numpy()
    found: dict[int, Book] = {}
    for segment in segments(cube, CUBE_NAMES):
        row = int(np.searchsorted(days, np.datetime64(segment.window, "D")))
        if segment.names != line or row == len(days):
            continue
        held = status[1][status[0][segment.rows.start]] in WEIGHTED
        rows = segment.rows if held else slice(0, 0)
        texts = [
            tuple(names[at] for at in codes[rows].tolist()) for codes, names in (atoms, symbols)
        ]
        found[row] = Book(days[row], texts[0], texts[1], weights[rows])
    return [found[row] for row in sorted(found)]


def _all_of(names: Mapping[str, Collection[str]]) -> pc.Expression:
    found = pc.scalar(True)
    for axis, values in names.items():
        found = found & pc.field(axis).isin(sorted(values))
    return found
