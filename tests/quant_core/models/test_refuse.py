from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from quant_core.errors import (
    ChecksumError,
    ForbiddenModelError,
    ModelError,
    ModelFormatError,
    SignatureError,
)
from quant_core.models import Runtime, refuse, verify_bytes
from quant_core.models._graph import tree_graph
from quant_core.models._trees import Tree

from .by_hand import DOUBLE, make_model, model_of, onnx, spec_of, tensor, value

if TYPE_CHECKING:
    from collections.abc import Callable

    from quant_core.models import Fitted

helper, numpy_helper, TensorProto = onnx.helper, onnx.numpy_helper, onnx.TensorProto
FLOAT = TensorProto.FLOAT


def _external(name: str = "weights") -> Any:
    made = tensor([[1.0], [1.0]], name)
    made.ClearField("raw_data")
    made.data_location = TensorProto.EXTERNAL
    made.external_data.add(key="location", value="/etc/hostname")
    return made


def _product(weights: Any) -> bytes:
    product = helper.make_node("MatMul", ["features", "weights"], ["prediction"])
    return make_model([product], constants=[weights])


def _constant_node() -> bytes:
    nodes = [
        helper.make_node("Constant", [], ["weights"], value=_external()),
        helper.make_node("MatMul", ["features", "weights"], ["prediction"]),
    ]
    return make_model(nodes)


def _sparse() -> bytes:
    def add(model: Any) -> None:
        sparse = model.graph.sparse_initializer.add()
        sparse.values.CopyFrom(_external("sparse"))
        sparse.indices.CopyFrom(numpy_helper.from_array(np.array([0]), "indices"))
        sparse.dims.append(4)

    return make_model(change=add)


def _described_outside() -> bytes:
    """Return a tensor that says where its data lie and keeps saying it lies here."""
    weights = tensor([[1.0], [1.0]], "weights")
    weights.external_data.add(key="location", value="elsewhere")
    return _product(weights)


def _branch(name: str, constant: Any) -> Any:
    return helper.make_graph(
        [helper.make_node("MatMul", ["features", f"{name}_w"], [name])],
        name,
        [],
        [value(name, "rows", 1)],
        initializer=[constant],
    )


def _if(constant: Callable[[str], Any] = lambda name: tensor([[1.0], [1.0]], name)) -> bytes:
    nodes = [
        helper.make_node(
            "If",
            ["flag"],
            ["prediction"],
            then_branch=_branch("a", constant("a_w")),
            else_branch=_branch("b", constant("b_w")),
        )
    ]
    return make_model(nodes, constants=[numpy_helper.from_array(np.array(True), "flag")])


