"""Rows that try a model where it is most likely to be wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from quant_core.clock import generator
from quant_core.models._trainer import require

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["probe_rows"]

_LARGEST = 1e30  # so that floats and squares of the values stay finite


def probe_rows(data: bytes, *, inputs: int, rows: int = 512, seed: int = 0) -> np.ndarray:
    """Return rows for a model, on its own thresholds where it has some.

    One row in two lies around the thresholds of each column, normally distributed as they are; of
    the others every value is a threshold, or the next double or float above or below one. A column
    that no tree splits, and every column of another model, is normal around the model's center.

    Parameters
    ----------
    data : bytes
        The ONNX file, verified.
    inputs : int
        Columns of its input.
    rows : int
        How many.
    seed : int
        Seed of the draw.

    Returns
    -------
    numpy.ndarray of float64, shape (rows, inputs)
    """
    random = generator(seed, "models.probe")
    columns = _anchors(data, inputs)
    return np.column_stack([_column(random, anchors, rows) for anchors in columns])


def _column(random: np.random.Generator, anchors: np.ndarray, rows: int) -> np.ndarray:
    spread = float(anchors.std()) or float(np.abs(anchors).max()) * 0.1 or 1.0
    values = random.normal(float(anchors.mean()), spread, rows)
    chosen = random.choice(anchors, rows)
    single = chosen.astype(np.float32)
    beside = np.stack(
        [
            chosen,
            np.nextafter(chosen, -np.inf),
            np.nextafter(chosen, np.inf),
            np.nextafter(single, np.float32(-np.inf)),
            np.nextafter(single, np.float32(np.inf)),
        ]
    )
    exact = beside[random.integers(0, len(beside), rows), np.arange(rows)]
    return np.where(np.arange(rows) % 2 == 0, values, exact)


def _anchors(data: bytes, inputs: int) -> list[np.ndarray]:
    """Return thresholds, or else the center, of each column."""
    onnx = require("onnx", "models")
    graph = onnx.load_model_from_string(data).graph
    found: Sequence[list[float]] = [[] for _ in range(inputs)]
    for node in graph.node:
        if node.op_type == "TreeEnsemble":
            attributes = {
                item.name: onnx.helper.get_attribute_value(item) for item in node.attribute
            }
            _gather(found, attributes["nodes_featureids"], _array(attributes["nodes_splits"]))
    for constant in graph.initializer:
        if constant.name == "center":
            _gather(found, range(inputs), _array(constant))
    return [np.clip(values or [0.0], -_LARGEST, _LARGEST) for values in found]


def _gather(found: Sequence[list[float]], columns: Sequence[int], values: np.ndarray) -> None:
    for column, value in zip(columns, values.tolist(), strict=True):
        if np.isfinite(value):
            found[column].append(value)


def _array(tensor: Any) -> np.ndarray:
    values: np.ndarray = require("onnx.numpy_helper", "models").to_array(tensor)
    return values
