from __future__ import annotations

import itertools

import pytest
from pydantic import ValidationError

from quant_core.canonical import digest_json
from quant_core.config import Cell, Choice, TournamentConfig, cells, check_caps, parse_config
from quant_core.errors import ConfigError
from quant_core.profiles import PROFILES, MinVariance


def test_problems_of_a_direct_construction_are_config_errors() -> None:
    with pytest.raises(ConfigError, match=r"configuration: profiles\[0\]: unknown name 'hrq'"):
        TournamentConfig(profiles=["hrq"])


def test_a_configuration_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        TournamentConfig().seed = 1  # type: ignore[misc]  # the attempt is the test


def test_choices_are_taken_as_they_are() -> None:
    choice = Choice("mine", MinVariance(cap=0.2))
    assert TournamentConfig(profiles=[choice, "hrp"]).profiles[0] is choice


def test_the_defaults_name_entries_that_exist() -> None:
    config = TournamentConfig()
    assert {choice.label for choice in config.profiles} <= set(PROFILES)
    assert len(cells(config)) == 4 * 1 * 8 * 3 * 1


def test_cells_are_the_cross_product_in_the_order_of_the_configuration() -> None:
    config = TournamentConfig(
        selections=["clustered", "all"],
        profiles=["market", {"name": "hrp", "as": "h"}],
        rebalances=["daily", "window"],
    )
    expected = itertools.product(["clustered", "all"], ["market", "h"], ["daily", "window"])
    assert cells(config) == [
        Cell(selection, "native", profile, rebalance, "custom")
        for selection, profile, rebalance in expected
    ]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, ()),
        ({"benchmark": None}, ()),
        ({"benchmark": "SPY"}, ("SPY",)),
        ({"benchmark": ["SPY", "AGG"]}, ("SPY", "AGG")),
        ({"data": "sample"}, ("SP500",)),
        ({"data": {"sample": True}}, ("SP500",)),
        ({"data": "sample", "benchmark": None}, ()),
        ({"data": "sample", "benchmark": "AAPL"}, ("AAPL",)),
        ({"data": {"prices": "x.csv"}}, ()),
    ],
)
def test_the_benchmark(given: dict[str, object], expected: tuple[str, ...]) -> None:
    assert TournamentConfig(**given).benchmark == expected


def test_other_data_take_the_place_of_the_source_only() -> None:
    config = TournamentConfig(data={"returns": "a.csv", "exclude": ["X"]}, seed=3)
    other = config.with_data(prices="b.csv")
    assert other.data is not None
    assert (other.data.prices, other.data.returns, other.data.exclude) == ("b.csv", None, ("X",))
    assert other.seed == 3


def test_the_sample_takes_its_benchmark_with_it() -> None:
    assert TournamentConfig(data="sample").with_data(prices="b.csv").benchmark == ()
    assert TournamentConfig().with_data(sample=True).benchmark == ("SP500",)


GIVEN = {
    "sleeve": "x",
    "data": {"prices": "a.csv", "end": "2020-01-31"},
    "profiles": ["hrp", {"name": "min_variance", "cap": 0.5, "as": "m"}],
    "benchmark": "SPY",
}


def test_the_resolved_form_can_be_read_back() -> None:
    config = parse_config(GIVEN)
    again = parse_config(config.resolved())
    assert again == config
    assert again.resolved() == config.resolved()


def test_the_resolved_form_does_not_depend_on_the_order_of_keys() -> None:
    turned = {key: GIVEN[key] for key in reversed(GIVEN)}
    turned["profiles"] = ["hrp", {"as": "m", "cap": 0.5, "name": "min_variance"}]
    assert digest_json(parse_config(turned).resolved()) == digest_json(
        parse_config(GIVEN).resolved()
    )


def test_a_default_written_out_resolves_to_the_same() -> None:
    written = {"name": "top_momentum", "count": 20, "lookback": None, "skip": 21}
    assert (
        TournamentConfig(selections=[written]).resolved()
        == TournamentConfig(selections=["top_momentum"]).resolved()
    )


def _capped(cap: float) -> TournamentConfig:
    selections = ["all", {"name": "top_momentum", "count": 5, "as": "five"}]
    profiles = ["hrp", {"name": "min_variance", "cap": cap}]
    return TournamentConfig(selections=selections, profiles=profiles)


@pytest.mark.parametrize(
    ("cap", "symbols"), [(0.2, 5), (0.2, 500), (0.25, 4), (1.0, 1), (1 / 3, 3)]
)
def test_caps_with_room(cap: float, symbols: int) -> None:
    check_caps(_capped(cap), symbols)


@pytest.mark.parametrize(
    ("cap", "symbols", "message"),
    [
        (
            0.19,
            500,
            (
                "configuration: profiles[1].cap: 0.19 x the 5 atoms of selections[1] (five) "
                "is 0.95, below 1; expected at least 0.2"
            ),
        ),
        (
            0.2,
            4,
            (
                "configuration: profiles[1].cap: 0.2 x the 4 symbols of the data is 0.8, below 1; "
                "expected at least 0.25"
            ),
        ),
    ],
)
def test_caps_without_room(cap: float, symbols: int, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_caps(_capped(cap), symbols)
    assert str(caught.value) == message
