"""SQL over the tables of a folder."""

from __future__ import annotations

import csv
import sys
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.dataset as ds
from rich.markup import escape
from rich.table import Table

from quant_core.cli._console import plain, print_json, results
from quant_core.errors import DataError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["TABLES", "query", "show"]

TABLES = (
    "cells",
    "weights_cube",
    "nav",
    "leaderboard",
    "window_metrics",
    "selected_atoms",
    "strategy_models",
    "atom_returns",
    "dropped",
    "meta_weights",
    "meta_streams",
    "meta_nav",
    "meta_leaderboard",
    "meta_members",
    "meta_holdings",
)
"""Parquet files of an output folder, each a view of its own name."""

_SHOWN = 200
_LOCKS = (
    "SET TimeZone = 'UTC'",
    "SET python_enable_replacements = false",
    "SET enable_external_access = false",
    "SET lock_configuration = true",
)


def query(sql: str, folder: Path) -> pa.Table:
    """Run one SELECT over the tables of a folder.

    The statement sees the tables and nothing else: no file, no network, no setting.

    Parameters
    ----------
    sql : str
        One statement that returns rows.
    folder : pathlib.Path
        The folder of a run.

    Raises
    ------
    DataError
        If the folder has no tables, or the statement is not one SELECT or fails.
    """
    try:
        import duckdb
    except ImportError as error:
        raise UnavailableError(
            "quant cells needs duckdb, which is not installed: pip install duckdb"
        ) from error
    with duckdb.connect(":memory:") as connection:
        for name, table in _tables(folder):
            connection.register(name, table)
        for lock in _LOCKS:
            connection.execute(lock)
        try:
            statements = connection.extract_statements(sql)
            if [statement.type for statement in statements] != [duckdb.StatementType.SELECT]:
                raise DataError(f"SQL: expected one SELECT, found {sql!r}; tables are only read")
            found: pa.Table = connection.sql(sql).to_arrow_table()
        except duckdb.Error as error:
            raise DataError(f"SQL: {_first_line(error)}") from error
    return found


def show(table: pa.Table, *, as_json: bool, as_csv: bool) -> None:
    """Print rows as a table, JSON or CSV."""
    rows = table.to_pylist()
    if as_json:
        print_json(rows)
    elif as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(table.column_names)
        writer.writerows([plain(value) for value in row.values()] for row in rows)
    else:
        _print_table(table.column_names, rows)


def _tables(folder: Path) -> Iterator[tuple[str, ds.Dataset]]:
    there = [name for name in TABLES if (folder / f"{name}.parquet").is_file()]
    if not there:
        raise DataError(
            f"{folder}: expected the tables of a tournament, found none; give the folder by --out"
        )
    for name in there:
        file = folder / f"{name}.parquet"
        try:
            yield name, ds.dataset(file, format="parquet")
        except (pa.ArrowInvalid, OSError) as error:
            raise DataError(f"{file}: expected a Parquet file: {_first_line(error)}") from error


def _print_table(names: list[str], rows: list[dict[str, Any]]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in names:
        figures = all(isinstance(row[name], int | float | None) for row in rows)
        table.add_column(escape(name), justify="right" if figures else "left", overflow="fold")
    for row in rows[:_SHOWN]:
        table.add_row(*(escape(_text(value)) for value in row.values()))
    console = results()
    console.print(table)
    if len(rows) > _SHOWN:
        console.print(f"the first {_SHOWN} of {len(rows):,} rows; --csv or --json gives all")


def _text(value: Any) -> str:
    value = plain(value)
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
