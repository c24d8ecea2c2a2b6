"""ONNX graphs made by hand."""

from __future__ import annotations

import hashlib
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx  # noqa: TID253 - what the tests write

from quant_core.models import ModelSpec, Signature

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

node = onnx.helper.make_node
tensor = onnx.numpy_helper.from_array
FLOAT, DOUBLE = onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE

type File = tuple[bytes, ModelSpec]


def spec_of(data: bytes, inputs: int, dtype: str = "float64", version: str = "1") -> ModelSpec:
    """Return the spec of a file."""
    return ModelSpec(
        uri="memory://model",
        sha256=hashlib.sha256(data).hexdigest(),
        framework="by hand",
        version=version,
        signature=Signature.model_validate({"inputs": inputs, "dtype": dtype}),
        feature_hash="features",
    )


def graph(
    nodes: Sequence[Any],
    constants: Mapping[str, Any] | None = None,
    *,
    inputs: int,
    dtype: str = "float64",
    output: int | None = None,
    versions: Mapping[str, int] | None = None,
) -> File:
    """Return the file and spec of nodes between X and Y."""
    kind = DOUBLE if dtype == "float64" else FLOAT
    built = onnx.helper.make_graph(
        nodes,
        "by-hand",
        [onnx.helper.make_tensor_value_info("X", kind, [None, inputs])],
        [onnx.helper.make_tensor_value_info("Y", output or kind, None)],
        [
            tensor(value if value.dtype.kind == "i" else value.astype(dtype), name)
            for name, value in ((key, np.asarray(item)) for key, item in (constants or {}).items())
        ],
    )
    domains = {"": 18, "ai.onnx.ml": 5} | dict(versions or {})
    model = onnx.helper.make_model(
        built,
        opset_imports=[onnx.helper.make_opsetid(*item) for item in domains.items()],
        ir_version=10,
    )
    data = model.SerializeToString()
    return data, spec_of(data, inputs, dtype)


def linear(weights: Sequence[float], intercept: float = 0.0) -> File:
    """Return a linear model."""
    constants = {"W": np.reshape(weights, (-1, 1)), "b": np.array([intercept])}
    nodes = [node("MatMul", ["X", "W"], ["p"]), node("Add", ["p", "b"], ["Y"])]
    return graph(nodes, constants, inputs=len(weights))


def perceptron(seed: int, widths: Sequence[int], activation: str = "Tanh") -> File:
    """Return a random perceptron; ``widths`` are its inputs and hidden units."""
    draw = np.random.default_rng(seed)
    nodes, constants, value = [], {}, "X"
    sizes = [*widths, 1]
    for place, (before, units) in enumerate(pairwise(sizes)):
        constants[f"W{place}"] = draw.normal(size=(before, units))
        constants[f"b{place}"] = draw.normal(size=units)
        last = place == len(sizes) - 2
        nodes.append(
            node("Gemm", [value, f"W{place}", f"b{place}"], ["Y" if last else f"p{place}"])
        )
        if not last:
            nodes.append(node(activation, [f"p{place}"], [f"h{place}"]))
            value = f"h{place}"
    return graph(nodes, constants, inputs=widths[0])


def regressor(
    trees: Sequence[Mapping[int, tuple[Any, ...]]],
    *,
    inputs: int = 2,
    dtype: str = "float64",
    **attributes: Any,
) -> File:
    """Return a regressor; a node is (mode, feature, value, true, false), a leaf (weight,)."""
    rows = [
        (tree, place, *item) for tree, nodes in enumerate(trees) for place, item in nodes.items()
    ]
    branches = [row if len(row) > 3 else (*row[:2], "LEAF", 0, 0.0, 0, 0) for row in rows]
    leaves = [row for row in rows if len(row) == 3]
    names = ("treeids", "nodeids", "modes", "featureids", "values", "truenodeids", "falsenodeids")
    given: dict[str, Any] = {
        f"nodes_{name}": list(column)
        for name, column in zip(names, zip(*branches, strict=True), strict=True)
    }
    given["nodes_values_as_tensor"] = tensor(np.array(given.pop("nodes_values"), dtype=dtype))
    given["target_treeids"] = [row[0] for row in leaves]
    given["target_nodeids"] = [row[1] for row in leaves]
    given["target_ids"] = [0] * len(leaves)
    given["target_weights_as_tensor"] = tensor(np.array([row[2] for row in leaves], dtype=dtype))
    given |= {"n_targets": 1} | attributes
    made = node("TreeEnsembleRegressor", ["X"], ["Y"], domain="ai.onnx.ml", **given)
    return graph([made], inputs=inputs, dtype=dtype, output=FLOAT, versions={"ai.onnx.ml": 3})


def forest(seed: int, *, inputs: int, trees: int, depth: int, mode: int = 0) -> File:
    """Return a TreeEnsemble of random complete trees."""
    draw = np.random.default_rng(seed)
    inner, leaves = 2**depth - 1, 2**depth
    ids: dict[str, list[int]] = {"true": [], "false": []}
    flags: dict[str, list[int]] = {"true": [], "false": []}
    for tree in range(trees):
        for place in range(inner):
            for side, child in (("true", 2 * place + 1), ("false", 2 * place + 2)):
                leaf = child >= inner
                ids[side].append(tree * leaves + child - inner if leaf else tree * inner + child)
                flags[side].append(int(leaf))
    made = node(
        "TreeEnsemble",
        ["X"],
        ["Y"],
        domain="ai.onnx.ml",
        n_targets=1,
        aggregate_function=1,
        post_transform=0,
        tree_roots=[tree * inner for tree in range(trees)],
        nodes_modes=tensor(np.full(trees * inner, mode, dtype=np.uint8)),
        nodes_featureids=draw.integers(0, inputs, trees * inner).tolist(),
        nodes_splits=tensor(draw.normal(size=trees * inner)),
        nodes_truenodeids=ids["true"],
        nodes_trueleafs=flags["true"],
        nodes_falsenodeids=ids["false"],
        nodes_falseleafs=flags["false"],
        leaf_targetids=[0] * (trees * leaves),
        leaf_weights=tensor(draw.normal(size=trees * leaves)),
    )
    return graph([made], inputs=inputs)
