"""Linear models and perceptrons, taken out of the chain of operators that describes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from quant_core.inference._dense_kernel import RELU, SIGMOID, TANH
from quant_core.inference._graph import UnrecognisedGraphError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from quant_core.inference._graph import Step

__all__ = ["Layer", "Network", "read_network"]

_ACTIVATIONS = {"Relu": RELU, "Tanh": TANH, "Sigmoid": SIGMOID}
_NAMES = {0: "identity", RELU: "relu", TANH: "tanh", SIGMOID: "sigmoid"}
_FUNCTIONS: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    0: lambda value: value,
    RELU: lambda value: np.maximum(value, 0.0),
    TANH: np.tanh,
    SIGMOID: lambda value: 1.0 / (1.0 + np.exp(-value)),
}
_FLOATS = (1, 11)  # codes of float32 and float64 in ONNX


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer: ``activation(x @ weights + bias)``.

    Parameters
    ----------
    weights : ndarray of shape (inputs, outputs)
        The weights.
    bias : ndarray of shape (outputs,)
        The bias.
    activation : {0, 1, 2, 3}
        Identity, relu, tanh or sigmoid.
    """

    weights: np.ndarray
    bias: np.ndarray
    activation: int = 0


@dataclass(frozen=True, slots=True)
class Network:
    """Layers behind a scaling of the inputs, ``(x - scaling[0]) * scaling[1] + scaling[2]``.

    Parameters
    ----------
    scaling : ndarray of shape (3, F)
        Offset, factor and shift of each input.
    layers : tuple of Layer
        The layers; the last has one output.
    """

    scaling: np.ndarray
    layers: tuple[Layer, ...]

    @property
    def linear(self) -> bool:
        """Whether it is one product."""
        return len(self.layers) == 1 and self.layers[0].activation == 0

    @property
    def widths(self) -> list[int]:
        """Inputs, then outputs of each layer."""
        return [self.scaling.shape[1], *(len(layer.bias) for layer in self.layers)]

    def magnitude(self, rows: np.ndarray) -> float:
        """Return the largest sum of the magnitudes that a prediction of these rows adds up."""
        value = (rows - self.scaling[0]) * self.scaling[1] + self.scaling[2]
        for layer in self.layers[:-1]:
            value = _FUNCTIONS[layer.activation](value @ layer.weights + layer.bias)
        last = self.layers[-1]
        return float((np.abs(value) @ np.abs(last.weights) + np.abs(last.bias)).max())

    @property
    def detail(self) -> str:
        """Its shape in words."""
        names = [_NAMES[layer.activation] for layer in self.layers]
        shape = " -> ".join(str(width) for width in self.widths)
        return shape if self.linear else f"{shape}, {' '.join(names)}"


class _Reading:
    """What the steps so far amount to."""

    def __init__(self, inputs: int) -> None:
        self.width = inputs
        self.scaling = np.stack([np.zeros(inputs), np.ones(inputs), np.zeros(inputs)])
        self.layers: list[Layer] = []
        self.pending: tuple[np.ndarray, np.ndarray] | None = None

    def affine(self, factor: np.ndarray | float, shift: np.ndarray | float) -> None:
        """Take ``value * factor + shift``, element by element."""
        by, plus = (np.broadcast_to(item, self.width) for item in (factor, shift))
        if not self.layers:
            self._scale(by, plus)
        elif self.layers[-1].activation or self.pending is not None:
            before, after = self.pending or (np.ones(self.width), np.zeros(self.width))
            self.pending = (before * by, after * by + plus)
        else:
            last = self.layers[-1]
            self.layers[-1] = Layer(last.weights * by, last.bias * by + plus)

    def _scale(self, by: np.ndarray, plus: np.ndarray) -> None:
        offset, scale, shift = self.scaling
        if (scale == 1).all() and (shift == 0).all() and (by == 1).all():
            self.scaling = np.stack([offset - plus, scale, shift])
        else:
            self.scaling = np.stack([offset, scale * by, shift * by + plus])

    def product(self, weights: np.ndarray, bias: np.ndarray | float) -> None:
        """Take ``value @ weights + bias``."""
        if weights.ndim != 2 or weights.shape[0] != self.width:  # noqa: PLR2004 - a matrix
            raise UnrecognisedGraphError(f"a product of {self.width} values with {weights.shape}")
        plus = np.broadcast_to(bias, weights.shape[1]).astype(np.float64)
        if self.pending is not None:
            by, add = self.pending
            plus, weights, self.pending = plus + add @ weights, by[:, None] * weights, None
        self.layers.append(Layer(weights, plus))
        self.width = weights.shape[1]

    def activate(self, activation: int) -> None:
        """Take an activation of every value."""
        if not self.layers or self.layers[-1].activation or self.pending is not None:
            raise UnrecognisedGraphError(f"{_NAMES[activation]} not after a product")
        last = self.layers[-1]
        self.layers[-1] = Layer(last.weights, last.bias, activation)

    def network(self) -> Network:
        if self.pending is not None:
            self.product(np.eye(self.width), 0.0)
        if not self.layers or self.width != 1:
            raise UnrecognisedGraphError(f"{self.width} outputs after {len(self.layers)} products")
        return Network(self.scaling, tuple(self.layers))


