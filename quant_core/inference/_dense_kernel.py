"""The compiled kernel of linear models and perceptrons.

Products run across the outputs of a layer: each output adds its inputs in their order, whichever
rows and models share the call.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from quant_core.inference._gather import gather

__all__ = ["RELU", "SIGMOID", "TANH", "evaluate_networks"]

RELU, TANH, SIGMOID = 1, 2, 3


@njit(cache=True, nogil=True, error_model="numpy")
def _product(
    value: np.ndarray, inputs: int, outputs: int, weights: np.ndarray, out: np.ndarray
) -> None:
    """Write ``value @ weights``, four inputs at a time, each output in the order of the inputs."""
    for unit in range(outputs):
        out[unit] = 0.0
    whole = inputs - inputs % 4
    for place in range(0, whole, 4):
        v0, v1, v2, v3 = value[place], value[place + 1], value[place + 2], value[place + 3]
        first = place * outputs
        w0, w1 = weights[first:], weights[first + outputs :]
        w2, w3 = weights[first + 2 * outputs :], weights[first + 3 * outputs :]
        for unit in range(outputs):
            total = out[unit] + v0 * w0[unit]
            total += v1 * w1[unit]
            total += v2 * w2[unit]
            out[unit] = total + v3 * w3[unit]
    for place in range(whole, inputs):
        for unit in range(outputs):
            out[unit] += value[place] * weights[place * outputs + unit]


@njit(cache=True, nogil=True, error_model="numpy")
def _activate(values: np.ndarray, count: int, activation: int) -> None:
    if activation == RELU:
        for unit in range(count):
            # Not max: a NaN of an overflow stays NaN.
            values[unit] = 0.0 if values[unit] < 0.0 else values[unit]  # noqa: FURB136
    elif activation == TANH:
        for unit in range(count):
            values[unit] = math.tanh(values[unit])
    elif activation == SIGMOID:
        for unit in range(count):
            values[unit] = 1.0 / (1.0 + math.exp(-values[unit]))


@njit(cache=True, nogil=True, error_model="numpy")
def evaluate_networks(
    rows: np.ndarray,
    active: np.ndarray,
    columns: np.ndarray,
    layout: np.ndarray,
    shapes: np.ndarray,
    activations: np.ndarray,
    scaling: np.ndarray,
    weights: np.ndarray,
    out: np.ndarray,
) -> None:
    """Evaluate m networks for K rows.

    Parameters
    ----------
    rows : ndarray of shape (K, U)
        Shared inputs.
    active : ndarray of bool, shape (K, M)
        Cells to compute.
    columns : ndarray of uint64, shape (m, F)
        Columns of ``rows`` that are the inputs of each model.
    layout : ndarray of int64, shape (m, 3)
        Column of ``active`` and ``out``, start in ``weights``, whether inputs are float32.
    shapes : ndarray of int64, shape (m, L + 1)
        Inputs, then outputs of each layer; 0 behind the last one.
    activations : ndarray of int64, shape (m, L)
        Codes of the layers' activations.
    scaling : ndarray of shape (m, 3, F)
        Offset, factor and shift of the inputs.
    weights : ndarray
        Weights and bias of each layer of each model.
    out : ndarray of shape (K, M)
        Predictions, written where active and finite.
    """
    width = max(columns.shape[1], shapes.max())
    value, following = np.empty(width), np.empty(width)
    for model in range(len(layout)):
        place, inputs, single = layout[model, 0], shapes[model, 0], layout[model, 2]
        offset, factor, shift = scaling[model, 0], scaling[model, 1], scaling[model, 2]
        for row in range(len(rows)):
            if not active[row, place]:
                continue
            if not gather(rows[row], columns[model, :inputs], single, value):
                continue
            for column in range(inputs):
                value[column] = (value[column] - offset[column]) * factor[column] + shift[column]
            start, layer, before = layout[model, 1], 0, inputs
            while layer < activations.shape[1] and shapes[model, layer + 1] > 0:
                units = shapes[model, layer + 1]
                _product(value, before, units, weights[start:], following)
                bias = weights[start + before * units :]
                for unit in range(units):
                    following[unit] += bias[unit]
                _activate(following, units, activations[model, layer])
                start += (before + 1) * units
                value, following = following, value
                before = units
                layer += 1
            if math.isfinite(value[0]):
                out[row, place] = value[0]
