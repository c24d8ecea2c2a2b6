"""Refusing a model before anything runs it: checksum, size, format, content, signature."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Literal

from quant_core.errors import (
    ChecksumError,
    ForbiddenModelError,
    ModelFormatError,
    SignatureError,
)
from quant_core.models._graph import INPUT, OUTPUT
from quant_core.models._sniff import refuse_other_formats
from quant_core.models._spec import Signature
from quant_core.models._trainer import require
from quant_core.models._tree_check import TREE_OPERATORS, wrong_tree

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from quant_core.models._spec import ModelSpec

__all__ = [
    "MAX_MODEL_BYTES",
    "check_sha256",
    "check_structure",
    "refuse",
    "sha256_of",
    "signature_of",
]

type _Type = Literal["float64", "float32"]

MAX_MODEL_BYTES = 64 * 1024 * 1024
"""Bytes that a model may have."""

_DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml"})
_CONTROL_FLOW = frozenset({"If", "Loop", "Scan", "SequenceMap"})
_RANDOM = frozenset(
    {
        "Bernoulli",
        "Multinomial",
        "RandomNormal",
        "RandomNormalLike",
        "RandomUniform",
        "RandomUniformLike",
    }
)


def refuse(spec: ModelSpec, data: bytes, *, limit: int = MAX_MODEL_BYTES) -> None:
    """Refuse a model that is not what its spec says, or holds what no model may hold.

    The checksum is compared before anything parses the bytes.

    Parameters
    ----------
    spec : ModelSpec
        What it must be.
    data : bytes
        The file.
    limit : int
        Bytes that it may have.

    Raises
    ------
    ChecksumError
        If the SHA-256 of the bytes is another one.
    ModelFormatError
        If it is too large, or no whole ONNX file.
    ForbiddenModelError
        If it holds external data, a custom domain, functions, training information, control flow
        or random operators.
    SignatureError
        If its input and output are not those of the spec.
    """
    check_sha256(data, spec.sha256, name=spec.uri)
    check_structure(data, spec.signature, name=spec.uri, limit=limit)


def sha256_of(data: bytes) -> str:
    """Return the SHA-256 of bytes, as 64 hexadecimal characters."""
    return hashlib.sha256(data).hexdigest()


def check_sha256(data: bytes, expected: str, *, name: str) -> None:
    """Compare the SHA-256 of bytes.

    Raises
    ------
    ChecksumError
        If it is another one.
    """
    found = sha256_of(data)
    if found != expected:
        raise ChecksumError(
            f"{name}: expected SHA-256 {expected}, found {found}; the file was changed or cut off, "
            "so restore it or train it again"
        )


def check_structure(
    data: bytes, signature: Signature, *, name: str, limit: int = MAX_MODEL_BYTES
) -> None:
    """Check everything but the checksum: size, format, content and signature.

    Raises
    ------
    ModelFormatError, ForbiddenModelError, SignatureError
        As `refuse` does.
    """
    found = signature_of(data, name=name, limit=limit)
    if found != signature:
        raise SignatureError(
            f"{name}: expected {signature.dtype} input of {signature.inputs} and output of "
            f"{signature.outputs} columns, found {found.dtype} input of {found.inputs} and output "
            f"of {found.outputs}"
        )


def signature_of(data: bytes, *, name: str, limit: int = MAX_MODEL_BYTES) -> Signature:
    """Check a model whose spec is not known, and return its signature.

    Raises
    ------
    ModelFormatError, ForbiddenModelError, SignatureError
        As `refuse` does.
    """
    if len(data) > limit:
        raise ModelFormatError(
            f"{name}: expected a model of at most {limit:,} bytes, found {len(data):,}"
        )
    refuse_other_formats(data, name=name)
    model = _parse(data, name)
    for message in _messages(model):
        _check_message(message, name)
    _check_opsets(model, name)
    _check_graph(model, name)
    _check_trees(model, name)
    return _signature(model.graph, name)


def _parse(data: bytes, name: str) -> Any:
    onnx = require("onnx", "models")
    protobuf = require("google.protobuf.message", "models")
    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except protobuf.DecodeError as error:
        raise ModelFormatError(
            f"{name}: expected an ONNX model, found bytes that are not one ({error})"
        ) from error
    return model


def _check_opsets(model: Any, name: str) -> None:
    newest = require("onnx.defs", "models").onnx_opset_version()
    for item in model.opset_import:
        if item.domain not in _DOMAINS:
            raise ForbiddenModelError(
                f"{name}: expected standard operators, found domain {item.domain!r}"
            )
        if item.version > newest:
            raise ModelFormatError(
                f"{name}: expected operators up to set {newest}, found set {item.version}; "
                "install a newer onnx, or export the model for an older set"
            )


def _check_graph(model: Any, name: str) -> None:
    """Have the reference checker read the model, once nothing in it points outside."""
    onnx = require("onnx", "models")
    wrong = (onnx.checker.ValidationError, onnx.shape_inference.InferenceError)
    try:
        onnx.checker.check_model(model, full_check=True)
    except (*wrong, UnicodeDecodeError) as error:  # the last where its message quotes the damage
        first = str(error).strip().splitlines()[0]
        raise ModelFormatError(
            f"{name}: expected a well-formed ONNX graph, found: {first}"
        ) from error


def _check_trees(model: Any, name: str) -> None:
    nodes = [node for node in model.graph.node if node.op_type in TREE_OPERATORS]
    if not nodes:
        return
    graph = require("onnx.shape_inference", "models").infer_shapes(model).graph
    values = [*graph.input, *graph.value_info, *graph.output]
    sizes = {item.name: item.type.tensor_type.shape.dim for item in values}
    for node in nodes:
        size = sizes.get(node.input[0], ())
        columns = size[1].dim_value if len(size) == 2 else None  # noqa: PLR2004 - rows, columns
        found = wrong_tree(node, columns)
        if found:
            raise ModelFormatError(f"{name}: expected well-formed trees, found {found}")


def _messages(message: Any) -> Iterator[Any]:
    """Yield a message and every one inside it, at any depth and of any kind."""
    yield message
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        inner = value if hasattr(value, "__len__") else [value]
        for item in inner:
            yield from _messages(item)


def _check_message(message: Any, name: str) -> None:
    kind = message.DESCRIPTOR.name
    found = _CHECKS[kind](message) if kind in _CHECKS else ""
    if found:
        raise ForbiddenModelError(
            f"{name}: expected a self-contained graph of standard operators, found {found}"
        )


def _in_tensor(tensor: Any) -> str:
    outside = tensor.data_location == tensor.EXTERNAL or len(tensor.external_data)
    return f"external data in tensor {tensor.name!r}" if outside else ""


def _in_node(node: Any) -> str:
    if node.domain not in _DOMAINS:
        return f"operator {node.op_type} of the custom domain {node.domain!r}"
    if node.op_type in _CONTROL_FLOW:
        return f"control flow: operator {node.op_type}"
    return f"a random operator: {node.op_type}" if node.op_type in _RANDOM else ""


def _in_attribute(attribute: Any) -> str:
    nested = attribute.HasField("g") or len(attribute.graphs)
    return f"control flow: a graph inside attribute {attribute.name!r}" if nested else ""


def _in_model(model: Any) -> str:
    if len(model.functions):
        return "functions of its own"
    return "training information" if len(model.training_info) else ""


_CHECKS = {
    "AttributeProto": _in_attribute,
    "ModelProto": _in_model,
    "NodeProto": _in_node,
    "TensorProto": _in_tensor,
}


def _signature(graph: Any, name: str) -> Signature:
    constants = {item.name for item in graph.initializer}
    inputs = [item for item in graph.input if item.name not in constants]
    taken, given = _value(inputs, INPUT, name), _value(graph.output, OUTPUT, name)
    if taken[0] != given[0]:
        raise SignatureError(
            f"{name}: expected one type of input and output, found {taken[0]} and {given[0]}"
        )
    return Signature(inputs=taken[1], dtype=taken[0], outputs=given[1])


def _value(values: Sequence[Any], expected: str, name: str) -> tuple[_Type, int]:
    """Return type and columns of the one input or output, whose rows are free."""
    onnx = require("onnx", "models")
    types: dict[int, _Type] = {
        onnx.TensorProto.DOUBLE: "float64",
        onnx.TensorProto.FLOAT: "float32",
    }
    if len(values) == 1 and values[0].name == expected:
        tensor = values[0].type.tensor_type
        sizes = [item.dim_value if item.HasField("dim_value") else 0 for item in tensor.shape.dim]
        if tensor.elem_type in types and len(sizes) == 2 and sizes[0] == 0 < sizes[1]:  # noqa: PLR2004 - rows and columns
            return types[tensor.elem_type], sizes[1]
    found = ", ".join(_described(item) for item in values) or "none"
    raise SignatureError(
        f"{name}: expected one tensor {expected} of float64 or float32 and shape (rows, columns), "
        f"found {found}"
    )


def _described(value: Any) -> str:
    onnx = require("onnx", "models")
    tensor = value.type.tensor_type
    dtype = onnx.TensorProto.DataType.Name(tensor.elem_type).lower()
    sizes = [str(item.dim_value or item.dim_param or "rows") for item in tensor.shape.dim]
    return f"{value.name} of {dtype} and shape ({', '.join(sizes)})"
