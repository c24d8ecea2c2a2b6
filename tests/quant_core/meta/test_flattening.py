from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_core.errors import ContractError, DataError
from quant_core.meta import CASH, Book, Contributor, FlatHolding, SleeveHolder, flatten, leakage
from quant_core.meta._flatten import MetaHolder
from quant_core.meta._solving import MetaSolve

if TYPE_CHECKING:
    from quant_core.meta import Holder

DAY = np.datetime64("2024-01-02")
CELL = ("all", "native", "hrp", "window", "custom")


def solve(members: list[str], weights: list[float]) -> MetaSolve:
    return MetaSolve(
        "hrp", "2024-01-01", DAY, tuple(members), (CELL,) * len(members), np.array(weights),
        "optimal", "s", "", "", 1.0, 0.0, 0.0, 0.0, "k", "i", "c",
    )  # fmt: skip


def sleeve(name: str, held: dict[str, float]) -> SleeveHolder:
    symbols = tuple(held)
    book = Book(DAY, tuple(f"{s}_hold_long" for s in symbols), symbols, np.array([*held.values()]))
    return SleeveHolder(name, CELL, [book], {})


def over(name: str, members: dict[str, tuple[float, Holder]]) -> MetaHolder:
    made = solve(list(members), [weight for weight, _ in members.values()])
    return MetaHolder(name, CELL, [made], {(one, CELL): h for one, (_, h) in members.items()})


def test_one_symbol_of_two_sleeves_is_one_position_with_both_contributors() -> None:
    us, world = sleeve("us", {"GLD": 0.5, "SPY": 0.5}), sleeve("world", {"GLD": -0.25, "BTC": 0.5})
    held = flatten(over("all", {"us": (0.6, us), "world": (0.3, world)}), DAY)
    weights = {one.symbol: round(one.net_weight, 12) for one in held}
    assert weights == {CASH: 0.325, "BTC": 0.15, "GLD": 0.225, "SPY": 0.3}
    gold = next(one for one in held if one.symbol == "GLD")
    assert [(one.sleeve, one.atom, round(one.weight, 12)) for one in gold.contributors] == [
        ("us", "GLD_hold_long", 0.3),
        ("world", "GLD_hold_long", -0.075),
    ]
    cash = next(one for one in held if one.symbol == CASH)
    # 0.3 of the second sleeve is 75 % in cash, short proceeds included; 10 % is no one's.
    assert [(one.sleeve, round(one.weight, 12)) for one in cash.contributors] == [
        ("world", 0.225),
        ("", 0.1),
    ]


shares = st.floats(-1, 1).map(lambda value: round(value, 6))
books = st.dictionaries(st.sampled_from("ABCDEFG"), shares, max_size=5).map(
    lambda held: {s: w / max(1.0, sum(map(abs, held.values()))) for s, w in held.items()}
)


@st.composite
def portfolios(draw: st.DrawFn, depth: int = 3) -> Holder:
    count = draw(st.integers(1, 3))
    parts = np.array([draw(st.floats(0.01, 1)) for _ in range(count)])
    parts = parts / parts.sum() * draw(st.floats(0.1, 1))
    members = {}
    for number, weight in enumerate(parts.tolist()):
        deeper = depth > 1 and draw(st.booleans())
        name = f"m{depth}{number}"
        members[name] = (
            weight,
            (draw(portfolios(depth - 1)) if deeper else sleeve(name, draw(books))),
        )
    return over(f"p{depth}", members)


@settings(max_examples=200, deadline=None)
@given(portfolios())
def test_nothing_leaks_however_portfolios_are_nested(holder: Holder) -> None:
    held = flatten(holder, DAY)
    assert leakage(held) < 1e-12
    assert sum(one.net_weight for one in held) == pytest.approx(1.0, abs=1e-12)
    assert [one.symbol for one in held] == sorted({one.symbol for one in held})
    for one in held:
        assert one.net_weight == pytest.approx(sum(c.weight for c in one.contributors), abs=1e-12)
        assert all(c.path.startswith("p3") for c in one.contributors)


def test_what_leaks_is_measured_and_an_error() -> None:
    who = Contributor("w", "us", "c", "a", 0.5)
    assert leakage([FlatHolding("A", 0.5, (who,))]) == 0.5
    assert leakage([FlatHolding("A", 1.0, (who,))]) == 0.5

    class Leaking(SleeveHolder):
        def parts(self, day: np.datetime64, weight: float, path: str) -> list[object]:  # type: ignore[override]
            return super().parts(day, weight, path)[:-1]

    whole = sleeve("us", {"A": 0.9})
    with pytest.raises(ContractError, match=r"0\.1 of it leaks"):
        flatten(Leaking(whole.sleeve, whole.cell, whole.books, {}), DAY)


def test_a_day_before_the_first_book_and_a_symbol_called_cash_are_refused() -> None:
    with pytest.raises(DataError, match="holds nothing yet on 2024-01-01"):
        flatten(sleeve("us", {"A": 1.0}), DAY - np.timedelta64(1, "D"))
    with pytest.raises(DataError, match="no name of a symbol"):
        flatten(sleeve("us", {CASH: 1.0}), DAY)
