"""Writing ONNX graphs: one input, one output, float64, standard operators, fixed bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from quant_core.models._trainer import require

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quant_core.models._trees import Tree

__all__ = ["INPUT", "OUTPUT", "Activation", "Link", "dense_graph", "tree_graph"]

INPUT = "features"
OUTPUT = "prediction"

type Activation = Literal["Relu", "Tanh"]
type Link = Literal["", "Sigmoid", "Exp"]

# The first release of the standard that lets a tree ensemble answer in float64; earlier ones
# round its sum to float32 whatever its thresholds are.
_OPSET, _ML_OPSET, _IR_VERSION = 21, 5, 10
_SUM, _NO_TRANSFORM = 1, 0


def dense_graph(
    center: np.ndarray,
    layers: Sequence[tuple[np.ndarray, np.ndarray]],
    activation: Activation = "Relu",
) -> bytes:
    """Write ``Sub(center)``, then one ``Gemm`` a layer with an activation between two of them.

    The center is subtracted rather than folded into the first bias: for a price of 50,000 that
    moves by 1 the folded form would lose five digits.

    Parameters
    ----------
    center : numpy.ndarray of float64, shape (inputs,)
        What is subtracted from the features.
    layers : sequence of (weights, bias)
        Weights (inputs, outputs) and bias (outputs,) of each layer; the last has one output.
    activation : {"Relu", "Tanh"}
        What lies between two layers.
    """
    helper = require("onnx.helper", "models")
    nodes = [helper.make_node("Sub", [INPUT, "center"], ["centered"])]
    constants = [_tensor("center", center)]
    value = "centered"
    for number, (weights, bias) in enumerate(layers):
        last = number == len(layers) - 1
        names = [f"weights_{number}", f"bias_{number}"]
        out = OUTPUT if last else f"sum_{number}"
        constants += [_tensor(names[0], weights), _tensor(names[1], bias)]
        nodes.append(helper.make_node("Gemm", [value, *names], [out]))
        if not last:
            value = f"hidden_{number}"
            nodes.append(helper.make_node(activation, [out], [value]))
    return _model(nodes, constants, inputs=len(center))


def tree_graph(trees: Sequence[Tree], *, inputs: int, link: Link = "") -> bytes:
    """Write one ``TreeEnsemble``, and the link behind it if there is one.

    A node sends a row to the left where ``feature <= threshold``; the value of the ensemble is the
    sum of the trees in their order.

    Parameters
    ----------
    trees : sequence of Tree
        The trees; what the sum starts from is a constant tree in front.
    inputs : int
        Columns of the features.
    link : {"", "Sigmoid", "Exp"}
        What is applied to the sum.
    """
    helper = require("onnx.helper", "models")
    value = "sum" if link else OUTPUT
    ensemble = helper.make_node(
        "TreeEnsemble",
        [INPUT],
        [value],
        domain="ai.onnx.ml",
        n_targets=1,
        aggregate_function=_SUM,
        post_transform=_NO_TRANSFORM,
        **_ensemble(trees),
    )
    links = [helper.make_node(link, [value], [OUTPUT])] if link else []
    return _model([ensemble, *links], [], inputs=inputs)


def _ensemble(trees: Sequence[Tree]) -> dict[str, Any]:
    """Return the trees as the attributes of the operator: nodes and leaves in one row each."""
    first_node = np.cumsum([0, *(len(tree.feature) for tree in trees)])
    first_leaf = np.cumsum([0, *(len(tree.value) for tree in trees)])
    sides: dict[str, list[int]] = {}
    for name, side in (("true", "left"), ("false", "right")):
        following = [getattr(tree, side) for tree in trees]
        ids = [
            np.where(child < 0, leaf + ~child, node + child)
            for child, node, leaf in zip(following, first_node, first_leaf, strict=False)
        ]
        sides[f"nodes_{name}nodeids"] = np.concatenate(ids).tolist()
        sides[f"nodes_{name}leafs"] = (np.concatenate(following) < 0).astype(int).tolist()
    splits = np.concatenate([tree.threshold for tree in trees])
    return {
        "tree_roots": first_node[:-1].tolist(),
        "nodes_featureids": np.concatenate([tree.feature for tree in trees]).tolist(),
        "nodes_modes": _tensor("nodes_modes", np.zeros(len(splits), np.uint8)),
        "nodes_splits": _tensor("nodes_splits", splits),
        **sides,
        "leaf_targetids": [0] * int(first_leaf[-1]),
        "leaf_weights": _tensor("leaf_weights", np.concatenate([tree.value for tree in trees])),
    }


def _tensor(name: str, values: np.ndarray) -> Any:
    return require("onnx.numpy_helper", "models").from_array(np.ascontiguousarray(values), name)


def _model(nodes: list[Any], constants: list[Any], *, inputs: int) -> bytes:
    onnx = require("onnx", "models")
    helper, double = require("onnx.helper", "models"), onnx.TensorProto.DOUBLE
    graph = helper.make_graph(
        nodes,
        "model",
        [helper.make_tensor_value_info(INPUT, double, ["rows", inputs])],
        [helper.make_tensor_value_info(OUTPUT, double, ["rows", 1])],
        initializer=constants,
    )
    opsets = [helper.make_opsetid("", _OPSET)]
    if any(node.domain for node in nodes):
        opsets.append(helper.make_opsetid("ai.onnx.ml", _ML_OPSET))
    model = helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION)
    model.producer_name = "quant-assets"
    onnx.checker.check_model(model)
    data: bytes = model.SerializeToString(deterministic=True)
    return data