def _loop() -> bytes:
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go"], ["on"]),
            helper.make_node("Identity", ["before"], ["after"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("step", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            value("before", "rows", 1),
        ],
        [helper.make_tensor_value_info("on", TensorProto.BOOL, []), value("after", "rows", 1)],
    )
    nodes = [
        helper.make_node("MatMul", ["features", "weights"], ["start"]),
        helper.make_node("Loop", ["forever", "", "start"], ["prediction"], body=body),
    ]
    forever = numpy_helper.from_array(np.array(2**62), "forever")
    return make_model(nodes, constants=[tensor([[1.0], [1.0]], "weights"), forever])


def _scan() -> bytes:
    body = helper.make_graph(
        [helper.make_node("ReduceSum", ["row"], ["sum"], keepdims=1)],
        "body",
        [value("row", 2)],
        [value("sum", 1)],
    )
    node = helper.make_node("Scan", ["features"], ["prediction"], body=body, num_scan_inputs=1)
    return make_model([node])


def _custom_node() -> bytes:
    node = helper.make_node("Steal", ["features"], ["prediction"], domain="com.example")
    return make_model([node], opsets=[("", 21), ("com.example", 1)])


def _functions() -> bytes:
    def add(model: Any) -> None:
        body = [helper.make_node("Neg", ["x"], ["y"])]
        opsets = [helper.make_opsetid("", 21)]
        model.functions.append(helper.make_function("", "Minus", ["x"], ["y"], body, opsets))

    return make_model(change=add)


def _random(operator: str) -> bytes:
    inputs = ["features"] if operator.endswith("Like") else []
    made = {} if inputs else {"shape": [1, 2]}
    nodes = [
        helper.make_node(operator, inputs, ["noise"], dtype=DOUBLE, **made),
        helper.make_node("Add", ["features", "noise"], ["sum"]),
        helper.make_node("MatMul", ["sum", "weights"], ["prediction"]),
    ]
    return make_model(nodes, constants=[tensor([[1.0], [1.0]], "weights")])


FORBIDDEN: dict[str, tuple[Callable[[], bytes], str]] = {
    "external initializer": (lambda: _product(_external()), "external data in tensor 'weights'"),
    "external constant": (_constant_node, "external data in tensor 'weights'"),
    "external sparse initializer": (_sparse, "external data in tensor 'sparse'"),
    "external location of a tensor inside": (_described_outside, "external data in tensor"),
    "external data in a branch": (lambda: _if(_external), "external data in tensor|control flow"),
    "If": (_if, "control flow: operator If"),
    "Loop": (_loop, "control flow: operator Loop"),
    "Scan": (_scan, "control flow: operator Scan"),
    "a graph hidden in an attribute": (
        lambda: make_model(
            [
                helper.make_node(
                    "MatMul",
                    ["features", "weights"],
                    ["prediction"],
                    hidden=_branch("a", tensor([1])),
                )
            ],
            constants=[tensor([[1.0], [1.0]], "weights")],
        ),
        "control flow: a graph inside attribute 'hidden'",
    ),
    "custom operator": (_custom_node, "operator Steal of the custom domain 'com.example'"),
    "Microsoft's operators": (
        lambda: make_model(
            [helper.make_node("Gelu", ["features"], ["prediction"], domain="com.microsoft")],
            opsets=[("", 21), ("com.microsoft", 1)],
        ),
        "custom domain 'com.microsoft'",
    ),
    "custom domain imported": (
        lambda: make_model(opsets=[("", 21), ("com.example", 1)]),
        "found domain 'com.example'",
    ),
    "training operators": (
        lambda: make_model(opsets=[("", 21), ("ai.onnx.preview.training", 1)]),
        "found domain 'ai.onnx.preview.training'",
    ),
    "functions": (_functions, "functions of its own"),
    "training information": (
        lambda: make_model(change=lambda model: model.training_info.add()),
        "training information",
    ),
    "RandomNormal": (lambda: _random("RandomNormal"), "random operator: RandomNormal"),
    "RandomUniformLike": (lambda: _random("RandomUniformLike"), "operator: RandomUniformLike"),
}


@pytest.mark.parametrize("case", FORBIDDEN)
def test_what_no_model_may_hold(case: str) -> None:
    make, message = FORBIDDEN[case]
    data = make()
    with pytest.raises(ForbiddenModelError, match=message):
        refuse(spec_of(data), data)


def test_a_plain_model_is_let_through() -> None:
    data = make_model()
    refuse(spec_of(data), data)
    assert Runtime(data)(np.array([[1.0, 2.0]])).tolist() == [3.0]


SIGNATURES: dict[str, tuple[dict[str, Any], str]] = {
    "another name of the input": (
        {
            "nodes": [helper.make_node("ReduceSum", ["x"], ["prediction"])],
            "inputs": [value("x", "rows", 2)],
        },
        r"one tensor features .* found x of double and shape \(rows, 2\)",
    ),
    "another name of the output": (
        {
            "nodes": [helper.make_node("ReduceSum", ["features", "axis"], ["y"])],
            "constants": [numpy_helper.from_array(np.array([1]), "axis")],
            "outputs": [value("y", "rows", 1)],
        },
        "one tensor prediction .* found y of double",
    ),
    "two inputs": (
        {"inputs": [value("features", "rows", 2), value("more", "rows", 2)]},
        "found features of double .* more of double",
    ),
    "two outputs": (
        {
            "nodes": [
                helper.make_node("ReduceSum", ["features", "axis"], ["prediction"]),
                helper.make_node("Neg", ["prediction"], ["minus"]),
            ],
            "constants": [numpy_helper.from_array(np.array([1]), "axis")],
            "outputs": [value("prediction", "rows", 1), value("minus", "rows", 1)],
        },
        "found prediction of double .* minus of double",
    ),
    "too many columns": (
        {"inputs": [value("features", "rows", 3)]},
        "expected float64 input of 2 .* found float64 input of 3",
    ),
    "a free number of columns": (
        {"inputs": [value("features", "rows", "columns")]},
        r"found features of double and shape \(rows, columns\)",
    ),
    "a fixed number of rows": (
        {"inputs": [value("features", 8, 2)], "outputs": [value("prediction", 8, 1)]},
        r"found features of double and shape \(8, 2\)",
    ),
    "a flat output": (
        {
            "nodes": [
                helper.make_node("ReduceSum", ["features", "axis"], ["prediction"], keepdims=0)
            ],
            "constants": [numpy_helper.from_array(np.array([1]), "axis")],
            "outputs": [value("prediction", "rows")],
        },
        r"one tensor prediction .* shape \(rows\)",
    ),
    "single precision": (
        {
            "inputs": [value("features", "rows", 2, dtype=FLOAT)],
            "outputs": [value("prediction", "rows", 1, dtype=FLOAT)],
        },
        "expected float64 input .* found float32 input",
    ),
    "two precisions": (
        {
            "nodes": [
                helper.make_node("ReduceSum", ["features", "axis"], ["sum"]),
                helper.make_node("Cast", ["sum"], ["prediction"], to=DOUBLE),
            ],
            "constants": [numpy_helper.from_array(np.array([1]), "axis")],
            "inputs": [value("features", "rows", 2, dtype=FLOAT)],
        },
        "one type of input and output, found float32 and float64",
    ),
}


@pytest.mark.parametrize("case", SIGNATURES)
def test_another_signature(case: str) -> None:
    parts, message = SIGNATURES[case]
    data = make_model(**parts)
    with pytest.raises(SignatureError, match=message):
        refuse(spec_of(data), data)


def test_an_initializer_is_no_input() -> None:
    def list_it(model: Any) -> None:
        model.graph.input.append(value("axis", 1, dtype=TensorProto.INT64))

    data = make_model(change=list_it)
    refuse(spec_of(data), data)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda model: model.ClearField("graph"), "well-formed"),
        (lambda model: model.ClearField("opset_import"), "well-formed"),
        (lambda model: model.graph.node[0].ClearField("input"), "well-formed"),
        (lambda model: setattr(model.graph.node[0], "op_type", "Nothing"), "well-formed"),
        (lambda model: setattr(model.opset_import[0], "version", 10_000), "found set 10000"),
        (lambda model: setattr(model, "ir_version", 0), "well-formed"),
    ],
)
def test_a_graph_that_is_none(change: Callable[[Any], object], message: str) -> None:
    data = make_model(change=change)
    with pytest.raises(ModelFormatError, match=message):
        refuse(spec_of(data), data)


