"""The contract of weights: each in [0, 1], the sum of a solve at most 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from quant_core.errors import ContractError, DataError

__all__ = ["WeightReport", "WeightViolation", "check_weights"]

SUM_TOLERANCE = 1e-6
_SOLVE = ("sleeve", "window", "selection", "engine", "profile")


@dataclass(frozen=True, slots=True)
class WeightViolation:
    """One broken rule.

    Parameters
    ----------
    rule : str
        ``"finite"``, ``"in_unit_interval"`` or ``"sum_at_most_one"``.
    solve : tuple of str
        The names of the solve: sleeve, window, selection, engine, profile.
    atom : str
        The atom whose weight is wrong; empty where the sum is.
    value : float
        The weight, or the sum.
    """

    rule: str
    solve: tuple[str, ...]
    atom: str
    value: float

    def __str__(self) -> str:
        what = f"weight of {self.atom}" if self.atom else "sum of weights"
        return f"{' / '.join(self.solve)}: {what} is {self.value!r}, rule {self.rule}"


@dataclass(frozen=True, slots=True)
class WeightReport:
    """What `check_weights` found.

    Parameters
    ----------
    weights : int
        Weights checked; rows of solves without weights are not counted.
    solves : int
        Solves checked, those without weights included.
    violations : tuple of WeightViolation
        Broken rules, in the order of the table, those about single weights first.
    """

    weights: int
    solves: int
    violations: tuple[WeightViolation, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether every rule holds."""
        return not self.violations

    def require(self) -> None:
        """Raise unless every rule holds.

        Raises
        ------
        ContractError
            With the first violations and the count of all.
        """
        if self.violations:
            shown = "; ".join(str(violation) for violation in self.violations[:3])
            raise ContractError(f"weights: {len(self.violations)} violations, first: {shown}")

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain values, for the ledger and the manifest."""
        return {
            "weights": self.weights,
            "solves": self.solves,
            "violations": [
                {
                    "rule": found.rule,
                    "solve": list(found.solve),
                    "atom": found.atom,
                    "value": found.value,
                }
                for found in self.violations
            ],
        }


def check_weights(cube: pa.Table) -> WeightReport:
    """Check every weight of a weights cube.

    Parameters
    ----------
    cube : pyarrow.Table
        Columns ``weight`` and ``atom``, and those of ``sleeve, window, selection, engine,
        profile`` that it has; together these name a solve. A null weight is a solve without
        weights.

    Returns
    -------
    WeightReport
        Each weight is held to [0, 1] without tolerance, each sum to ``1 + 1e-6``.

    Raises
    ------
    DataError
        If ``weight`` or ``atom`` is not a column.
    """
    for column in ("weight", "atom"):
        if column not in cube.column_names:
            raise DataError(
                f"weights cube: no column {column!r} among {', '.join(cube.column_names)}"
            )
    names, solve = _solves(cube)
    row = np.flatnonzero(pc.is_valid(cube["weight"]).to_numpy())
    weight = cube["weight"].to_numpy()[row].astype(np.float64)
    solve_of = solve[row]
    finite = np.isfinite(weight)
    inside = finite & (weight >= 0.0) & (weight <= 1.0)
    found = [
        WeightViolation(
            "in_unit_interval" if finite[at] else "finite",
            names[solve_of[at]],
            str(cube["atom"][int(row[at])].as_py()),
            float(weight[at]),
        )
        for at in np.flatnonzero(~inside)
    ]
    sums = np.bincount(solve_of[finite], weight[finite], minlength=len(names))
    found += [
        WeightViolation("sum_at_most_one", names[at], "", float(sums[at]))
        for at in np.flatnonzero(sums > 1.0 + SUM_TOLERANCE)
    ]
    return WeightReport(len(row), len(names), tuple(found))


def _solves(cube: pa.Table) -> tuple[list[tuple[str, ...]], np.ndarray]:
    columns = [column for column in _SOLVE if column in cube.column_names]
    if not columns or not cube.num_rows:
        return ([()] if cube.num_rows else []), np.zeros(cube.num_rows, dtype=np.int64)
    codes = np.zeros(cube.num_rows, dtype=np.int64)
    for column in columns:
        encoded = cube[column].cast(pa.string()).combine_chunks().dictionary_encode()
        codes = codes * len(encoded.dictionary) + encoded.indices.to_numpy()
        # Packed again after every column, so that the product never leaves 64 bits.
        codes = np.unique(codes, return_inverse=True)[1].astype(np.int64)
    first = np.unique(codes, return_index=True)[1]
    order = np.argsort(first)
    place = np.empty(len(first), dtype=np.int64)
    place[order] = np.arange(len(first))
    rows = cube.select(columns).take(first[order]).to_pylist()
    return [tuple(str(value) for value in row.values()) for row in rows], place[codes]
