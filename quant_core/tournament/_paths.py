"""The table of NAV paths: long, one row per cell and date."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import numpy as np
import pyarrow as pa

from quant_core.canonical import canonical_json
from quant_core.data import DATE_TYPE
from quant_core.tournament._segments import (
    TEXT,
    constant,
    segments,
    text_codes,
    text_column,
    texts_at,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["PATH_NAMES", "PATH_SCHEMA", "CellPath", "StoredPaths", "paths_table", "read_paths"]

_FAILED = b"failed"

PATH_NAMES = ("selection", "engine", "profile", "rebalance", "simulator")

PATH_SCHEMA = pa.schema(
    [
        ("date", DATE_TYPE),
        ("sleeve", TEXT),
        *((name, TEXT) for name in PATH_NAMES),
        ("nav", pa.float64()),
        ("period_return", pa.float64()),
        ("turnover", pa.float64()),
        ("cost", pa.float64()),
        ("hhi", pa.float64()),
        ("key", TEXT),
        ("inputs_hash", TEXT),
        ("code_version", TEXT),
    ]
)
_FIGURES = ("nav", "period_return", "turnover", "cost", "hhi")


@dataclass(frozen=True, slots=True)
class CellPath:
    """The path of one cell.

    Parameters
    ----------
    names : tuple of str
        Selection, engine, profile, rebalance and simulator.
    key, inputs_hash, code_version : str
        The identity it was simulated under.
    nav, period_return, turnover, cost : numpy.ndarray, shape (T,)
        As the simulator gives them.
    hhi : numpy.ndarray, shape (T,)
        Herfindahl-Hirschman index of the target weights in force, sum of squares.
    """

    names: tuple[str, ...]
    key: str
    inputs_hash: str
    code_version: str
    nav: np.ndarray = field(repr=False)
    period_return: np.ndarray = field(repr=False)
    turnover: np.ndarray = field(repr=False)
    cost: np.ndarray = field(repr=False)
    hhi: np.ndarray = field(repr=False)


def paths_table(
    sleeve: str,
    dates: np.ndarray,
    paths: Sequence[CellPath],
    failed: Mapping[str, str] | None = None,
) -> pa.Table:
    """Return the paths as a table, in the order given, dates ascending.

    Parameters
    ----------
    sleeve : str
        The sleeve.
    dates : numpy.ndarray of datetime64[us], shape (T,)
        Dates of the test rows.
    paths : sequence of CellPath
        The paths.
    failed : mapping of str to str, optional
        Why cells have none, by key: kept in the metadata of the schema.
    """
    table = _table(sleeve, dates, paths) if paths else PATH_SCHEMA.empty_table()
    told = {_FAILED: canonical_json(dict(failed))} if failed else None
    return table.replace_schema_metadata(told)


def _table(sleeve: str, dates: np.ndarray, paths: Sequence[CellPath]) -> pa.Table:
    rows = len(dates) * len(paths)
    counts = np.full(len(paths), len(dates))
    stamps = pa.array(np.tile(dates, len(paths)), pa.timestamp("us")).cast(DATE_TYPE)
    names = [text_column([path.names[place] for path in paths], counts) for place in range(5)]
    figures = [
        pa.array(np.concatenate([getattr(path, name) for path in paths]), pa.float64())
        for name in _FIGURES
    ]
    origins = [
        text_column([getattr(path, name) for path in paths], counts)
        for name in ("key", "inputs_hash", "code_version")
    ]
    return pa.table(
        [stamps, constant(sleeve, rows), *names, *figures, *origins], schema=PATH_SCHEMA
    )


def read_paths(table: pa.Table | None) -> tuple[np.ndarray, list[CellPath]]:
    """Read the dates, shape (T,), and the paths back; nothing for no table."""
    if table is None or not table.num_rows:
        return np.zeros(0, "datetime64[us]"), []
    stacked = table.append_column("window", constant("", table.num_rows))
    found = segments(stacked, PATH_NAMES)
    inputs = texts_at(table["inputs_hash"], found)
    code = texts_at(table["code_version"], found)
    figures = [table[name].to_numpy() for name in _FIGURES]
    dates = table["date"].slice(0, found[0].rows.stop).to_numpy().astype("datetime64[us]")
    return dates, [
        CellPath(
            segment.names, segment.key, read, by, *(column[segment.rows] for column in figures)
        )
        for segment, read, by in zip(found, inputs, code, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class StoredPaths:
    """The paths that are stored.

    Parameters
    ----------
    there : bool
        Whether anything was ever stored.
    sleeves : frozenset of str
        What the table calls the sleeve.
    dates : numpy.ndarray of datetime64[us], shape (T,)
        Dates of the paths.
    paths : tuple of CellPath
        The paths in their order.
    failed : mapping of str to str
        Why cells have none, by key.
    """

    there: bool = False
    sleeves: frozenset[str] = frozenset()
    dates: np.ndarray = field(default_factory=lambda: np.zeros(0, "datetime64[us]"), repr=False)
    paths: tuple[CellPath, ...] = field(default=(), repr=False)
    failed: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def read(cls, *tables: pa.Table | None) -> Self:
        """Read tables of paths, one after the other; None where nothing is stored."""
        found = [table for table in tables if table is not None]
        if not found:
            return cls()
        failed = {key: why for table in found for key, why in _failed(table).items()}
        plain = [table.replace_schema_metadata(None) for table in found]
        table = pa.concat_tables(plain).unify_dictionaries() if len(plain) > 1 else plain[0]
        dates, paths = read_paths(table)
        sleeves = frozenset(text_codes(table["sleeve"])[1]) if table.num_rows else frozenset()
        return cls(len(found) == len(tables), sleeves, dates, tuple(paths), failed)

    def holds(
        self,
        sleeve: str,
        dates: np.ndarray,
        paths: Sequence[CellPath],
        failed: Mapping[str, str],
    ) -> bool:
        """Return whether writing these paths would change nothing, not even a label."""
        wanted = [(path.names, path.key) for path in paths]
        if not self.there or wanted != [(path.names, path.key) for path in self.paths]:
            return False
        labels = not paths or (self.sleeves == {sleeve} and np.array_equal(self.dates, dates))
        return bool(labels and dict(failed) == dict(self.failed))


def _failed(table: pa.Table) -> dict[str, str]:
    told: dict[str, str] = json.loads((table.schema.metadata or {}).get(_FAILED, b"{}"))
    return told
