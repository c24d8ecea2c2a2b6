"""Graphs that no kernel evaluates, and kernels that are wrong: sessions serve them and say so."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from quant_core.errors import InferenceError
from quant_core.inference import _model, load

from .graphs import DOUBLE, File, forest, graph, linear, node, perceptron, regressor

if TYPE_CHECKING:
    from collections.abc import Callable

    from quant_core.inference._network import Network

ONE = {"W": [[1.0], [2.0]]}
STUMP: dict[int, tuple[Any, ...]] = {0: ("BRANCH_LEQ", 0, 0.0, 1, 2), 1: (1.0,), 2: (3.0,)}
UNUSUAL: dict[str, tuple[File, list[float], str]] = {
    "operator": (
        graph([node("MatMul", ["X", "W"], ["p"]), node("Exp", ["p"], ["Y"])], ONE, inputs=2),
        [1.0, np.exp(3.0)],
        "operator Exp",
    ),
    "rows mixed": (
        graph([node("MatMul", ["X", "W"], ["p"]), node("CumSum", ["p", "axis"], ["Y"])],
              ONE | {"axis": np.array(0)}, inputs=2),
        [0.0, 3.0],
        "operator CumSum",
    ),
    "two paths": (
        graph([node("Relu", ["X"], ["r"]), node("Add", ["X", "r"], ["s"]),
               node("MatMul", ["s", "W"], ["Y"])], ONE, inputs=2),
        [0.0, 6.0],
        "Add does not continue a chain",
    ),
    "activation of inputs": (
        graph([node("Relu", ["X"], ["r"]), node("MatMul", ["r", "W"], ["Y"])], ONE, inputs=2),
        [0.0, 3.0],
        "relu not after a product",
    ),
    "reshape": (
        graph([node("Reshape", ["X", "s"], ["r"]), node("MatMul", ["r", "W"], ["p"]),
               node("Reshape", ["p", "t"], ["Y"])],
              ONE | {"s": np.array([-1, 1, 2]), "t": np.array([-1, 1])}, inputs=2),
        [0.0, 3.0],
        "Reshape of rows of 2 to (-1, 1, 2)",
    ),
    "constant divided": (
        graph([node("MatMul", ["X", "W"], ["p"]), node("Add", ["p", "one"], ["q"]),
               node("Div", ["one", "q"], ["Y"])], ONE | {"one": 1.0}, inputs=2),
        [1.0, 0.25],
        "a constant divided by values",
    ),
    "largest tree": (
        regressor([STUMP, {0: (2.0,)}], aggregate_function="MAX"),
        [2.0, 3.0],
        "takes the MAX",
    ),
    "transformed trees": (
        regressor([{0: (0.5,)}], post_transform="LOGISTIC"),
        [0.5, 0.5],  # ONNX Runtime leaves a single target as it is
        "several targets or a transform",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", UNUSUAL)
def test_an_unusual_graph_is_served_by_a_session(name: str) -> None:
    file, expected, why = UNUSUAL[name]
    model = load(*file)

    assert model.backend == "onnxrt"
    assert model.detail.startswith("a session of its own: ")
    assert why in model.detail
    found = [model.predict(np.array([row]))[0] for row in ([0.0, 0.0], [1.0, 1.0])]
    np.testing.assert_allclose(found, expected, rtol=1e-7)


def test_a_session_computes_each_row_alone() -> None:
    model = load(*UNUSUAL["rows mixed"][0])

    assert model.predict(np.array([[1.0, 1.0], [1.0, 1.0], [2.0, 0.0]])).tolist() == [3.0, 3.0, 2.0]


def _bias(network: Network) -> Network:
    last = network.layers[-1]
    shifted = dataclasses.replace(last, bias=last.bias + 1e-6)
    return dataclasses.replace(network, layers=(*network.layers[:-1], shifted))


def _threshold(model: Any) -> Any:
    nodes = model.nodes.copy()
    nodes["threshold"][0] = np.nextafter(nodes["threshold"][0], np.inf)
    return dataclasses.replace(model, nodes=nodes)


@pytest.mark.parametrize(
    ("file", "wrong"),
    [
        (linear([1.0, 2.0]), _bias),
        (perceptron(1, [4, 8]), _bias),
        (forest(1, inputs=2, trees=3, depth=2), _threshold),
    ],
)
def test_a_wrong_kernel_does_not_serve(
    monkeypatch: pytest.MonkeyPatch, file: File, wrong: Callable[[Any], Any]
) -> None:
    right = load(*file)
    recognise = _model.recognise
    monkeypatch.setattr(_model, "recognise", lambda *item: wrong(recognise(*item)))
    model = load(*file)
    rows = np.random.default_rng(2).normal(size=(5, file[1].signature.inputs))

    assert right.backend != "onnxrt"
    assert model.backend == "onnxrt"
    assert f"the kernel for {right.detail} differs from ONNX Runtime by " in model.detail
    np.testing.assert_allclose(model.predict(rows), right.predict(rows), rtol=1e-13)


def test_two_predictions_a_row_are_refused() -> None:
    file = graph([node("MatMul", ["X", "W"], ["Y"])], {"W": np.eye(2)}, inputs=2)

    with pytest.raises(InferenceError, match=r"expected 1 prediction a row, found shape \(1, 2\)"):
        load(*file)


def test_a_graph_that_the_runtime_refuses_is_an_error() -> None:
    file = graph([node("MatMul", ["X", "W"], ["Y"])], {"W": np.eye(3)}, inputs=2, output=DOUBLE)

    with pytest.raises(InferenceError, match="ONNX Runtime"):
        load(*file)
