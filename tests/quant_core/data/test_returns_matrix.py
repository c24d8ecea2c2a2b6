from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from quant_core.data import DATE_TYPE, ReturnsMatrix, matrix_version
from quant_core.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

DAYS = np.array(["2020-01-01", "2020-01-02"], "datetime64[us]")
NAN = float("nan")


def _matrix(
    days: Any = DAYS, symbols: tuple[str, ...] = ("A", "B"), values: Any = ((1.0, NAN), (3.0, 4.0))
) -> ReturnsMatrix:
    return ReturnsMatrix(np.asarray(days), symbols, np.asarray(values))


@pytest.mark.parametrize(
    ("changed", "fragment"),
    [
        ({"values": [[1.0, 2.0]]}, r"expected values of shape \(2, 2\)"),
        ({"days": DAYS[::-1]}, "dates must strictly increase"),
        ({"days": DAYS[[0, 0]]}, "dates must strictly increase"),
        ({"symbols": ("B", "A")}, "symbols must be sorted and unique"),
        ({"symbols": ("A", "A")}, "symbols must be sorted and unique"),
    ],
)
def test_what_is_no_matrix(changed: dict[str, Any], fragment: str) -> None:
    with pytest.raises(DataError, match=fragment):
        _matrix(**changed)


def test_values_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="read-only"):
        _matrix().values[0, 0] = 0.0


def test_a_table_reads_back_the_same() -> None:
    table = _matrix().to_table()
    assert table.schema.field("date").type == DATE_TYPE
    assert table.column_names == ["date", "A", "B"]
    again = ReturnsMatrix.from_table(table.select(["B", "date", "A"]))
    assert matrix_version(again) == matrix_version(_matrix())


def test_symbols_that_a_part_lacks_are_nan_there() -> None:
    later = ReturnsMatrix(DAYS + np.timedelta64(2, "D"), ("B", "C"), np.array([[5.0, 6], [7, 8]]))
    empty = ReturnsMatrix(DAYS[:0], (), np.empty((0, 0)))
    joined = ReturnsMatrix.concatenate([later, empty, _matrix()])
    assert joined.symbols == ("A", "B", "C")
    np.testing.assert_array_equal(
        joined.values, [[1.0, NAN, NAN], [3, 4, NAN], [NAN, 5, 6], [NAN, 7, 8]]
    )
    with pytest.raises(DataError, match="strictly increase"):
        ReturnsMatrix.concatenate([_matrix(), _matrix()])
    with pytest.raises(DataError, match="nothing to concatenate"):
        ReturnsMatrix.concatenate([])


def test_columns_and_until() -> None:
    assert _matrix().columns(["B", "A"]).tolist() == [1, 0]
    with pytest.raises(DataError, match="no column for X, Y"):
        _matrix().columns(["Y", "A", "X"])
    assert _matrix().until(DAYS[1]).values.shape == (1, 2)


@pytest.mark.parametrize(
    "changed",
    [
        {"values": ((1.0, NAN), (3.0, 4.5))},
        {"symbols": ("A", "C")},
        {"days": DAYS + np.timedelta64(1, "s")},
    ],
)
def test_the_version_is_that_of_the_content(changed: dict[str, Any]) -> None:
    assert matrix_version(_matrix(**changed)) != matrix_version(_matrix())
    assert matrix_version(_matrix()) == matrix_version(ReturnsMatrix.from_table(_table()))


def _table() -> pa.Table:
    return _matrix().to_table()
