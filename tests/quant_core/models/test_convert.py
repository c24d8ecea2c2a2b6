from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from quant_core.errors import ModelFormatError
from quant_core.models import convert_model, parity_report, probe_rows
from quant_core.models._ubjson import read_ubjson

from .by_hand import make_model
from .conftest import make_rows

if TYPE_CHECKING:
    from collections.abc import Callable

lightgbm = pytest.importorskip("lightgbm", reason="lightgbm is an extra (boosting)")
xgboost = pytest.importorskip("xgboost", reason="xgboost is an extra (boosting)")

ROWS = make_rows(300)
TARGETS: dict[str, np.ndarray] = {
    "return": ROWS.target,
    "up": (ROWS.target > 0).astype(float),
    "size": np.abs(ROWS.target) + 1e-3,
    "class": np.digitize(ROWS.target, [-0.01, 0.01]).astype(float),
}


def _lightgbm(
    objective: str, target: str = "return", *, columns: Any = "auto", **more: Any
) -> bytes:
    parameters = {
        "objective": objective,
        "num_leaves": 6,
        "num_threads": 1,
        "verbosity": -1,
        **more,
    }
    data = lightgbm.Dataset(
        ROWS.features, TARGETS[target], params=parameters, categorical_feature=columns
    )
    return str(lightgbm.train(parameters, data, 8).model_to_string()).encode()


def _xgboost(objective: str, target: str = "return", *, form: str = "json", **more: Any) -> bytes:
    parameters = {"objective": objective, "max_depth": 3, "nthread": 1, "verbosity": 0, **more}
    data = xgboost.DMatrix(ROWS.features, TARGETS[target], nthread=1)
    return bytes(xgboost.train(parameters, data, 8).save_raw(form))


@pytest.mark.parametrize(
    ("objective", "target"),
    [
        ("regression", "return"),
        ("regression_l1", "return"),
        ("huber", "return"),
        ("fair", "return"),
        ("quantile", "return"),
        ("mape", "return"),
        ("binary", "up"),
        ("poisson", "size"),
        ("gamma", "size"),
        ("tweedie", "size"),
    ],
)
def test_a_lightgbm_file(objective: str, target: str) -> None:
    made = convert_model(_lightgbm(objective, target), name="m.txt")
    found = parity_report(made, probe_rows(made.to_onnx(), inputs=4))
    assert found.passed
    assert found.tolerance == 1e-12
    assert made.framework.startswith("lightgbm ")


@pytest.mark.parametrize("form", ["json", "ubj"])
@pytest.mark.parametrize(
    ("objective", "target", "more"),
    [
        ("reg:squarederror", "return", {}),
        ("reg:squarederror", "return", {"gamma": 1e-3, "num_parallel_tree": 2, "subsample": 0.5}),
        ("reg:squarederror", "return", {"rate_drop": 0.5}),
        ("reg:absoluteerror", "return", {}),
        ("reg:pseudohubererror", "return", {}),
        ("reg:quantileerror", "return", {"quantile_alpha": 0.4}),
        ("reg:logistic", "up", {}),
        ("binary:logistic", "up", {"base_score": 0.3}),
        ("count:poisson", "size", {}),
        ("reg:gamma", "size", {}),
        ("reg:tweedie", "size", {}),
    ],
)
def test_an_xgboost_file(objective: str, target: str, form: str, more: dict[str, Any]) -> None:
    made = convert_model(_xgboost(objective, target, form=form, **more), name="m.json")
    found = parity_report(made, probe_rows(made.to_onnx(), inputs=4))
    assert found.passed
    assert found.max_relative < 1e-5
    assert made.framework.startswith("xgboost ")


def test_missing_values_in_the_training_change_no_complete_row() -> None:
    features = ROWS.features.copy()
    features[::7, 2] = np.nan
    parameters = {"objective": "regression", "num_threads": 1, "verbosity": -1}
    booster = lightgbm.train(parameters, lightgbm.Dataset(features, ROWS.target), 8)
    made = convert_model(str(booster.model_to_string()).encode(), name="m.txt")
    assert parity_report(made, probe_rows(made.to_onnx(), inputs=4)).max_absolute == 0.0


REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "lightgbm, categories": (
        lambda: _lightgbm_categories(),  # noqa: PLW0108 - defined below
        "m: tree 0: expected numeric splits and constant leaves",
    ),
    "lightgbm, linear leaves": (
        lambda: _lightgbm("regression", linear_tree=True),
        "m: tree [01]: expected numeric splits and constant leaves",
    ),
    "lightgbm, zeros that are missing": (
        lambda: _lightgbm("regression", zero_as_missing=True),
        "expected zero to be a value, found zero_as_missing",
    ),
    "lightgbm, classes": (
        lambda: _lightgbm("multiclass", "class", num_class=3),
        "expected one output .* with 3 trees an iteration",
    ),
    "lightgbm, another link": (
        lambda: _lightgbm("binary", "up", sigmoid=2.0),
        "found 'binary sigmoid:2'",
    ),
    "lightgbm, a forest": (
        lambda: _lightgbm("regression", boosting="rf", bagging_freq=1, bagging_fraction=0.5),
        "expected boosted trees, found averaged ones",
    ),
    "xgboost, classes": (
        lambda: _xgboost("multi:softprob", "class", num_class=3),
        "expected booster gbtree with one output .* found gbtree with 3 outputs",
    ),
    "xgboost, the older form of dropped trees": (
        lambda: _xgboost("reg:squarederror").replace(b'"gbtree"', b'"dart"'),
        "found dart",
    ),
    "xgboost, no trees": (lambda: _xgboost("reg:squarederror", booster="gblinear"), "gblinear"),
    "xgboost, another objective": (lambda: _xgboost("rank:pairwise"), "'rank:pairwise'"),
    "xgboost, categories": (lambda: _xgboost_categories(), "expected numeric splits"),  # noqa: PLW0108 - defined below
    "lightgbm, cut off": (lambda: _lightgbm("regression")[:700], "m: expected tree 1 where"),
    "lightgbm, not text": (lambda: b"tree\nversion=v4\n\xff\xfe", "m: expected LightGBM's text"),
    "xgboost, cut off": (
        lambda: _xgboost("reg:squarederror")[:900],
        "m: expected what XGBoost saves",
    ),
    "xgboost, cut off in binary": (
        lambda: _xgboost("reg:squarederror", form="ubj")[:900],
        "m: expected what XGBoost saves",
    ),
    "xgboost, other json": (lambda: b'{"learner": 3}', "m: expected what XGBoost saves"),
    "xgboost, an impossible start": (
        lambda: re.sub(
            rb'"base_score":"[^"]*"', b'"base_score":"[0E0]"', _xgboost("binary:logistic", "up")
        ),
        "m: expected what XGBoost saves",
    ),
    "ONNX already": (make_model, "found onnx; nothing read it"),
    "nothing": (lambda: b"", "found an empty file"),
}


def _lightgbm_categories() -> bytes:
    features = ROWS.features.copy()
    features[:, 0] = np.arange(len(features)) % 9
    data = lightgbm.Dataset(features, features[:, 0] % 2, categorical_feature=[0])
    made = lightgbm.train({"objective": "regression", "verbosity": -1, "num_threads": 1}, data, 2)
    return str(made.model_to_string()).encode()


def _xgboost_categories() -> bytes:
    features = ROWS.features.copy()
    features[:, 0] = np.arange(len(features)) % 9
    types = ["c", "q", "q", "q"]
    data = xgboost.DMatrix(
        features, features[:, 0] % 2, feature_types=types, enable_categorical=True, nthread=1
    )
    made = xgboost.train({"max_cat_to_onehot": 1, "nthread": 1, "verbosity": 0}, data, 2)
    return bytes(made.save_raw("json"))


@pytest.mark.parametrize("case", REFUSED)
def test_files_that_cannot_be_converted_exactly(case: str) -> None:
    make, message = REFUSED[case]
    data = make()
    with pytest.raises(ModelFormatError, match=message):
        convert_model(data, name="m")


@pytest.mark.parametrize("form", ["lightgbm", "json", "ubj"])
def test_a_file_cut_off_anywhere_is_no_model_and_no_crash(form: str) -> None:
    data = (
        _lightgbm("regression") if form == "lightgbm" else _xgboost("reg:gamma", "size", form=form)
    )
    end = data.index(b"end of parameters") if form == "lightgbm" else len(data)
    for length in [*range(20, end, 97), end - 1]:
        with pytest.raises(ModelFormatError):
            convert_model(data[:length], name="m")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "expected 1 bytes at 0, found the end"),
        (b"{L", "expected 8 bytes at 2"),
        (b"{i\x01ai\x05", "expected 1 bytes at 6"),
        (b"i\x05i\x05", "expected the end at byte 2, found more"),
        (b"?", "expected a value at 0, found byte 0x3f"),
        (b"[$d#L\x7f\xff\xff\xff\xff\xff\xff\xff", "bytes at 13, found the end"),
        (b"[#i\xff", "expected a count that is not negative"),
        (b"{i\xff", "expected -1 bytes"),
        (b"{d", "expected a length at 1"),
        (b"[$S#i\x01", "expected an array of numbers"),
        (b"[" * 40, "expected at most 32 levels"),
    ],
)
def test_ubjson_that_is_none(data: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_ubjson(data)


def test_ubjson_spelled_out() -> None:
    data = (
        b"{i\x01a[i\x05U\xc8TFZ]i\x01bSi\x02hi"
        b"i\x01c[$I#i\x02\x01\x00\xff\xffi\x01d[#i\x01d?\x80\x00\x00}"
    )
    assert read_ubjson(data) == {
        "a": [5, 200, True, False, None],
        "b": "hi",
        "c": [256, -1],
        "d": [1.0],
    }
