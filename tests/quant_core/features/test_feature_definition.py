from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest
from pydantic import ValidationError

from quant_core.cells import code_closure
from quant_core.features import Feature, FeatureSet
from quant_core.features._definition import _CODE


@pytest.mark.parametrize(
    ("parameters", "name", "lookback"),
    [
        ({"kind": "return", "window": 1}, "return_1", 2),
        ({"kind": "sma", "window": 20}, "sma_20", 20),
        ({"kind": "sma", "window": 20, "relative": True}, "sma_20_relative", 20),
        ({"kind": "ema", "window": 1}, "ema_1", 1),
        ({"kind": "ema", "window": 12}, "ema_12", 83),
        ({"kind": "ema", "window": 26}, "ema_26", 180),
        ({"kind": "rsi", "window": 14}, "rsi_14", 188),
        ({"kind": "rsi", "window": 1}, "rsi_1", 2),
        ({"kind": "volatility", "window": 20}, "volatility_20", 21),
        ({"kind": "momentum", "window": 252, "lag": 21}, "momentum_252_lag21", 253),
        ({"kind": "momentum", "window": 20, "lag": 1}, "momentum_20", 21),
        ({"kind": "bollinger", "window": 20, "width": 2}, "bollinger_20", 20),
        ({"kind": "bollinger", "window": 20, "width": 2.5}, "bollinger_20_width2.5", 20),
        (
            {"kind": "permutation_entropy", "window": 50, "order": 4, "lag": 2},
            "permutation_entropy_50_order4_lag2",
            50,
        ),
        ({"kind": "efficiency_ratio", "window": 10}, "efficiency_ratio_10", 11),
        ({"kind": "hurst", "window": 64}, "hurst_64", 64),
    ],
)
def test_name_and_lookback(parameters: dict[str, Any], name: str, lookback: int) -> None:
    feature = Feature(**parameters)
    assert (feature.name, feature.lookback) == (name, lookback)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"kind": "sma", "window": 0}, "window"),
        ({"kind": "volatility", "window": 1}, "expected at least 2 for volatility, found 1"),
        ({"kind": "hurst", "window": 7}, "expected at least 8 for hurst"),
        ({"kind": "momentum", "window": 5, "lag": 5}, "expected at least 6 for momentum"),
        ({"kind": "permutation_entropy", "window": 3}, "expected at least 4"),
        ({"kind": "permutation_entropy", "window": 9, "lag": 0}, "lag: expected at least 1"),
        ({"kind": "sma", "window": 5, "width": 2.0}, "width: not a parameter of sma"),
        ({"kind": "hurst", "window": 50, "relative": False}, "relative: not a parameter"),
        ({"kind": "macd", "window": 5}, "kind"),
        ({"kind": "sma", "window": 5, "colour": "red"}, "colour"),
    ],
)
def test_refused(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Feature(**parameters)


def test_a_default_spelled_out_is_the_same_feature() -> None:
    plain = Feature(kind="bollinger", window=20)
    assert plain == Feature(kind="bollinger", window=20, width=2.0)
    assert plain == Feature.model_validate_json(plain.model_dump_json())
    with pytest.raises(ValidationError, match="expected each feature once"):
        FeatureSet(features=(plain, Feature(kind="bollinger", window=20, width=2.0)))


def sets() -> list[FeatureSet]:
    sma, ema = Feature(kind="sma", window=20), Feature(kind="ema", window=20)
    return [
        FeatureSet(features=(sma, ema)),
        FeatureSet(features=(ema, sma)),
        FeatureSet(features=(sma,)),
        FeatureSet(features=(Feature(kind="sma", window=21), ema)),
        FeatureSet(features=(sma, Feature(kind="ema", window=20, relative=True))),
        FeatureSet(features=(sma, ema), sampling="1m"),
        FeatureSet(features=(sma, ema), sampling="60s"),
    ]


def test_hash_tells_sets_apart() -> None:
    hashes = [chosen.hash for chosen in sets()]
    assert len(set(hashes)) == len(hashes)
    assert hashes == [chosen.hash for chosen in sets()]


def test_hash_is_the_same_in_another_process() -> None:
    code = (
        "from quant_core.features import FeatureSet\n"
        "print(FeatureSet(features=({'kind': 'sma', 'window': 20},)).hash)"
    )
    environment = os.environ | {"PYTHONHASHSEED": "4321"}
    ran = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == sets()[2].hash


def test_hash_follows_the_code_of_the_numbers_alone() -> None:
    assert code_closure(*_CODE) == (
        "quant_core.features._bars",
        "quant_core.features._encoding",
        "quant_core.features._kernels",
        "quant_core.features._lookback",
    )


def test_lookback_of_a_set_is_the_longest() -> None:
    assert sets()[0].lookback == Feature(kind="ema", window=20).lookback


def test_defining_features_does_not_bring_the_compiler() -> None:
    code = (
        "import sys\n"
        "from quant_core.features import FeatureSet\n"
        "FeatureSet(features=({'kind': 'sma', 'window': 20},)).hash\n"
        "assert not {'numba', 'pandas', 'scipy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
