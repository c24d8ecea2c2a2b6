"""What a table says reads back to the bit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_core.atoms import Atom
from quant_core.cells import parquet_bytes, read_parquet
from quant_core.tournament import ATOMS_SCHEMA, CUBE_SCHEMA, PATH_SCHEMA, paths_table, read_paths
from quant_core.tournament._atoms import AtomsRecord, atoms_table, read_atoms
from quant_core.tournament._cube import SolveRecord, cube_table, read_cube
from quant_core.tournament._paths import CellPath

if TYPE_CHECKING:
    from collections.abc import Callable

SYMBOLS = ("A", "B", "C", "D", "E")
ATOMS = tuple(map(Atom, SYMBOLS))
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=8)
FLOATS = st.floats(width=64)


def columns() -> st.SearchStrategy[np.ndarray]:
    chosen = st.sets(st.integers(0, len(SYMBOLS) - 1))
    return chosen.map(lambda numbers: np.array(sorted(numbers), dtype=np.int64))


def floats(count: int, values: st.SearchStrategy[float] = FLOATS) -> st.SearchStrategy[np.ndarray]:
    return st.lists(values, min_size=count, max_size=count).map(np.array)


@st.composite
def solves(draw: Callable[..., Any]) -> SolveRecord:
    held = draw(columns())
    texts = {
        name: draw(TEXT)
        for name in ("code_version", "solver", "fallback_chain", "message", "regime", "inputs_hash")
    }
    figures = {
        name: draw(FLOATS)
        for name in ("condition_number", "shrinkage", "objective", "kkt_residual")
    }
    clusters = st.lists(st.integers(-1, 9), min_size=len(held), max_size=len(held))
    return SolveRecord(
        key=draw(st.uuids()).hex,
        status=draw(st.sampled_from(["optimal", "empty", "failed"])),
        seed=draw(st.integers(0, 9)),
        columns=held,
        weights=draw(floats(len(held), st.floats(0, 1))).astype(float),
        cluster=np.array(draw(clusters), dtype=np.int32),
        **texts,
        **figures,
    )


@st.composite
def selections(draw: Callable[..., Any]) -> AtomsRecord:
    seen = draw(columns())
    count = len(seen)
    return AtomsRecord(
        key=draw(st.uuids()).hex,
        inputs_hash=draw(TEXT),
        code_version=draw(TEXT),
        columns=seen,
        chosen=np.array(draw(st.lists(st.booleans(), min_size=count, max_size=count)), dtype=bool),
        score=draw(floats(count)).astype(float),
        cluster=np.arange(count, dtype=np.int32) - 1,
        reason=tuple(draw(st.lists(TEXT, min_size=count, max_size=count))),
        stage=np.array(
            draw(st.lists(st.integers(0, 4), min_size=count, max_size=count)), dtype=np.int32
        ),
        vetoes=tuple(draw(st.lists(TEXT, min_size=count, max_size=count))),
    )


def through_parquet(table: pa.Table) -> pa.Table:
    return read_parquet(pa.BufferReader(parquet_bytes(table)), name="a table")


def same(left: Any, right: Any) -> bool:
    """Say whether two records hold the same bits."""
    for name in type(left).__dataclass_fields__:
        one, other = getattr(left, name), getattr(right, name)
        if isinstance(one, np.ndarray):
            if one.dtype != other.dtype or not np.array_equal(one, other, equal_nan=True):
                return False
        elif one != other and not (one != one and other != other):  # noqa: PLR0124 - both NaN
            return False
    return True


@given(st.lists(solves(), min_size=1, max_size=4))
def test_cube(records: list[SolveRecord]) -> None:
    names = [("all", "native", f"profile{number}") for number in range(len(records))]
    table = cube_table("us", "2020-03-01", names, records, ATOMS)
    assert table.schema == CUBE_SCHEMA
    assert table.num_rows == sum(max(1, len(record.columns)) for record in records)
    found = read_cube(through_parquet(table), SYMBOLS)
    assert list(found) == [("2020-03-01", name) for name in names]
    assert all(same(record, back) for record, back in zip(records, found.values(), strict=True))


@given(st.lists(selections(), min_size=1, max_size=3))
def test_atoms(records: list[AtomsRecord]) -> None:
    labels = [f"rule{number}" for number in range(len(records))]
    table = atoms_table("us", "2020-03-01", labels, records, ATOMS)
    assert table.schema == ATOMS_SCHEMA
    found = read_atoms(through_parquet(table), SYMBOLS)
    assert list(found) == [("2020-03-01", (label,)) for label in labels]
    assert all(
        same(record, back) or not len(record.columns)
        for record, back in zip(records, found.values(), strict=True)
    )


def record(held: list[int], **fields: Any) -> SolveRecord:
    texts = dict.fromkeys(
        ("key", "inputs_hash", "code_version", "solver", "fallback_chain", "message", "regime"), "x"
    )
    figures = dict.fromkeys(("condition_number", "shrinkage", "objective", "kkt_residual"), 0.5)
    weights = np.full(len(held), 1 / max(1, len(held)))
    arrays = {
        "columns": np.array(held, np.int64),
        "weights": weights,
        "cluster": np.full(len(held), -1, np.int32),
    }
    return SolveRecord(**{**texts, **figures, **arrays, "seed": 0, "status": "optimal", **fields})


def test_a_solve_without_weights_is_one_row_of_nulls() -> None:
    empty = record([], status="empty", message="the selection is empty")
    table = cube_table("us", "2020-03-01", [("a", "b", "c")], [empty], ATOMS)
    (row,) = table.to_pylist()
    nulls = {name for name, value in row.items() if value is None}
    assert nulls == {"atom", "symbol", "direction", "weight", "net_weight"}
    assert (row["cluster"], row["status"]) == (-1, "empty")


def test_a_row_names_its_atom() -> None:
    table = cube_table("us", "2020-03-01", [("a", "b", "c")], [record([1, 3])], ATOMS)
    rows = table.select(["atom", "symbol", "direction", "weight", "net_weight"]).to_pylist()
    assert [tuple(row.values()) for row in rows] == [
        ("B_hold_long", "B", "long", 0.5, 0.5),
        ("D_hold_long", "D", "long", 0.5, 0.5),
    ]


def test_an_empty_universe_is_one_row_without_an_atom() -> None:
    nobody = np.zeros(0)
    empty = AtomsRecord(
        "k",
        "i",
        "c",
        nobody.astype(np.int64),
        nobody.astype(bool),
        nobody,
        nobody.astype(np.int32),
        (),
        nobody.astype(np.int32),
        (),
    )
    table = atoms_table("us", "2020-03-01", ["all"], [empty], ATOMS)
    (row,) = table.to_pylist()
    assert (row["atom"], row["symbol"], row["direction"], row["selected"]) == (
        None,
        None,
        None,
        False,
    )
    assert (row["reason"], row["status"]) == (
        "no symbol has an observation in the train period",
        "empty",
    )
    assert (row["stage"], row["vetoes"]) == (None, "")
    back = read_atoms(table, SYMBOLS)["2020-03-01", ("all",)]
    assert (len(back.columns), len(back.chosen), back.reason) == (0, 0, ())
    assert (len(back.stage), back.vetoes) == (0, ())


def test_a_stage_is_null_where_none_supplied_the_atom() -> None:
    record = AtomsRecord(
        "k",
        "i",
        "c",
        columns=np.array([0, 2, 3]),
        chosen=np.array([True, False, True]),
        score=np.array([0.5, 0.9, 0.1]),
        cluster=np.zeros(3, np.int32),
        reason=("", "entropy above 0.9", ""),
        stage=np.array([1, 0, 4], np.int32),
        vetoes=("", "entropy above 0.9", "efficiency below 0.1"),
    )
    table = atoms_table("us", "2020-03-01", ["htr"], [record], ATOMS)
    rows = table.select(["symbol", "selected", "stage", "vetoes"]).to_pylist()
    assert [tuple(row.values()) for row in rows] == [
        ("A", True, 1, ""),
        ("C", False, None, "entropy above 0.9"),
        ("D", True, 4, "efficiency below 0.1"),
    ]
    assert same(read_atoms(table, SYMBOLS)["2020-03-01", ("htr",)], record)


@pytest.mark.parametrize("symbols", [("A", "C"), ("A", "B", "C", "D", "E", "F")])
def test_bytes_do_not_depend_on_symbols_without_a_row(symbols: tuple[str, ...]) -> None:
    few = [record([symbols.index("A"), symbols.index("C")])]
    table = cube_table("us", "2020-03-01", [("a", "b", "c")], few, tuple(map(Atom, symbols)))
    assert parquet_bytes(table) == parquet_bytes(
        cube_table("us", "2020-03-01", [("a", "b", "c")], [record([0, 2])], ATOMS)
    )


def test_a_record_of_an_unknown_symbol_is_left_out() -> None:
    names = [("a", "b", "c"), ("a", "b", "d")]
    table = cube_table("us", "2020-03-01", names, [record([0, 1]), record([2])], ATOMS)
    found = read_cube(table, ("B", "C"))
    assert list(found) == [("2020-03-01", ("a", "b", "d"))]
    assert found["2020-03-01", ("a", "b", "d")].columns.tolist() == [1]


def test_paths() -> None:
    dates = np.array(["2020-03-02", "2020-03-03"], dtype="datetime64[us]")
    figures = np.array([[1.0, 1.01], [0.0, 0.01], [0.5, 0.0], [0.001, 0.0], [1.0, 1.0]])
    paths = [
        CellPath((*"abcde"[:4], simulator), f"key-{simulator}", "i", "c", *(figures * scale))
        for simulator, scale in (("custom", 1.0), ("other", 2.0))
    ]
    table = paths_table("us", dates, paths)
    assert table.schema == PATH_SCHEMA
    assert table["date"].to_pylist()[:2] == table["date"].to_pylist()[2:]
    found_dates, found = read_paths(through_parquet(table))
    assert found_dates.tolist() == dates.tolist()
    assert all(same(path, back) for path, back in zip(paths, found, strict=True))
    assert read_paths(None)[1] == read_paths(paths_table("us", dates, []))[1] == []
