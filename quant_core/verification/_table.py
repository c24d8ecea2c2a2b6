"""Published results as one table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterable

    from quant_core.verification._result import PublishedResult

__all__ = ["SCHEMA", "results_table"]

SCHEMA = pa.schema(
    [
        ("subject", pa.string()),
        ("what", pa.string()),
        ("expected", pa.float64()),
        ("measured", pa.float64()),
        ("tolerance", pa.float64()),
        ("agreement", pa.string()),
        ("note", pa.string()),
        ("source", pa.string()),
    ]
)
"""Columns of `results_table`; ``measured`` is null where nothing was measured."""


def results_table(results: Iterable[PublishedResult]) -> pa.Table:
    """Return results as a table, one row each.

    Parameters
    ----------
    results : iterable of PublishedResult
        What `verify` found.
    """
    rows = [{name: getattr(result, name) for name in SCHEMA.names} for result in results]
    return pa.Table.from_pylist(rows, schema=SCHEMA)
