"""Graphs that kernels evaluate, with predictions worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx  # noqa: TID253 - takes graphs apart
import pytest

from quant_core.inference import load

from .graphs import FLOAT, File, forest, graph, linear, node, perceptron, regressor

SCALED = {"m": [1.0, 2.0], "d": [2.0, 4.0], "W": [[1.0], [3.0]], "b": [0.5]}
NETWORKS: dict[str, tuple[list[Any], dict[str, Any], list[float]]] = {
    # x = (3, 6): (3 - 1) / 2 = 1, (6 - 2) / 4 = 1; 1 + 3 + 0.5. x = (-1, 2): -1 + 0 + 0.5.
    "scaled": (
        [
            node("Sub", ["X", "m"], ["a"]),
            node("Div", ["a", "d"], ["s"]),
            node("MatMul", ["s", "W"], ["p"]),
            node("Add", ["p", "b"], ["Y"]),
        ],
        SCALED,
        [4.5, -0.5],
    ),
    # 10 - x is (7, 4) and (11, 8); both times 2, plus 1: (15, 9) and (23, 17).
    "subtracted from a constant": (
        [
            node("Sub", ["t", "X"], ["a"]),
            node("Mul", ["two", "a"], ["c"]),
            node("Add", ["c", "one"], ["e"]),
            node("MatMul", ["e", "W"], ["Y"]),
        ],
        {"t": [[10.0]], "two": 2.0, "one": [1.0, 1.0], "W": [[1.0], [-1.0]]},
        [6.0, 6.0],
    ),
    # 2 x W' + 3 b with W' = ((1, 1), (0, -1)): (2 * 9 + 3, 2 * -6 + 3), then (2 * 1 + 3, -4 + 3).
    # Relu keeps 21, 0 and 5, 0; their sum, halved, plus 1.
    "gemm, relu, scaled output": (
        [
            node("Gemm", ["X", "W", "b"], ["g"], alpha=2.0, beta=3.0, transB=1),
            node("Relu", ["g"], ["r"]),
            node("Mul", ["r", "half"], ["h"]),
            node("MatMul", ["h", "ones"], ["p"]),
            node("Add", ["p", "one"], ["q"]),
            node("Reshape", ["q", "shape"], ["Y"]),
        ],
        {
            "W": [[1.0, 1.0], [0.0, -1.0]],
            "b": [1.0, 1.0],
            "half": 0.5,
            "ones": [[1.0], [1.0]],
            "one": [1.0],
            "shape": np.array([-1, 1]),
        },
        [11.5, 3.5],
    ),
    # Sigmoid of x1 - 3 is 1/2 and 1/(1 + e^4), then times 4 minus 1.
    "sigmoid, scaled output": (
        [
            node("MatMul", ["X", "W"], ["p"]),
            node("Sub", ["p", "three"], ["q"]),
            node("Sigmoid", ["q"], ["s"]),
            node("Mul", ["s", "four"], ["t"]),
            node("Sub", ["t", "one"], ["u"]),
            node("Identity", ["u"], ["Y"]),
        ],
        {"W": [[1.0], [0.0]], "three": [3.0], "four": 4.0, "one": 1.0},
        [1.0, 4.0 / (1.0 + np.exp(4.0)) - 1.0],
    ),
    "tanh": (
        [
            node("Cast", ["X"], ["c"], to=11),
            node("MatMul", ["c", "W"], ["p"]),
            node("Tanh", ["p"], ["Y"]),
        ],
        {"W": [[1.0], [0.0]]},
        [np.tanh(3.0), np.tanh(-1.0)],
    ),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_predicts_what_its_operators_say(name: str) -> None:
    nodes, constants, expected = NETWORKS[name]
    model = load(*graph(nodes, constants, inputs=2))

    assert model.backend in {"linear", "mlp"}, model.detail
    found = model.predict(np.array([[3.0, 6.0], [-1.0, 2.0]]))
    np.testing.assert_allclose(found, expected, rtol=1e-15)


def test_linear_and_scaler_of_the_ml_domain_are_read() -> None:
    scaler = {"offset": [1.0, 2.0], "scale": [0.5, 0.25]}
    regression = {"coefficients": [1.0, 3.0], "intercepts": [0.5]}
    nodes = [
        node("Scaler", ["X"], ["s"], domain="ai.onnx.ml", **scaler),
        node("LinearRegressor", ["s"], ["Y"], domain="ai.onnx.ml", **regression),
    ]
    model = load(*graph(nodes, inputs=2, dtype="float32", versions={"ai.onnx.ml": 1}))

    assert (model.backend, model.detail) == ("linear", "2 -> 1")
    assert model.predict(np.array([[3.0, 6.0], [-1.0, 2.0]])).tolist() == [4.5, -0.5]


@pytest.mark.parametrize(
    ("file", "backend", "detail"),
    [
        (linear([1.0, 2.0, 3.0]), "linear", "3 -> 1"),
        (perceptron(0, [3, 5, 2]), "mlp", "3 -> 5 -> 2 -> 1, tanh tanh identity"),
        (forest(0, inputs=3, trees=2, depth=1), "trees", "2 trees, 6 nodes"),
    ],
)
def test_a_model_says_what_evaluates_it(file: File, backend: str, detail: str) -> None:
    model = load(*file)

    assert (model.backend, model.detail) == (backend, detail)


MODES = {
    "BRANCH_LEQ": [1.0, 1.0, 2.0],
    "BRANCH_LT": [1.0, 2.0, 2.0],
    "BRANCH_GTE": [2.0, 1.0, 1.0],
    "BRANCH_GT": [2.0, 2.0, 1.0],
    "BRANCH_EQ": [2.0, 1.0, 2.0],
    "BRANCH_NEQ": [1.0, 2.0, 1.0],
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_comparison_holds_to_the_last_bit(mode: str, dtype: str) -> None:
    model = load(*regressor([{0: (mode, 1, 0.1, 1, 2), 1: (1.0,), 2: (2.0,)}], dtype=dtype))
    at = np.array(0.1, dtype=dtype)
    below, above = np.nextafter(at, at - 1), np.nextafter(at, at + 1)
    rows = np.array([[9.0, below], [9.0, at], [9.0, above]], dtype=np.float64)

    assert model.backend == "trees", model.detail
    assert model.predict(rows).tolist() == MODES[mode]


def test_a_single_precision_model_rounds_its_inputs_first() -> None:
    model = load(
        *regressor([{0: ("BRANCH_LEQ", 0, 0.1, 1, 2), 1: (1.0,), 2: (2.0,)}], dtype="float32")
    )
    threshold = float(np.float32(0.1))

    assert np.nextafter(threshold, 1.0) > threshold
    assert model.predict(np.array([[np.nextafter(threshold, 1.0), 0.0]])).tolist() == [1.0]


def test_trees_equality_and_base_are_added() -> None:
    trees = [
        {
            0: ("BRANCH_EQ", 0, 3.0, 1, 2),
            1: ("BRANCH_GT", 1, 0.0, 3, 4),
            2: ("BRANCH_NEQ", 0, 4.0, 5, 6),
            3: (1.0,),
            4: (2.0,),
            5: ("BRANCH_LT", 1, -1.0, 7, 8),
            6: (16.0,),
            7: (4.0,),
            8: (8.0,),
        },
        {0: (0.5,)},
    ]
    model = load(*regressor(trees, base_values=[0.25]))
    rows = [[3.0, 1.0], [3.0, -1.0], [5.0, -2.0], [5.0, -1.0], [4.0, 0.0]]

    assert model.backend == "trees", model.detail
    assert model.predict(np.array(rows)).tolist() == [1.75, 2.75, 4.75, 8.75, 16.75]


def test_an_average_divides_before_the_base() -> None:
    trees = [{0: ("BRANCH_LEQ", 0, 0.0, 1, 2), 1: (1.0,), 2: (3.0,)}, {0: (4.0,)}]
    model = load(*regressor(trees, aggregate_function="AVERAGE", base_values=[1.0]))

    assert model.backend == "trees", model.detail
    assert model.predict(np.array([[-1.0, 0.0], [1.0, 0.0]])).tolist() == [3.5, 4.5]


def test_a_regressor_gives_single_precision_whatever_its_input() -> None:
    model = load(*regressor([{0: (0.1,)}]))

    assert model.backend == "trees", model.detail
    assert model.predict(np.zeros((1, 2))).tolist() == [float(np.float32(0.1))]


def test_a_cast_before_trees_rounds_their_inputs() -> None:
    data, spec = regressor(
        [{0: ("BRANCH_LEQ", 0, 0.1, 1, 2), 1: (1.0,), 2: (2.0,)}], dtype="float32"
    )
    inner = onnx.load_model_from_string(data).graph.node[0]
    inner.input[0] = "c"
    nodes = [node("Cast", ["X"], ["c"], to=FLOAT), inner]
    file = graph(nodes, inputs=2, output=FLOAT, versions={"ai.onnx.ml": 3})
    model = load(file[0], file[1])
    threshold = float(np.float32(0.1))

    assert spec.signature.dtype == "float32"
    assert model.backend == "trees", model.detail
    assert model.predict(np.array([[np.nextafter(threshold, 1.0), 0.0]])).tolist() == [1.0]
