from __future__ import annotations

import numpy as np
import pytest

from quant_core.config import TournamentConfig
from quant_core.data import DollarVolume, ReturnsMatrix
from quant_core.errors import ConfigError, DataError
from quant_core.tournament import Inputs, configuration_ids, discover

DAYS = np.arange(np.datetime64("2021-01-01"), np.datetime64("2021-02-05")).astype("datetime64[us]")
RULES = {"history": 25, "coverage": 0.9, "liquidity": {"top": 2, "sessions": 5}}


def inputs(config: TournamentConfig) -> Inputs:
    values = np.random.default_rng(1).normal(0, 0.01, (len(DAYS), 6))
    # d begins late, e ends early, f has a hole.
    values[:10, 3] = np.nan
    values[29:, 4] = np.nan
    values[15, 5] = np.nan
    return Inputs.of(ReturnsMatrix(DAYS, tuple("abcdef"), values), config)


def traded() -> DollarVolume:
    values = np.outer(np.ones(len(DAYS)), [3.0, 1.0, 2.0, 9.0, 9.0, 9.0])
    # What is traded in the window itself is not known before it.
    values[30:, 1] = 1000.0
    return DollarVolume(DAYS, tuple("abcdef"), values)


def config(**rules: object) -> TournamentConfig:
    return TournamentConfig(windows={"train": 30, "step": "month"}, calendar="24/7", universe=rules)


def reasons(rules: dict[str, object], volume: DollarVolume | None = None) -> dict[str, str]:
    chosen = config(**rules)
    given = inputs(chosen)
    (window,) = [window for window in given.windows() if window.key == "2021-02-01"]
    found = discover(given, chosen, [window], volume)
    assert found is not None
    who = found["2021-02-01"]
    return dict(zip([given.matrix.symbols[c] for c in who.columns], who.reason, strict=True))


def test_each_rule_gives_its_reason() -> None:
    # The train period is the second of January to the end of it.
    assert reasons(RULES, traded()) == {
        "a": "",
        "b": "liquidity: not among the 2 most traded",
        "c": "",
        "d": "history: 21 of 25 observations",
        "e": "no observation at the end of the train period",
        "f": "gap inside the train period",
    }


def test_coverage_counts_sessions() -> None:
    assert reasons({"coverage": 0.98})["f"] == "coverage: 29 of 30 sessions observed"
    assert reasons({"coverage": 0.9})["f"] == "gap inside the train period"


def test_a_symbol_without_volume_is_not_liquid() -> None:
    volume = traded()
    values = volume.values.copy()
    values[:, 2] = np.nan
    found = reasons(RULES, DollarVolume(volume.dates, volume.symbols, values))
    assert found["c"] == "liquidity: no volume in the last 5 observations"
    assert found["b"] == ""


def test_what_is_traded_later_changes_nothing() -> None:
    volume = traded()
    later = volume.values.copy()
    later[31:] = 1e9 * np.arange(6)
    assert reasons(RULES, DollarVolume(volume.dates, volume.symbols, later)) == reasons(
        RULES, volume
    )


def test_without_rules_there_is_nothing_to_discover() -> None:
    chosen = config()
    assert discover(inputs(chosen), chosen, []) is None


def test_liquidity_without_volumes_is_an_error() -> None:
    with pytest.raises(DataError, match=r"universe\.liquidity: the data have no volumes"):
        reasons({"liquidity": {"top": 2, "sessions": 5}})


def test_rules_are_part_of_a_trial_only_where_they_are_given() -> None:
    plain = TournamentConfig(windows={"train": 30})
    assert configuration_ids(plain) == configuration_ids(TournamentConfig(windows={"train": 30}))
    assert not set(configuration_ids(config(history=20))) & set(configuration_ids(plain))


@pytest.mark.parametrize(
    ("fields", "match"),
    [
        ({"history": 31}, r"universe\.history: expected at most the 30 observations"),
        ({"coverage": 1.5}, r"universe\.coverage: expected at most 1"),
        (
            {"liquidity": {"top": 5, "sessions": 99}},
            r"universe\.liquidity\.sessions: expected at most the 30",
        ),
        ({"volume": 1}, r"universe\.volume: unknown key"),
    ],
)
def test_wrong_rules_are_told(fields: dict[str, object], match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        config(**fields)


def test_liquidity_needs_a_column_of_volumes() -> None:
    with pytest.raises(ConfigError, match=r"universe\.liquidity: needs volumes"):
        TournamentConfig(data="sample", universe={"liquidity": {"top": 5, "sessions": 20}})


def test_an_unknown_calendar_is_told_at_its_field() -> None:
    with pytest.raises(ConfigError, match=r"calendar: unknown calendar 'NYX'"):
        TournamentConfig(calendar="NYX")
