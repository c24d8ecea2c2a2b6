"""The table of NAV paths: long, one row per cell and date."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from quant_core.data import DATE_TYPE
from quant_core.tournament._segments import TEXT, constant, segments, text_column, texts_at

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["PATH_NAMES", "PATH_SCHEMA", "CellPath", "paths_table", "read_paths"]

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


def paths_table(sleeve: str, dates: np.ndarray, paths: Sequence[CellPath]) -> pa.Table:
    """Return the paths as a table, in the order given, dates ascending.

    Parameters
    ----------
    sleeve : str
        The sleeve.
    dates : numpy.ndarray of datetime64[us], shape (T,)
        Dates of the test rows.
    paths : sequence of CellPath
        The paths.
    """
    if not paths:
        return PATH_SCHEMA.empty_table()
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
