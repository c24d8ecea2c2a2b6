"""An ONNX graph read as a chain: each node maps the value of the one before, with constants."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from quant_core.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

__all__ = ["Step", "UnrecognisedGraphError", "read_chain"]

_DOMAINS = {"": "", "ai.onnx": "", "ai.onnx.ml": "ai.onnx.ml"}


class UnrecognisedGraphError(Exception):
    """No kernel evaluates the graph; the message says what stood in the way."""


@dataclass(frozen=True, slots=True)
class Step:
    """A node of the chain.

    Parameters
    ----------
    op : str
        Its operator, with the domain before a slash unless that is ONNX's own.
    operands : tuple
        Its inputs: a constant array, or None for the value of the step before.
    attributes : dict
        Its attributes, as Python values; tensors as arrays, texts decoded.
    """

    op: str
    operands: tuple[np.ndarray | None, ...]
    attributes: dict[str, Any]

    @property
    def constant(self) -> np.ndarray:
        """The one constant of an operator with two operands."""
        constants = [operand for operand in self.operands if operand is not None]
        if len(constants) != 1:
            raise UnrecognisedGraphError(f"{self.op} with {len(constants)} constants")
        return constants[0]


def read_chain(data: bytes) -> list[Step]:
    """Return the steps of a graph from its one input to its one output.

    Raises
    ------
    UnrecognisedGraphError
        If a node reads two values that are not constant, or a value that is not the last one.
    UnavailableError
        If onnx is not installed.
    """
    try:
        import onnx
    except ImportError as error:
        raise UnavailableError(
            "inference needs onnx; install quant-assets[models] or quant-assets[live]"
        ) from error
    graph = onnx.load_model_from_string(data).graph
    constants = {item.name: onnx.numpy_helper.to_array(item) for item in graph.initializer}
    inputs = [item.name for item in graph.input if item.name not in constants]
    if len(inputs) != 1 or len(graph.output) != 1 or len(constants) != len(graph.initializer):
        raise UnrecognisedGraphError(f"{len(inputs)} inputs and {len(graph.output)} outputs")
    steps, value = [], inputs[0]
    for node in graph.node:
        attributes = {item.name: _attribute(onnx, item) for item in node.attribute}
        if node.op_type == "Constant" and list(attributes) == ["value"]:
            constants[node.output[0]] = attributes["value"]
            continue
        steps.append(_step(node, attributes, constants, value))
        value = node.output[0]
    if value != graph.output[0].name:
        raise UnrecognisedGraphError(f"the output is not that of the last node, {value}")
    return steps


def _step(
    node: Any, attributes: dict[str, Any], constants: dict[str, np.ndarray], value: str
) -> Step:
    name: str = node.op_type
    if node.domain not in _DOMAINS:
        raise UnrecognisedGraphError(f"domain {node.domain}")
    if _DOMAINS[node.domain]:
        name = f"{node.domain}/{name}"
    names: Sequence[str] = [operand for operand in node.input if operand]
    unknown = [operand for operand in names if operand not in constants]
    if unknown != [value] or len(node.output) != 1:
        raise UnrecognisedGraphError(f"{name} does not continue a chain")
    return Step(name, tuple(constants.get(operand) for operand in names), attributes)


def _attribute(onnx: Any, item: Any) -> Any:
    value = onnx.helper.get_attribute_value(item)
    if isinstance(value, onnx.TensorProto):
        return onnx.numpy_helper.to_array(value)
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, list) and value and isinstance(value[0], bytes):
        return [text.decode() for text in value]
    return value