def test_the_size_is_checked_before_the_format() -> None:
    data = make_model()
    with pytest.raises(ModelFormatError, match="at most 10 bytes, found"):
        refuse(spec_of(data), data, limit=10)


def test_the_checksum_is_checked_before_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    data = make_model()
    changed = data.replace(b"features", b"feature5")
    monkeypatch.setattr("quant_core.models._refuse.signature_of", None)
    with pytest.raises(ChecksumError, match=r"expected SHA-256 .* found"):
        refuse(spec_of(data), changed)


TREES: dict[str, tuple[Callable[[Any], object], str]] = {
    "a column beyond the input": (
        lambda ints: ints["nodes_featureids"].__setitem__(0, 2),
        "expected columns below 2",
    ),
    "a column below zero": (
        lambda ints: ints["nodes_featureids"].__setitem__(0, -1),
        "expected columns below 2",
    ),
    "a node that leads to itself": (
        lambda ints: ints["nodes_truenodeids"].__setitem__(1, 0),
        "a node that is reached twice",
    ),
    "a node that does not exist": (
        lambda ints: ints["nodes_truenodeids"].__setitem__(0, 99),
        "expected nodes below",
    ),
    "a leaf that does not exist": (
        lambda ints: ints["nodes_falsenodeids"].__setitem__(0, 99),
        "expected leaves below",
    ),
    "a root that does not exist": (
        lambda ints: ints["tree_roots"].__setitem__(0, 99),
        "expected nodes below",
    ),
    "a target that does not exist": (
        lambda ints: ints["leaf_targetids"].__setitem__(0, 1),
        "expected targets below 1",
    ),
    "a list that is too short": (
        lambda ints: ints["leaf_targetids"].pop(),
        "leaf_targetids",
    ),
}


def _tree() -> Tree:
    return Tree(
        np.array([1, 0]),
        np.array([0.5, 0.25]),
        np.array([1, ~1]),
        np.array([~0, ~2]),
        np.array([1.0, 2.0, 3.0]),
    )


@pytest.mark.parametrize("case", TREES)
def test_trees_that_cannot_be_walked(case: str) -> None:
    change, message = TREES[case]
    model = model_of(tree_graph([_tree()], inputs=2))
    change({item.name: item.ints for item in model.graph.node[0].attribute})
    if case == "a node that leads to itself":
        for item in model.graph.node[0].attribute:
            if item.name == "nodes_trueleafs":
                item.ints[1] = 0
    data = model.SerializeToString()
    with pytest.raises(ModelFormatError, match=message):
        refuse(spec_of(data), data)


