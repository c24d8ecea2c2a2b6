"""ONNX files made by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from quant_core.models import ModelSpec, Signature, sha256_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

onnx = pytest.importorskip("onnx", reason="onnx is an extra (models)")

DOUBLE = 11
"""Code of float64 in ONNX."""


def spec_of(data: bytes, *, inputs: int = 2, outputs: int = 1) -> ModelSpec:
    """Return the spec of an ONNX file, its checksum right."""
    return ModelSpec(
        uri="by-hand.onnx",
        sha256=sha256_of(data),
        framework="by hand",
        version="v",
        signature=Signature(inputs=inputs, outputs=outputs),
        feature_hash="f",
    )


def tensor(values: Any, name: str = "") -> Any:
    """Return a float64 constant."""
    return onnx.numpy_helper.from_array(np.asarray(values, dtype=np.float64), name)


def value(name: str, *shape: Any, dtype: int = DOUBLE) -> Any:
    """Return an input or output."""
    return onnx.helper.make_tensor_value_info(name, dtype, list(shape))


def make_model(
    nodes: Sequence[Any] | None = None,
    *,
    constants: Sequence[Any] = (),
    inputs: Sequence[Any] = (),
    outputs: Sequence[Any] = (),
    opsets: Sequence[tuple[str, int]] = (("", 21), ("ai.onnx.ml", 5)),
    change: Callable[[Any], object] | None = None,
) -> bytes:
    """Return an ONNX file: by default the sum of two columns."""
    summed = [onnx.helper.make_node("ReduceSum", ["features", "axis"], ["prediction"], keepdims=1)]
    axis = onnx.numpy_helper.from_array(np.array([1]), "axis")
    graph = onnx.helper.make_graph(
        summed if nodes is None else nodes,
        "g",
        list(inputs) or [value("features", "rows", 2)],
        list(outputs) or [value("prediction", "rows", 1)],
        initializer=[axis, *constants] if nodes is None else list(constants),
    )
    model = onnx.helper.make_model(
        graph, opset_imports=[onnx.helper.make_opsetid(*item) for item in opsets], ir_version=10
    )
    if change is not None:
        change(model)
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def model_of(data: bytes) -> Any:
    """Return the message of an ONNX file."""
    return onnx.load_model_from_string(data)


def graph_of(data: bytes) -> Any:
    """Return the graph of an ONNX file."""
    return model_of(data).graph
