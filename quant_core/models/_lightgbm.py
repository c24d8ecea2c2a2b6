"""LightGBM, and its model files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Field

from quant_core.errors import ModelFormatError
from quant_core.models._fitted import Fitted
from quant_core.models._graph import tree_graph
from quant_core.models._trainer import DOUBLE_TOLERANCE, Trainer, require
from quant_core.models._trees import Tree

if TYPE_CHECKING:
    from quant_core.models._graph import Link

__all__ = ["LightGbm", "lightgbm_model"]

_LINKS: dict[str, Link] = {
    "regression": "",
    "regression_l1": "",
    "huber": "",
    "fair": "",
    "quantile": "",
    "mape": "",
    "binary sigmoid:1": "Sigmoid",
    "poisson": "Exp",
    "gamma": "Exp",
    "tweedie": "Exp",
}
_CATEGORICAL, _MISSING, _ZERO_IS_MISSING = 1, 12, 4


class LightGbm(Trainer):
    """Gradient boosting of LightGBM, least squares.

    Parameters
    ----------
    trees : int
        Trees.
    leaves : int
        Leaves a tree may have.
    depth : int, optional
        Depth a tree may have; no limit by default.
    learning_rate : float
        What each tree's answer is multiplied by.
    min_rows : int
        Training rows that a leaf must hold.
    l2 : float
        Weight of the squared leaf values.
    columns : float
        Share of the features that a tree may use, drawn anew for each.
    """

    kind: Literal["lightgbm"] = "lightgbm"
    trees: Annotated[int, Field(ge=1, le=10_000)] = 100
    leaves: Annotated[int, Field(ge=2, le=4096)] = 31
    depth: Annotated[int, Field(ge=1, le=64)] | None = None
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 0.1
    min_rows: Annotated[int, Field(ge=1)] = 20
    l2: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    columns: Annotated[float, Field(gt=0, le=1)] = 1.0

    def _fit(self, features: np.ndarray, target: np.ndarray, seed: int) -> Fitted:
        lightgbm = require("lightgbm", "boosting")
        parameters = {
            "objective": "regression",
            "num_leaves": self.leaves,
            "max_depth": self.depth or -1,
            "learning_rate": self.learning_rate,
            "min_data_in_leaf": self.min_rows,
            "lambda_l2": self.l2,
            "feature_fraction": self.columns,
            "seed": seed,
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": 1,
            "verbosity": -1,
        }
        data = lightgbm.Dataset(features, target, params=parameters)
        booster = lightgbm.train(parameters, data, num_boost_round=self.trees)
        # The text carries 17 digits of every number, so nothing is lost by reading it.
        return lightgbm_model(booster.model_to_string())


def lightgbm_model(text: str, *, name: str = "LightGBM model") -> Fitted:
    """Convert the text that LightGBM saves.

    Parameters
    ----------
    text : str
        What ``Booster.save_model`` writes and ``Booster.model_to_string`` returns.
    name : str
        What messages call it.

    Raises
    ------
    ModelFormatError
        If it is cut off, or has categorical splits, linear leaves, zeros that count as missing,
        several outputs, averaged trees or an objective that is not in the list.
    """
    lightgbm = require("lightgbm", "boosting")
    # Read by us first: LightGBM ends the process on a text that is cut off.
    head, blocks = _blocks(text, name)
    link = _link(head, name)
    trees = [_tree(block, f"{name}: tree {number}") for number, block in enumerate(blocks)]
    try:
        booster = lightgbm.Booster(model_str=text)
    except lightgbm.basic.LightGBMError as error:
        raise ModelFormatError(f"{name}: LightGBM cannot read it: {error}") from error
    inputs = int(booster.num_feature())
    return Fitted(
        kind="lightgbm",
        framework=f"lightgbm {lightgbm.__version__}",
        inputs=inputs,
        tolerance=DOUBLE_TOLERANCE,
        native=lambda rows: booster.predict(rows, num_threads=1),
        onnx=tree_graph(trees or [Tree.constant(0.0)], inputs=inputs, link=link),
    )


def _blocks(text: str, name: str) -> tuple[str, list[dict[str, str]]]:
    """Return the head and the fields of each tree, at the places that the head names."""
    head = text.partition("\nTree=0\n")[0].partition("end of trees\n")[0]
    sizes = _fields(head).get("tree_sizes", "").split()
    place, blocks = len(head) + (text[len(head) :][:1] == "\n"), []
    for number, size in enumerate(sizes):
        block = text[place : place + int(size)] if size.isdecimal() else ""
        if not block.startswith(f"Tree={number}\n"):
            raise ModelFormatError(
                f"{name}: expected tree {number} where the head says, found none"
            )
        blocks.append(_fields(block))
        place += len(block)
    if not text.startswith("end of trees\n", place) or "\nend of parameters\n" not in text[place:]:
        raise ModelFormatError(
            f"{name}: expected the end of {len(blocks)} trees and the parameters, found another "
            "text; the file was cut off or edited"
        )
    return head, blocks


def _link(head: str, name: str) -> Link:
    fields = _fields(head)
    objective = fields.get("objective", "none")
    if "average_output" in head.splitlines():
        raise ModelFormatError(f"{name}: expected boosted trees, found averaged ones (rf)")
    if fields.get("num_tree_per_iteration") != "1" or objective not in _LINKS:
        raise ModelFormatError(
            f"{name}: expected one output of an objective among {', '.join(_LINKS)}, "
            f"found {objective!r} with {fields.get('num_tree_per_iteration')} trees an iteration"
        )
    return _LINKS[objective]


def _fields(block: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in block.splitlines() if "=" in line)


def _tree(fields: dict[str, str], name: str) -> Tree:
    values = _numbers(fields, "leaf_value", np.float64)
    decision = _numbers(fields, "decision_type", np.int64)
    if fields.get("is_linear", "0") != "0" or (decision & _CATEGORICAL).any():
        raise ModelFormatError(
            f"{name}: expected numeric splits and constant leaves, found others; train without "
            "categorical features and without linear_tree"
        )
    if ((decision & _MISSING) == _ZERO_IS_MISSING).any():
        raise ModelFormatError(f"{name}: expected zero to be a value, found zero_as_missing")
    leaves = int(fields.get("num_leaves", "0"))
    features, left, right = (
        _numbers(fields, column, np.int64)
        for column in ("split_feature", "left_child", "right_child")
    )
    thresholds = _numbers(fields, "threshold", np.float64)
    lengths = {len(column) for column in (features, thresholds, left, right)}
    if len(values) != leaves or lengths != {leaves - 1}:
        raise ModelFormatError(f"{name}: expected {leaves} leaves and their splits, found others")
    if leaves == 1:
        return Tree.constant(float(values[0]))
    return Tree(features, thresholds, left, right, values)


def _numbers(fields: dict[str, str], name: str, dtype: type) -> np.ndarray:
    try:
        return np.array(fields.get(name, "").split(), dtype=dtype)
    except ValueError as error:
        raise ModelFormatError(f"LightGBM model: expected numbers in {name}: {error}") from error
