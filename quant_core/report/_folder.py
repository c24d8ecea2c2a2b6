"""Reading the output folder of a tournament."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from quant_core.errors import DataError
from quant_core.ledger import verify

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

__all__ = ["AXES", "OutputFolder"]

AXES = ("selection", "engine", "profile", "rebalance", "simulator")


@dataclass(frozen=True, slots=True)
class OutputFolder:
    """The files of one tournament run.

    Parameters
    ----------
    path : pathlib.Path
        The folder that ``quant tournament run --out`` wrote.
    """

    path: Path

    def table(
        self,
        name: str,
        columns: Sequence[str] | None = None,
        **where: str | Collection[str],
    ) -> pa.Table:
        """Read a Parquet file of the folder.

        Parameters
        ----------
        name : str
            File name without its suffix, for example ``"leaderboard"``.
        columns : sequence of str, optional
            The columns to read; all of them by default.
        **where : str or collection of str
            Keep only the rows where these columns have this value, or one of these values.

        Raises
        ------
        DataError
            If the file is missing, is no Parquet, or lacks a column.
        """
        file = self._existing(f"{name}.parquet")
        filters: Any = [_condition(column, value) for column, value in where.items()] or None
        wanted = None if columns is None else list(columns)
        try:
            return pq.read_table(file, columns=wanted, filters=filters)
        except (pa.ArrowInvalid, pa.ArrowKeyError, KeyError) as error:
            raise DataError(
                f"{file}: expected the {name} table of a tournament, found something else "
                f"({str(error).splitlines()[0]}); run the tournament again"
            ) from error

    def manifest(self) -> dict[str, Any]:
        """Read ``manifest.json``."""
        file = self._existing("manifest.json")
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
        except ValueError as error:
            raise DataError(
                f"{file}: expected JSON, found text that does not parse: {error}"
            ) from error
        if not isinstance(found, dict):
            raise DataError(f"{file}: expected a JSON object, found a {type(found).__name__}")
        return found

    def ledger(self) -> dict[str, Any]:
        """Return the number of records of ``audit.jsonl``, its head, and what is wrong with it."""
        found = verify(self._existing("audit.jsonl"))
        problem = f"line {found.problem.line}: {found.problem.message}" if found.problem else ""
        return {"records": found.records, "head": found.head.hash, "problem": problem}

    def _existing(self, name: str) -> Path:
        file = self.path / name
        if not file.is_file():
            raise DataError(
                f"{file}: expected a file that `quant tournament run` writes, found none; "
                f"give the folder of its --out"
            )
        return file


def _condition(column: str, value: str | Collection[str]) -> tuple[str, str, Any]:
    return (column, "==", value) if isinstance(value, str) else (column, "in", sorted(value))
