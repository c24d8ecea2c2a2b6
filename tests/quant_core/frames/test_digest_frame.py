from __future__ import annotations

import gc
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import quant_core.data._ingest as ingesting
from quant_core.data import DataConfig, ReturnsMatrix, ingest, open_source
from quant_core.frames import digest_frame
from quant_core.frames._digest import _MEMO

if TYPE_CHECKING:
    from collections.abc import Callable

NAN = float("nan")
OTHER_NAN = float(np.uint64(0x7FF8_0000_0000_0001).view(np.float64))
NEGATIVE_NAN = float(np.uint64(0xFFF8_0000_0000_0000).view(np.float64))
ABOVE = float(np.nextafter(0.1, 1.0))
DAYS = ["2021-01-04", "2021-01-05"]


def frame(values: Any, **options: Any) -> pd.DataFrame:
    return pd.DataFrame({"a": values}, **options)


def series(values: Any, kind: Any) -> pd.DataFrame:
    return frame(pd.Series(values, dtype=kind))


def indexed(index: Any) -> pd.DataFrame:
    return frame([1.0, 2.0], index=index)


def table(values: Any, kind: pa.DataType | None = None) -> pa.Table:
    return pa.table({"a": pa.array(values, kind)})


def chunked(*chunks: Any, kind: pa.DataType | None = None) -> pa.Table:
    return pa.table({"a": pa.chunked_array([pa.array(chunk, kind) for chunk in chunks])})


def category(codes: list[int | None], values: list[str], *, ordered: bool = False) -> pa.Table:
    return pa.table({"a": pa.DictionaryArray.from_arrays(codes, values, ordered=ordered)})


FOURTH = datetime(2021, 1, 4)  # noqa: DTZ001 - without a zone on purpose
EARLY = datetime(1965, 1, 4, 0, 0, 0, 5000)  # noqa: DTZ001 - as above
TWO = [0.5, 0.25]
EQUAL: dict[str, tuple[Any, Any]] = {
    "every NaN is one": (frame([NAN, 1.0]), frame([OTHER_NAN, 1.0])),
    "a negative NaN too": (frame([NAN, 1.0]), frame([NEGATIVE_NAN, 1.0])),
    "of an Arrow table": (table([NAN, 1.0]), table([NEGATIVE_NAN, 1.0])),
    "minus zero": (frame([-0.0]), frame([0.0])),
    "minus zero of four bytes": (series([-0.0], "float32"), series([0.0], "float32")),
    "minus zero in Arrow": (table([-0.0]), table([0.0])),
    "minus zero among objects": (series([-0.0], object), series([0.0], object)),
    "missing among objects": (series(["x", None], object), series(["x", NAN], object)),
    "missing of another kind": (series(["x", pd.NA], object), series(["x", pd.NaT], object)),
    "missing text": (series(["x", None], "str"), series(["x", NAN], "str")),
    "a range is its integers": (indexed(pd.RangeIndex(2)), indexed(pd.Index([0, 1]))),
    "instants of another resolution": (
        indexed(pd.DatetimeIndex(DAYS).as_unit("s")),
        indexed(pd.DatetimeIndex(DAYS).as_unit("ns")),
    ),
    "in Arrow too": (
        table([FOURTH], pa.timestamp("s")),
        table([FOURTH], pa.timestamp("ns")),
    ),
    "instants before 1970": (
        table([EARLY], pa.timestamp("ms")),
        table([EARLY], pa.timestamp("us")),
    ),
    "durations of another resolution": (
        table([5], pa.duration("s")),
        table([5000], pa.duration("ms")),
    ),
    "dates": (table([date(2021, 1, 4)], pa.date32()), table([date(2021, 1, 4)], pa.date64())),
    "a frequency": (
        indexed(pd.date_range("2021-01-04", periods=2, freq="D")),
        indexed(pd.DatetimeIndex(DAYS, freq=None)),
    ),
    "rows in other memory": (
        pd.DataFrame(np.asfortranarray([[1.0, 2.0], [3.0, 4.0]]), columns=["a", "b"]),
        pd.DataFrame(np.ascontiguousarray([[1.0, 2.0], [3.0, 4.0]]), columns=["a", "b"]),
    ),
    "every second row": (frame([1.0, 9.0, 2.0])[::2].reset_index(drop=True), frame([1.0, 2.0])),
    "chunks": (table([1, 2, 3]), chunked([1], [2, 3])),
    "empty chunks": (table(["x", "y"]), chunked([], ["x"], [], ["y"], kind=pa.string())),
    "chunks with nulls": (table([1.0, None, 3.0]), chunked([1.0, None], [3.0])),
    "a slice": (table([1, 2, 3, 4]).slice(1, 2), table([2, 3])),
    "a slice of text": (table(["w", "x", "yy", "z"]).slice(1, 2), table(["x", "yy"])),
    "a slice of text with nulls": (table(["w", None, "yy"]).slice(1), table([None, "yy"])),
    "a slice of flags": (table([True, False, None]).slice(1), table([False, None], pa.bool_())),
    "what lies under a null": (
        pa.table(
            {
                "a": pa.Array.from_buffers(
                    pa.int64(),
                    2,
                    [pa.py_buffer(b"\x01"), pa.py_buffer(np.array([7, 99]).tobytes())],
                )
            }
        ),
        table([7, None]),
    ),
    "wide offsets": (table(["x", None], pa.string()), table(["x", None], pa.large_string())),
    "text views": (table(["x", None], pa.string()), table(["x", None], pa.string_view())),
    "dictionaries in another order": (category([0, 1], ["x", "y"]), category([1, 0], ["y", "x"])),
    "entries that nobody has": (category([0], ["x", "y"]), category([0], ["x"])),
    "unused categories of pandas": (
        frame(pd.Categorical(["x"], ["x", "y"])),
        frame(pd.Categorical(["x"], ["y", "x"])),
    ),
    "lists in slices": (table([[1], [2, 3], None]).slice(1), table([[2, 3], None])),
    "metadata of a schema": (table([1]).replace_schema_metadata({"k": "v"}), table([1])),
    "a series": (pd.Series(TWO, name="a"), pd.Series(TWO, name="a")),
}

