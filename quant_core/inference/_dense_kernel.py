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
    value: np.ndarray,
    inputs: np.uint64,
    outputs: np.uint64,
    weights: np.ndarray,
    start: np.uint64,
    out: np.ndarray,
) -> None:
    """Write ``value @ weights``, four inputs at a time, each output in the order of the inputs.

    Indices are unsigned: numba would test signed ones for being negative.
    """
    one, four = np.uint64(1), np.uint64(4)
    for unit in range(outputs):
        out[unit] = 0.0
    place, w0 = np.uint64(0), start
    while place + four <= inputs:
        v0, v1 = value[place], value[place + one]
        v2, v3 = value[place + np.uint64(2)], value[place + np.uint64(3)]
        w1 = w0 + outputs
        w2 = w1 + outputs
        w3 = w2 + outputs
        for unit in range(outputs):
            total = out[unit] + v0 * weights[w0 + unit]
            total += v1 * weights[w1 + unit]
            total += v2 * weights[w2 + unit]
            out[unit] = total + v3 * weights[w3 + unit]
        place, w0 = place + four, w3 + outputs
    while place < inputs:
        for unit in range(outputs):
            out[unit] += value[place] * weights[w0 + unit]
        place, w0 = place + one, w0 + outputs


@njit(cache=True, nogil=True, error_model="numpy")
def _activate(values: np.ndarray, count: np.uint64, activation: int) -> None:
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
    shapes : ndarray of uint64, shape (m, L + 1)
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
    width = max(columns.shape[1], np.int64(shapes.max()))
    value, following = np.empty(width), np.empty(width)
    for model in range(len(layout)):
        place, single = layout[model, 0], layout[model, 2]
        own, inputs = columns[model], shapes[model, 0]
        for row in range(len(rows)):
            if not active[row, place]:
                continue
            if not gather(rows, row, own, inputs, single, value, np.uint64(0)):
                continue
            for column in range(inputs):
                centred = value[column] - scaling[model, 0, column]
                value[column] = centred * scaling[model, 1, column] + scaling[model, 2, column]
            start, layer, before = np.uint64(layout[model, 1]), 0, inputs
            while layer < activations.shape[1] and shapes[model, layer + 1] > 0:
                units = shapes[model, layer + 1]
                _product(value, before, units, weights, start, following)
                start += before * units
                for unit in range(units):
                    following[unit] += weights[start + unit]
                _activate(following, units, activations[model, layer])
                start += units
                value, following = following, value
                before, layer = units, layer + 1
            if math.isfinite(value[0]):
                out[row, place] = value[0]
