"""How a covariance estimator is written in a configuration."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from quant_core.covariance import CovarianceSpec


@pytest.mark.parametrize(
    ("written", "name", "halflife", "decay"),
    [
        ("sample", "sample", None, 1.0),
        ("ledoit_wolf", "ledoit_wolf", None, 1.0),
        ("ewma", "ewma", 63.0, 0.5 ** (1 / 63)),
        ({"name": "ewma", "halflife": 1}, "ewma", 1.0, 0.5),
        ({}, "ledoit_wolf", None, 1.0),
    ],
)
def test_written_as_a_name_or_a_mapping(
    written: object, name: str, halflife: float | None, decay: float
) -> None:
    spec = CovarianceSpec.model_validate(written)
    assert (spec.name, spec.halflife, spec.decay) == (name, halflife, decay)
    assert CovarianceSpec.model_validate(spec.model_dump()) == spec


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("shrunk", "'sample', 'ledoit_wolf' or 'ewma'"),
        ({"name": "sample", "halflife": 21}, "halflife is a parameter of ewma"),
        ({"name": "ewma", "halflife": -1}, "greater than 0"),
        ({"name": "ewma", "halflife": 0}, "greater than 0"),
        ({"name": "ewma", "window": 21}, "Extra inputs"),
        ({"name": "ewma", "halflife": float("nan")}, "finite number"),
    ],
)
def test_wrong_entries_name_the_field(written: object, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        CovarianceSpec.model_validate(written)


def test_schema_offers_the_names_to_an_editor() -> None:
    text = str(CovarianceSpec.model_json_schema())
    assert "'enum': ['sample', 'ledoit_wolf', 'ewma']" in text
