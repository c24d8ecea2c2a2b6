from __future__ import annotations

from typing import Any

import pytest

from quant_core.config import json_schema, parse_config
from quant_core.errors import ConfigError

OK: dict[str, Any] = {
    "name": "ridge",
    "features": [{"kind": "momentum", "window": 20}],
    "model": {"kind": "linear"},
}


def test_a_strategy_is_read_back_as_it_was_resolved() -> None:
    config = parse_config({"strategies": [OK, {**OK, "name": "trees", "directions": ["short"]}]})
    assert parse_config(config.resolved()) == config
    assert config.with_data(sample=True).strategies == config.strategies
    assert config.strategies[0].feature_set.names == ("momentum_20",)
    assert parse_config({}).strategies == ()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"nme": 1}, r"strategies\[0\]\.nme: unknown key \(did you mean 'name'\?\)"),
        ({"name": "a_b"}, r"strategies\[0\]\.name: String should match pattern"),
        ({"name": "hold"}, "'hold' is the logic of an asset that is held"),
        ({"features": []}, r"strategies\[0\]\.features: expected features, each once; found none"),
        ({"features": OK["features"] * 2}, "each once; found momentum_20, momentum_20"),
        ({"features": [{"kind": "rsi"}]}, r"features\[0\]\.window: required and missing"),
        ({"model": {"kind": "liner"}}, r"model: unknown kind 'liner' \(did you mean 'linear'\?\)"),
        ({"model": {}}, r"model: expected a mapping with kind, found \{\}"),
        (
            {"model": {"kind": "linear", "alpha": -1}},
            r"model\.alpha: expected at least 0, found -1",
        ),
        (
            {"model": {"kind": "mlp", "alfa": 1}},
            r"strategies\[0\]\.model\.alfa: unknown key \(did you mean 'alpha'\?\)",
        ),
        ({"training": {"observation": 9}}, r"training\.observation: unknown key \(did you mean"),
        ({"training": {"observations": 100}}, "expected more held out than the horizon is long"),
        ({"horizon": 200}, "expected more held out than the horizon is long"),
        ({"directions": ["up"]}, r"directions\[0\]: expected 'long' or 'short', found 'up'"),
        ({"directions": ["long", "long"]}, "expected each once, found long, long"),
    ],
)
def test_every_problem_is_told_with_its_place(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as error:
        parse_config({"strategies": [{**OK, **change}]})
    assert "problems" not in str(error.value)


def test_two_strategies_may_not_share_a_name() -> None:
    with pytest.raises(ConfigError, match=r"strategies\[1\]\.name: 'ridge' is already the name of"):
        parse_config({"strategies": [OK, OK]})


def test_the_schema_knows_strategies() -> None:
    schema = json_schema()
    assert schema["properties"]["strategies"]["items"] == {"$ref": "#/$defs/StrategyConfig"}
    assert set(schema["$defs"]["StrategyConfig"]["required"]) == {"name", "features", "model"}