DIFFERENT: dict[str, tuple[Any, Any]] = {
    "one unit in the last place": (frame([0.1]), frame([ABOVE])),
    "in Arrow too": (table([0.1]), table([ABOVE])),
    "among objects": (series([0.1], object), series([ABOVE], object)),
    "bytes of a float": (series(TWO, "float64"), series(TWO, "float32")),
    "bytes of an integer": (series([1, 2], "int64"), series([1, 2], "int32")),
    "a sign": (series([1, 2], "int64"), series([1, 2], "uint64")),
    "integers and floats": (series([1, 2], "int64"), series([1, 2], "float64")),
    "flags and integers": (series([True], bool), series([1], "int64")),
    "infinities": (frame([np.inf]), frame([-np.inf])),
    "infinity and NaN": (frame([np.inf]), frame([NAN])),
    "numbers and objects": (series([1.0], "float64"), series([1.0], object)),
    "text and objects": (series(["x"], "str"), series(["x"], object)),
    "text and categories": (series(["x", "y"], "str"), series(["x", "y"], "category")),
    "in Arrow, text and categories": (table(["x", "y"]), category([0, 1], ["x", "y"])),
    "the order of ordered categories": (
        frame(pd.Categorical(["x"], ["x", "y"], ordered=True)),
        frame(pd.Categorical(["x"], ["y", "x"], ordered=True)),
    ),
    "ordered or not": (category([0], ["x"]), category([0], ["x"], ordered=True)),
    "a mask": (series([1, 2], "Int64"), series([1, 2], "int64")),
    "missing and NaN under a mask": (
        frame(pd.array([None], "Float64")),
        frame(pd.arrays.FloatingArray(np.array([NAN]), np.array([False]))),
    ),
    "null and NaN in Arrow": (table([None, 1.0]), table([NAN, 1.0])),
    "null and zero": (table([None, 1]), table([0, 1])),
    "which is null": (table([None, 0]), table([0, None])),
    "null and an empty text": (table([None, "x"]), table(["", "x"])),
    "borders of texts": (table(["ab", "c"]), table(["a", "bc"])),
    "text and bytes": (table(["x"]), table([b"x"])),
    "a text that says missing": (series(["None"], object), series([None], object)),
    "types among objects": (series([1], object), series(["1"], object)),
    "flags among objects": (series([True], object), series([1], object)),
    "order of columns": (
        pd.DataFrame({"a": [1], "b": [2]}),
        pd.DataFrame({"b": [2], "a": [1]}),
    ),
    "order of Arrow columns": (pa.table({"a": [1], "b": [2]}), pa.table({"b": [2], "a": [1]})),
    "names of columns": (frame([1.0]), pd.DataFrame({"b": [1.0]})),
    "kinds of names": (pd.DataFrame({1: [1.0]}), pd.DataFrame({"1": [1.0]})),
    "order of rows": (frame([1.0, 2.0]), frame([2.0, 1.0])),
    "a row more": (frame([1.0]), frame([1.0, 1.0])),
    "values of the index": (indexed([0, 1]), indexed([0, 2])),
    "type of the index": (indexed([0, 1]), indexed([0.0, 1.0])),
    "name of the index": (indexed(pd.Index([0, 1])), indexed(pd.Index([0, 1], name="n"))),
    "name of the columns": (frame([1.0]), frame([1.0]).rename_axis(columns="n")),
    "time zone of the index": (
        indexed(pd.DatetimeIndex(DAYS)),
        indexed(pd.DatetimeIndex(DAYS, tz="UTC")),
    ),
    "the same instants in another zone": (
        indexed(pd.DatetimeIndex(DAYS, tz="UTC")),
        indexed(pd.DatetimeIndex(DAYS, tz="UTC").tz_convert("Europe/Berlin")),
    ),
    "zones in Arrow": (
        table([FOURTH], pa.timestamp("us")),
        table([FOURTH], pa.timestamp("us", "UTC")),
    ),
    "a microsecond": (
        indexed(pd.DatetimeIndex(DAYS)),
        indexed(pd.DatetimeIndex([DAYS[0], f"{DAYS[1]} 00:00:00.000001"])),
    ),
    "a nanosecond": (
        indexed(pd.DatetimeIndex(["2021-01-04 00:00:00.000000001", DAYS[1]])),
        indexed(pd.DatetimeIndex(["2021-01-04 00:00:00.000000002", DAYS[1]])),
    ),
    "instants and integers": (
        indexed(pd.DatetimeIndex(DAYS).as_unit("us")),
        indexed(pd.DatetimeIndex(DAYS).as_unit("us").asi8),
    ),
    "instants and dates": (
        table([date(2021, 1, 4)], pa.date32()),
        table([FOURTH], pa.timestamp("us")),
    ),
    "levels of an index": (
        indexed(pd.MultiIndex.from_tuples([("x", 1), ("y", 2)])),
        indexed(pd.MultiIndex.from_tuples([("x", 1), ("y", 3)])),
    ),
    "a level and a tuple": (
        indexed(pd.MultiIndex.from_tuples([("x", 1), ("y", 2)])),
        indexed(pd.Index([("x", 1), ("y", 2)], tupleize_cols=False)),
    ),
    "a series and a frame": (pd.Series(TWO, name="a"), frame(TWO)),
    "name of a series": (pd.Series(TWO, name="a"), pd.Series(TWO, name="b")),
    "a frame and a table": (frame(TWO), table(TWO)),
    "decimals": (table([Decimal("1.10")]), table([Decimal("1.1")])),
    "lists": (table([[1], [2, 3]]), table([[1, 2], [3]])),
    "null and an empty list": (table([None, [1]]), table([[], [1]])),
    "fields": (table([{"x": 1}]), table([{"y": 1}])),
    "a null inside": (table([{"x": None}]), table([{"x": 1}])),
    "no rows of another type": (table([], pa.int64()), table([], pa.float64())),
}


