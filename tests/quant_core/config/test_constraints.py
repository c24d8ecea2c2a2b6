"""Constraints that a configuration may not ask for."""

from __future__ import annotations

from typing import Any

import pytest

from quant_core.config import TournamentConfig, check_constraints
from quant_core.errors import ConfigError

SYMBOLS = ("AAA", "BBB", "CCC", "INDEX")


def check(**fields: Any) -> None:
    profile = {"name": "min_variance", **fields}
    check_constraints(
        TournamentConfig(profiles=["hrp", "market", profile], benchmark="INDEX"), SYMBOLS
    )


def group(*symbols: str, **bounds: float) -> dict[str, Any]:
    return {"name": "some", "symbols": list(symbols), **bounds}


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"cap": 0.4, "minimum": 0.4},
        {"groups": [group("AAA", "CCC", least=0.5)]},
        {"cap": 0.25, "groups": [group("AAA", "CCC", least=0.5)]},
        {"name": "adaptive", "recent": 251},
    ],
)
def test_what_may_be_kept(fields: dict[str, Any]) -> None:
    check(**fields)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"cap": 0.2, "minimum": 0.3}, "minimum: expected at most the cap 0.2, found 0.3"),
        (
            {"groups": [group("AAA"), group("BBB", "BBC")]},
            "groups[1].symbols[1]: no data for 'BBC' (did you mean 'BBB'?)",
        ),
        (
            {"groups": [group("INDEX")]},
            "groups[0].symbols[0]: 'INDEX' is the benchmark: it is never selected",
        ),
        (
            {"cap": 0.2, "groups": [group("AAA", "BBB", least=0.5)]},
            "groups[0].least: 2 symbols under a cap of 0.2 hold at most 0.4, below 0.5",
        ),
        (
            {"name": "adaptive", "recent": 252},
            "recent: expected fewer than windows.train 252, found 252",
        ),
    ],
)
def test_what_may_not(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check(**fields)
    assert str(caught.value) == f"configuration: profiles[2].{message}"


def test_a_short_atom_doubles_the_room_of_a_symbol() -> None:
    profile = {"name": "min_variance", "cap": 0.25, "groups": [group("AAA", least=0.5)]}
    both = TournamentConfig(profiles=[profile], directions=["long", "short"])
    check_constraints(both, SYMBOLS)
    with pytest.raises(ConfigError, match=r"hold at most 0\.25"):
        check_constraints(TournamentConfig(profiles=[profile]), SYMBOLS)
