from __future__ import annotations

from typing import Any

import pytest

from quant_core.config import AXES, TournamentConfig, json_schema, parse_config, registry
from quant_core.errors import ConfigError

jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")


@pytest.fixture(scope="module")
def validator() -> Any:
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


GOOD: list[dict[str, Any]] = [
    {},
    {"data": "sample"},
    {"data": {"prices": "a.csv", "start": "2020-01-01"}},
    {"benchmark": None},
    {"benchmark": "SPY"},
    {"benchmark": ["SPY", "AGG"]},
    {"windows": {"train": 60, "step": "week"}},
    {"profiles": ["hrp", {"name": "min_variance", "as": "m", "covariance": "sample", "cap": 0.1}]},
    {"profiles": [{"name": "hrp", "covariance": {"name": "ewma", "halflife": 21}}]},
    {"selections": [{"name": "clustered", "per_cluster": 2}]},
    {"rebalances": [{"name": "daily_5pct", "threshold": 0.1}]},
    *({axis: list(registry(axis))} for axis in AXES),
]

BAD: list[dict[str, Any]] = [
    {"sleev": "x"},
    {"profiles": []},
    {"profiles": "hrp"},
    {"profiles": ["hrq"]},
    {"profiles": [{"name": "min_variance", "capp": 0.1}]},
    {"profiles": [{"name": "min_variance", "cap": 2}]},
    {"profiles": [{"name": "min_variance", "as": "a b"}]},
    {"profiles": [{"cap": 0.1}]},
    {"profiles": [{"name": "hrp", "covariance": "smaple"}]},
    {"engines": [{"name": "other"}]},
    {"windows": {"train": 1}},
    {"windows": {"step": "day"}},
    {"costs": {"slippage_bps": -1}},
    {"data": "nothing"},
    {"seed": -1},
    {"benchmark": ""},
]


@pytest.mark.parametrize("config", GOOD)
def test_what_the_model_takes_the_schema_takes(validator: Any, config: dict[str, Any]) -> None:
    parse_config(config)
    assert [error.message for error in validator.iter_errors(config)] == []


@pytest.mark.parametrize("config", BAD)
def test_what_the_model_refuses_the_schema_refuses(validator: Any, config: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        parse_config(config)
    assert not validator.is_valid(config)


def test_the_resolved_form_fits_the_schema(validator: Any) -> None:
    validator.validate(TournamentConfig(data="sample").resolved())


def test_every_entry_has_a_schema_of_its_own() -> None:
    schema = json_schema()
    for axis in AXES:
        entries = schema["properties"][axis]["items"]["anyOf"]
        assert entries[0] == {"enum": list(registry(axis))}
        assert [entry["$ref"] for entry in entries[1:]] == [
            f"#/$defs/{axis}.{name}" for name in registry(axis)
        ]


def test_the_schema_is_the_same_every_time() -> None:
    assert json_schema() == json_schema()