@pytest.mark.parametrize("name", EQUAL)
def test_the_same_data_have_the_same_digest(name: str) -> None:
    left, right = EQUAL[name]
    assert digest_frame(left) == digest_frame(right)


@pytest.mark.parametrize("name", DIFFERENT)
def test_other_data_have_another_digest(name: str) -> None:
    left, right = DIFFERENT[name]
    assert digest_frame(left) != digest_frame(right)


@given(
    st.lists(st.one_of(st.none(), st.floats()), max_size=40),
    st.lists(st.integers(0, 40), max_size=4),
)
def test_chunks_of_any_size_are_the_same_column(
    values: list[float | None], borders: list[int]
) -> None:
    cuts = [0, *sorted(min(border, len(values)) for border in borders), len(values)]
    parts = [values[a:b] for a, b in pairwise(cuts)]
    found = digest_frame(chunked(*parts, kind=pa.float64()))
    assert found == digest_frame(table(values, pa.float64()))


@given(st.lists(st.floats(), min_size=1, max_size=8), st.data())
def test_any_other_bit_is_another_digest(values: list[float], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(values) - 1))
    other = data.draw(st.floats())
    changed = [*values[:place], other, *values[place + 1 :]]
    same = other == values[place] or (np.isnan(other) and np.isnan(values[place]))
    assert (digest_frame(table(values)) == digest_frame(table(changed))) is bool(same)