def read_network(steps: Sequence[Step], inputs: int) -> Network:
    """Return the network that a chain of steps describes.

    Parameters
    ----------
    steps : sequence of Step
        The chain.
    inputs : int
        Columns of its input.

    Raises
    ------
    UnrecognisedGraphError
        If a step is none of a network.
    """
    reading = _Reading(inputs)
    for step in steps:
        if step.op not in _STEPS:
            raise UnrecognisedGraphError(f"operator {step.op}")
        _STEPS[step.op](reading, step)
    return reading.network()


def _vector(values: Any, width: int) -> np.ndarray:
    array = np.asarray(values)
    fits = array.size == 1 or array.shape in {(width,), (1, width)}
    if fits and array.ndim <= 2 and array.dtype.kind in "fiu":  # noqa: PLR2004 - a matrix
        return array.reshape(-1).astype(np.float64)
    raise UnrecognisedGraphError(f"a constant of shape {array.shape} beside {width} values")


def _add(reading: _Reading, step: Step) -> None:
    reading.affine(1.0, _vector(step.constant, reading.width))


def _sub(reading: _Reading, step: Step) -> None:
    constant = _vector(step.constant, reading.width)
    if step.operands[0] is None:
        reading.affine(1.0, -constant)
    else:
        reading.affine(-1.0, constant)


def _mul(reading: _Reading, step: Step) -> None:
    reading.affine(_vector(step.constant, reading.width), 0.0)


def _div(reading: _Reading, step: Step) -> None:
    if step.operands[0] is not None:
        raise UnrecognisedGraphError("a constant divided by values")
    reading.affine(1.0 / _vector(step.constant, reading.width), 0.0)


def _matmul(reading: _Reading, step: Step) -> None:
    if step.operands[0] is not None:
        raise UnrecognisedGraphError("MatMul with a constant on the left")
    reading.product(step.constant.astype(np.float64), 0.0)


def _gemm(reading: _Reading, step: Step) -> None:
    if step.operands[0] is not None or step.attributes.get("transA", 0):
        raise UnrecognisedGraphError("Gemm that does not multiply values with constants")
    weights = np.asarray(step.operands[1], dtype=np.float64)
    weights = weights.T if step.attributes.get("transB", 0) else weights
    weights = weights * step.attributes.get("alpha", 1.0)
    bias = np.zeros(1)
    if len(step.operands) == 3:  # noqa: PLR2004 - Gemm's third operand
        bias = _vector(step.operands[2], weights.shape[-1]) * step.attributes.get("beta", 1.0)
    reading.product(weights, bias)


def _linear_regressor(reading: _Reading, step: Step) -> None:
    coefficients = np.asarray(step.attributes["coefficients"], dtype=np.float64)
    if step.attributes.get("targets", 1) != 1 or _transformed(step):
        raise UnrecognisedGraphError("LinearRegressor with several targets or a transform")
    intercept = _vector(step.attributes.get("intercepts", [0.0]), 1)
    reading.product(coefficients.reshape(-1, 1), intercept)


def _transformed(step: Step) -> bool:
    return bool(step.attributes.get("post_transform", "NONE") != "NONE")


def _scaler(reading: _Reading, step: Step) -> None:
    reading.affine(1.0, -_vector(step.attributes["offset"], reading.width))
    reading.affine(_vector(step.attributes["scale"], reading.width), 0.0)


def _activation(reading: _Reading, step: Step) -> None:
    reading.activate(_ACTIVATIONS[step.op])


def _identity(_: _Reading, step: Step) -> None:
    if step.op == "Cast" and step.attributes["to"] not in _FLOATS:
        raise UnrecognisedGraphError("Cast to what is no float")


def _reshape(reading: _Reading, step: Step) -> None:
    keeps_rows(step, reading.width)


def keeps_rows(step: Step, width: int) -> None:
    """Refuse a reshape that does not leave rows of a width as they are."""
    shape = tuple(int(size) for size in step.constant.reshape(-1))
    kept = {(-1, width), (0, width), (0, -1)} | ({(-1,)} if width == 1 else set())
    if shape not in kept:
        raise UnrecognisedGraphError(f"Reshape of rows of {width} to {shape}")


_STEPS: dict[str, Callable[[_Reading, Step], None]] = {
    "Add": _add,
    "Cast": _identity,
    "Div": _div,
    "Gemm": _gemm,
    "Identity": _identity,
    "MatMul": _matmul,
    "Mul": _mul,
    "Relu": _activation,
    "Reshape": _reshape,
    "Sigmoid": _activation,
    "Sub": _sub,
    "Tanh": _activation,
    "ai.onnx.ml/LinearRegressor": _linear_regressor,
    "ai.onnx.ml/Scaler": _scaler,
}