def _old_trees(**changes: Any) -> bytes:
    """Return the same tree in the older notation, whose output is float32."""
    attributes = {
        "nodes_treeids": [0] * 5,
        "nodes_nodeids": [0, 1, 2, 3, 4],
        "nodes_featureids": [1, 0, 0, 0, 0],
        "nodes_modes": ["BRANCH_LEQ", "BRANCH_LEQ", "LEAF", "LEAF", "LEAF"],
        "nodes_values": [0.5, 0.25, 0.0, 0.0, 0.0],
        "nodes_truenodeids": [1, 3, 0, 0, 0],
        "nodes_falsenodeids": [2, 4, 0, 0, 0],
        "target_treeids": [0, 0, 0],
        "target_nodeids": [2, 3, 4],
        "target_ids": [0, 0, 0],
        "target_weights": [1.0, 2.0, 3.0],
        "n_targets": 1,
        **changes,
    }
    node = helper.make_node(
        "TreeEnsembleRegressor", ["features"], ["sum"], domain="ai.onnx.ml", **attributes
    )
    cast = helper.make_node("Cast", ["sum"], ["prediction"], to=DOUBLE)
    return make_model([node, cast], opsets=[("", 21), ("ai.onnx.ml", 3)])


def test_both_notations_of_trees_are_let_through() -> None:
    rows = np.array([[0.0, 0.0], [0.3, 0.5], [0.0, 0.6]])
    for data in (tree_graph([_tree()], inputs=2), _old_trees()):
        refuse(spec_of(data), data)
        assert Runtime(data)(rows).tolist() == [2.0, 3.0, 1.0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"nodes_featureids": [2, 0, 0, 0, 0]}, "columns below 2"),
        ({"nodes_truenodeids": [1, 0, 0, 0, 0]}, "none back"),
        ({"nodes_truenodeids": [1, 2, 0, 0, 0]}, "reached twice"),
        ({"nodes_truenodeids": [1, 9, 0, 0, 0]}, "a node of its tree"),
        ({"nodes_nodeids": [0, 1, 2, 3, 3]}, "reached twice"),
        ({"target_nodeids": [2, 3, 1]}, "weights of leaves"),
        ({"target_ids": [0, 0, 7]}, "targets below 1"),
        ({"target_weights": [1.0]}, "expected 3 values in target_weights"),
        ({"nodes_modes": ["BRANCH_LEQ", "WHAT", "LEAF", "LEAF", "LEAF"]}, "other modes"),
    ],
)
def test_trees_of_the_older_notation(changes: dict[str, Any], message: str) -> None:
    data = _old_trees(**changes)
    with pytest.raises(ModelFormatError, match=message):
        refuse(spec_of(data), data)


@pytest.mark.parametrize("kind", ["linear", "hist_gradient_boosting"])
def test_a_cut_file_is_no_model_even_where_no_checksum_is_known(
    kind: str, fitted: dict[str, Fitted]
) -> None:
    data = fitted[kind].to_onnx()
    step = max(1, len(data) // 300)
    for length in [*range(0, len(data), step), len(data) - 1]:
        verdict = verify_bytes(data[:length], fitted[kind].signature, name="cut")
        assert verdict.failed == "format", f"{length} of {len(data)} bytes: {verdict}"


@pytest.mark.parametrize("kind", ["mlp", "lightgbm"])
def test_a_changed_byte_is_refused_or_harmless_but_never_a_crash(
    kind: str, fitted: dict[str, Fitted]
) -> None:
    data = fitted[kind].to_onnx()
    found = set()
    for place in range(0, len(data), max(1, len(data) // 250)):
        for mask in (0x01, 0x80, 0xFF):
            changed = bytearray(data)
            changed[place] ^= mask
            found.add(verify_bytes(bytes(changed), fitted[kind].signature, name="bent").failed)
    assert found >= {None, "format"}


def test_what_the_runtime_cannot_do_is_a_model_error() -> None:
    # Well-formed by the standard, but ONNX Runtime has no kernel for float64 here.
    node = helper.make_node("LRN", ["shaped"], ["prediction"], size=1)
    shape = helper.make_node("Identity", ["features"], ["shaped"])
    data = make_model([shape, node], outputs=[value("prediction", "rows", 2)])
    with pytest.raises(ModelError, match="ONNX Runtime"):
        Runtime(data, name="m")(np.zeros((1, 2)))
