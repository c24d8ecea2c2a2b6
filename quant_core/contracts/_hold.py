"""Holding data to the contract of its level: violations, one error, or the rows that are valid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from quant_core.contracts._levels import as_frame, level_of
from quant_core.contracts._report import ContractReport
from quant_core.contracts._schemas import ROW_RULES, schema
from quant_core.errors import ContractError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

__all__ = ["Valid", "Violation", "keep_valid", "require", "violations"]

_SHOWN = 3
_COLUMNS = 12
_LONGEST = 60
_NAMES = {"not_nullable": "present"}
_WHOLE = frozenset({"utc"})
_OTHER = "another type"


@dataclass(frozen=True, slots=True)
class Violation:
    """One cell, row or column that breaks a rule.

    Parameters
    ----------
    check : str
        Name of the rule.
    column : str
        Column of the cell; empty where the row as a whole is meant.
    row : int or None
        Position of the row, counted from 0; None where the column as a whole is meant.
    value : str
        What was found.
    """

    check: str
    column: str
    row: int | None
    value: str

    def __str__(self) -> str:
        where = f"column {self.column!r}" if self.column else "row"
        if self.row is not None:
            where += f", row {self.row}" if self.column else f" {self.row}"
        return f"{where}: found {self.value}, rule {self.check}"


@dataclass(frozen=True, slots=True)
class Valid:
    """The rows of a frame that hold their contract, and the books of the others.

    Parameters
    ----------
    frame : pandas.DataFrame
        Rows that hold, in their order, numbered anew. In a matrix of returns a cell is dropped,
        not its row: it is NaN.
    dropped : tuple of Violation
        What was dropped, with its reason: one entry a row, or a cell of a matrix of returns.
    report : ContractReport
        ``kept + dropped = in``, in rows, or in observed cells of a matrix of returns.
    """

    frame: pd.DataFrame
    dropped: tuple[Violation, ...]
    report: ContractReport


def violations(level: str, value: Any) -> tuple[Violation, ...]:
    """Return everything that breaks the tier-1 contract of a level, in order of row and column.

    Parameters
    ----------
    level : {"prices", "returns", "features", "scores", "weights"}
        Level of the data.
    value : pandas.DataFrame, pyarrow.Table or ReturnsMatrix
        The data.

    Raises
    ------
    ContractError
        If there is no such level, or the value is no table.
    """
    return _violations(level, as_frame(level_of(level), value))


def require(level: str, value: Any, *, what: str = "") -> None:
    """Raise unless data hold the tier-1 contract of their level.

    Parameters
    ----------
    level, value
        As in `violations`.
    what : str
        What messages call the data.

    Raises
    ------
    ContractError
        With the first violations (column, row, value, rule) and the count of all.
    """
    found = violations(level, value)
    if found:
        shown = "; ".join(str(one) for one in found[:_SHOWN])
        raise ContractError(
            f"{what or level}: {len(found)} violations of the contract of {level}, first: {shown}"
        )


def keep_valid(level: str, value: Any) -> Valid:
    """Drop what breaks the contract of a level, by position, and keep the books.

    Parameters
    ----------
    level, value
        As in `violations`.

    Raises
    ------
    ContractError
        If a column as a whole is wrong: no row can be blamed for it.
    """
    frame = as_frame(level_of(level), value)
    found = _violations(level, frame)
    wholes = [one for one in found if one.row is None]
    if wholes:
        raise ContractError(f"{level}: {'; '.join(str(one) for one in wholes[:_SHOWN])}")
    return _cells_kept(frame, found) if level == "returns" else _rows_kept(frame, found)


def _rows_kept(frame: pd.DataFrame, found: tuple[Violation, ...]) -> Valid:
    first = {one.row: one for one in reversed(found)}
    keep = np.ones(len(frame), dtype=np.bool_)
    keep[[row for row in first if row is not None]] = False
    dropped = tuple(first[row] for row in sorted(first, key=lambda row: row or 0))
    report = ContractReport(len(frame), int(keep.sum()), _by_reason(dropped))
    # A mask is a position: a label may repeat, and would take valid rows along.
    return Valid(frame.loc[keep].reset_index(drop=True), dropped, report)


def _cells_kept(frame: pd.DataFrame, found: tuple[Violation, ...]) -> Valid:
    rows = [one for one in found if one.column in {"date", ""}]
    if rows:
        raise ContractError(f"returns: {rows[0]}; sort the dates, and remove the second of two")
    symbols = [name for name in frame if name != "date"]
    numbers = frame[symbols].to_numpy(copy=True)
    before = int((~np.isnan(numbers)).sum())
    place = {str(name): number for number, name in enumerate(symbols)}
    first = {(one.row, place[one.column]): one for one in reversed(found)}
    for row, column in first:
        numbers[row, column] = np.nan
    dropped = tuple(first[at] for at in sorted(first))
    kept = frame.assign(**{str(name): numbers[:, at] for at, name in enumerate(symbols)})
    return Valid(kept, dropped, ContractReport(before, before - len(dropped), _by_reason(dropped)))


def _by_reason(dropped: tuple[Violation, ...]) -> dict[str, int]:
    names = [one.check for one in dropped]
    return {name: names.count(name) for name in sorted(set(names))}


def _violations(level: str, frame: pd.DataFrame) -> tuple[Violation, ...]:
    import pandera.errors

    try:
        schema(level_of(level)).validate(frame, lazy=True)
    except pandera.errors.SchemaErrors as broken:
        names = [str(name) for name in frame]
        found = [one for case in _cases(broken) for one in _of(case, names)]
        if not found:
            raise ContractError(f"{level}: {broken}") from broken
        return tuple(sorted(set(found), key=_order))
    return ()


def _order(one: Violation) -> tuple[int, str, str]:
    return (-1 if one.row is None else one.row, one.column, one.check)


def _cases(broken: Any) -> list[dict[str, Any]]:
    cases: list[dict[str, Any]] = broken.failure_cases.to_dict("records")
    return cases


def _of(case: dict[str, Any], columns: Sequence[str]) -> list[Violation]:
    """Read one failure case; pandera repeats a broken row for each of its columns."""
    check, found, row = str(case["check"]), case["failure_case"], case["index"]
    column = case["column"] if isinstance(case["column"], str) else ""
    at = None if row is None or row != row else int(row)  # noqa: PLR0124 - NaN
    if isinstance(found, dict):
        at = None if check == "all_numbers" else at
        return [Violation(check, str(name), at, repr(value)) for name, value in found.items()]
    if check == "column_in_dataframe":
        there = ", ".join(columns[:_COLUMNS])
        return [Violation("column_there", str(found), None, f"no such column among {there}")]
    if check.startswith("dtype("):
        return [Violation(check[len("dtype(") + 1 : -2], column, None, _OTHER)]
    if check == "multiple_fields_uniqueness":
        return [Violation("unique", "", at, "the key of a row before it")]
    if check in _WHOLE:
        return [Violation(check, column, None, _OTHER)]
    if at is None or column != ROW_RULES.get(check, column):
        return []
    return [Violation(_NAMES.get(check, check), column, at, _text(found))]


def _text(value: Any) -> str:
    text = repr(value) if isinstance(value, str | float) else str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