def test_what_is_hashed_does_not_depend_on_the_size_of_a_block() -> None:
    values = np.sin(np.arange(200_000))
    assert digest_frame(table(values)) == digest_frame(chunked(values[:70_001], values[70_001:]))


def test_golden() -> None:
    """Digests in old ledgers stay comparable."""
    known = pa.table(
        {
            "date": pa.array([datetime(2021, 1, 4, tzinfo=UTC)], pa.timestamp("us", "UTC")),
            "symbol": ["AAA"],
            "value": [0.5],
        }
    )
    assert digest_frame(known) == "5361ad3e1c43f3d5486d12e1b1e3b3db"
    assert digest_frame(known.to_pandas()) == "c6026870832628b34dba49a59f228660"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (series([object()], object), r"column 'int 0' holds a object"),
        (series([1j], complex), r"column 0 is of type complex128"),
        (pa.table({"a": pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64()))}), "map<"),
        ([1, 2], "expected a pandas DataFrame or Series, .* found list"),
    ],
)
def test_what_has_no_form_is_refused(value: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        digest_frame(value)


@pytest.fixture
def matrix() -> ReturnsMatrix:
    dates = np.array(["2021-01-04", "2021-01-05"], "datetime64[us]")
    return ReturnsMatrix(dates, ("AAA", "BBB"), np.array([[0.1, NAN], [0.2, -0.0]]))


@pytest.fixture
def hashings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Sizes of the arrays that were hashed."""
    seen: list[int] = []
    real: Callable[[np.ndarray], str] = ingesting.digest_array

    def counted(array: np.ndarray) -> str:
        seen.append(array.size)
        return real(array)

    monkeypatch.setattr(ingesting, "digest_array", counted)
    return seen


def test_a_matrix_is_hashed_once(matrix: ReturnsMatrix, hashings: list[int]) -> None:
    first = digest_frame(matrix)
    assert hashings == [4, 2]
    assert digest_frame(matrix) == first
    assert hashings == [4, 2]


def test_another_matrix_on_the_same_values_is_hashed_by_itself(matrix: ReturnsMatrix) -> None:
    other = ReturnsMatrix(matrix.dates, ("AAA", "CCC"), matrix.values)
    assert digest_frame(other) != digest_frame(matrix)


def test_what_was_ingested_carries_its_digest(hashings: list[int]) -> None:
    config = DataConfig(sample=True)
    found = ingest(open_source(config), config)
    count = len(hashings)
    assert digest_frame(found) == found.version
    assert len(hashings) == count
    assert digest_frame(found.matrix) == found.version


def test_digests_go_with_their_objects() -> None:
    gc.collect()
    before = len(_MEMO)
    whole = table([1, 2, 3])
    digest_frame(whole)
    assert len(_MEMO) == before + 1
    del whole
    gc.collect()
    assert len(_MEMO) == before


def test_a_pandas_frame_that_changed_is_hashed_again() -> None:
    changing = frame([1.0, 2.0])
    first = digest_frame(changing)
    changing.iloc[0, 0] = 3.0
    assert digest_frame(changing) != first
