from __future__ import annotations

from typing import Any, get_args

import pytest

from quant_core.cli._app import Fidelity as FidelityOption
from quant_core.config import FIDELITIES, json_schema, parse_config
from quant_core.errors import ConfigError

TIERS = {
    "low": ["custom"],
    "medium": ["custom", "vectorbt"],
    "high": ["custom", "vectorbt", "cvxportfolio", "nautilus"],
}
RENAMED = [{"name": "vectorbt", "as": "vbt"}, "custom"]


def labels(config: Any) -> list[str]:
    return [choice.label for choice in config.simulators]


@pytest.mark.parametrize("tier", TIERS)
def test_a_tier_names_its_simulators(tier: str) -> None:
    config = parse_config({"fidelity": tier})
    assert labels(config) == TIERS[tier]
    assert config.resolved()["fidelity"] == tier
    assert parse_config(config.resolved()).resolved() == config.resolved()


@pytest.mark.parametrize(
    ("simulators", "tier"),
    [
        (["custom"], "low"),
        (["vectorbt", "custom"], "medium"),
        (RENAMED, "medium"),
        (TIERS["high"][::-1], "high"),
        (["vectorbt"], None),
        (["custom", "nautilus"], None),
    ],
)
def test_simulators_say_the_tier(simulators: list[Any], tier: str | None) -> None:
    config = parse_config({"simulators": simulators})
    assert config.fidelity == tier
    if tier is not None:
        both = parse_config({"simulators": simulators, "fidelity": tier})
        assert both.resolved() == config.resolved()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"fidelity": "low", "simulators": ["vectorbt"]},
            "fidelity: low means the simulators custom, and simulators names vectorbt; remove one",
        ),
        (
            {"fidelity": "high", "simulators": ["custom", "vectorbt"]},
            "fidelity: high means the simulators custom, vectorbt, cvxportfolio, nautilus, and",
        ),
        ({"fidelity": "hi"}, "fidelity: expected 'low', 'medium' or 'high', found 'hi'"),
        ({"finalists": 0}, "finalists: expected at least 1, found 0"),
        (
            {"finalists": 3, "simulators": ["vectorbt"]},
            "finalists: cells are ranked by the simulator custom, and simulators names vectorbt",
        ),
    ],
)
def test_contradictions_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        parse_config(given)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("simulators", "tier", "expected"),
    [
        (["custom"], "high", TIERS["high"]),
        (TIERS["high"], "low", ["custom"]),
        (RENAMED, "medium", ["custom", "vbt"]),
        (["nautilus"], "medium", ["custom", "vectorbt"]),
    ],
)
def test_the_command_line_takes_the_place_of_the_file(
    simulators: list[Any], tier: str, expected: list[str]
) -> None:
    config = parse_config({"simulators": simulators, "seed": 4}).at(tier, finalists=7)  # type: ignore[arg-type]  # one of the table
    assert labels(config) == expected
    assert (config.fidelity, config.finalists, config.seed) == (tier, 7, 4)


def test_nothing_chosen_changes_nothing() -> None:
    config = parse_config({"simulators": ["vectorbt"]})
    assert config.at() is config


def test_every_place_offers_the_same_tiers() -> None:
    option = get_args(FidelityOption)[0]
    literal = next(part for part in get_args(option) if part is not type(None))
    assert get_args(literal) == FIDELITIES == tuple(TIERS)
    schema = json_schema()["properties"]["fidelity"]["anyOf"][0]
    assert schema["enum"] == list(TIERS)
