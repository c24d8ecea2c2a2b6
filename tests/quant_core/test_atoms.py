from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_core.atoms import Atom, atoms_of
from quant_core.errors import DataError

LOGIC = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9.-]{0,10}", fullmatch=True)


@pytest.mark.parametrize(
    ("atom", "text", "column", "sign"),
    [
        (Atom("AAPL"), "AAPL_hold_long", "AAPL", 1),
        (Atom("BRK_B"), "BRK_B_hold_long", "BRK_B", 1),
        (Atom("BRK_B", "ridge", "short"), "BRK_B_ridge_short", "BRK_B_ridge_short", -1),
        (Atom("AAPL", "ridge", "long"), "AAPL_ridge_long", "AAPL_ridge_long", 1),
    ],
)
def test_an_atom_has_an_id_a_column_and_a_sign(
    atom: Atom, text: str, column: str, sign: int
) -> None:
    assert (str(atom), atom.column, atom.sign) == (text, column, sign)
    assert Atom.parse(text) == atom


@given(st.text(min_size=1), LOGIC, st.sampled_from(["long", "short"]))
def test_every_id_parses_back(symbol: str, logic: str, direction: str) -> None:
    atom = Atom(symbol, logic, direction)
    assert Atom.parse(str(atom)) == atom


@pytest.mark.parametrize(
    "text", ["", "AAPL", "AAPL_long", "AAPL_ridge_up", "_ridge_long", "A__long"]
)
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(DataError, match="expected 'symbol_logic_direction'"):
        Atom.parse(text)


def test_a_column_is_a_stream_only_of_a_strategy_that_is_there() -> None:
    columns = ("A", "A_ridge_long", "A_other_short", "B_b_ridge_short")
    assert atoms_of(columns, ["ridge"]) == (
        Atom("A"),
        Atom("A", "ridge", "long"),
        Atom("A_other_short"),
        Atom("B_b", "ridge", "short"),
    )
    assert atoms_of(columns, []) == tuple(map(Atom, columns))
