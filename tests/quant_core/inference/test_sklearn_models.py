"""Models of scikit-learn through skl2onnx: kernels against ONNX Runtime and the library."""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any

import numpy as np
import pytest

from quant_core.inference import ModelBank, load

from .graphs import FLOAT, File, spec_of

pytest.importorskip("skl2onnx")

INPUTS = 5
DRAW = np.random.default_rng(0)
ROWS = DRAW.normal(size=(300, INPUTS))
TARGET = ROWS[:, 0] + 0.1 * ROWS[:, 1] ** 2 + 0.01 * DRAW.normal(size=300)


def estimators() -> dict[str, Any]:
    from sklearn.ensemble import (
        GradientBoostingRegressor,
        HistGradientBoostingRegressor,
        RandomForestRegressor,
    )
    from sklearn.linear_model import Lasso, LinearRegression, Ridge
    from sklearn.neural_network import MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler, StandardScaler

    hidden = {"hidden_layer_sizes": (8, 4), "max_iter": 20, "random_state": 0}
    return {
        "linear": LinearRegression(),
        "ridge, standardised": make_pipeline(StandardScaler(), Ridge()),
        "lasso, scaled": make_pipeline(MinMaxScaler(), Lasso(alpha=0.01)),
        "mlp, relu": make_pipeline(StandardScaler(), MLPRegressor(**hidden)),
        "mlp, tanh": MLPRegressor(activation="tanh", **hidden),
        "mlp, logistic": MLPRegressor(activation="logistic", **hidden),
        "gradient boosting": GradientBoostingRegressor(n_estimators=20, random_state=0),
        "random forest": RandomForestRegressor(n_estimators=10, max_depth=5, random_state=0),
        "histogram boosting": HistGradientBoostingRegressor(max_iter=20, random_state=0),
    }


BACKENDS = {
    "linear": "linear",
    "ridge, standardised": "linear",
    "lasso, scaled": "linear",
    "mlp, relu": "mlp",
    "mlp, tanh": "mlp",
    "mlp, logistic": "mlp",
    "gradient boosting": "trees",
    "random forest": "trees",
    "histogram boosting": "trees",
}


@cache
def trained(name: str, dtype: str) -> tuple[Any, File]:
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import (
        DoubleTensorType,
        FloatTensorType,
    )

    kind = DoubleTensorType if dtype == "float64" else FloatTensorType
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # twenty iterations do not converge, nor need they
        estimator = estimators()[name].fit(ROWS, TARGET)
        model = to_onnx(
            estimator,
            initial_types=[("X", kind([None, INPUTS]))],
            target_opset={"": 18, "ai.onnx.ml": 3},
        )
    if BACKENDS[name] == "trees":
        # skl2onnx declares a double output, which the operator does not have.
        model.graph.output[0].type.tensor_type.elem_type = FLOAT
    data = model.SerializeToString()
    return estimator, (data, spec_of(data, INPUTS, dtype))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", BACKENDS)
def test_a_kernel_agrees_with_onnx_runtime(name: str, dtype: str) -> None:
    _, file = trained(name, dtype)
    model = load(*file)
    session = ModelBank([model], [np.arange(INPUTS)], backend="onnxrt")
    wanted = session.predict(ROWS)[:, 0]

    assert model.backend == BACKENDS[name], model.detail
    assert session.failures == {}
    if model.backend == "trees":
        assert model.predict(ROWS).tobytes() == wanted.tobytes()
    else:
        bound = 1e-13 if dtype == "float64" else 2e-6
        assert np.abs(model.predict(ROWS) - wanted).max() <= bound * np.abs(wanted).max()


@pytest.mark.parametrize("name", [name for name in BACKENDS if BACKENDS[name] != "trees"])
def test_a_double_kernel_agrees_with_the_library(name: str) -> None:
    estimator, file = trained(name, "float64")
    native = np.asarray(estimator.predict(ROWS))

    assert np.abs(load(*file).predict(ROWS) - native).max() <= 1e-13 * np.abs(native).max()
