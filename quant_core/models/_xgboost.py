"""XGBoost, and its model files."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import Field

from quant_core.errors import ModelFormatError
from quant_core.models._fitted import Fitted
from quant_core.models._graph import tree_graph
from quant_core.models._sniff import format_of
from quant_core.models._trainer import Trainer, require
from quant_core.models._trees import Tree, double_thresholds
from quant_core.models._ubjson import read_ubjson

if TYPE_CHECKING:
    from quant_core.models._graph import Link

__all__ = ["SINGLE_TOLERANCE", "Xgboost", "xgboost_model"]

SINGLE_TOLERANCE = 1e-5
"""Parity of a library that adds up its trees in float32."""

_LINKS: dict[str, Link] = {
    "reg:squarederror": "",
    "reg:absoluteerror": "",
    "reg:pseudohubererror": "",
    "reg:quantileerror": "",
    "reg:logistic": "Sigmoid",
    "binary:logistic": "Sigmoid",
    "count:poisson": "Exp",
    "reg:gamma": "Exp",
    "reg:tweedie": "Exp",
}


class Xgboost(Trainer):
    """Gradient boosting of XGBoost on histograms, least squares.

    XGBoost rounds features to float32 and adds trees up in float32. The ONNX file sends every
    double the way XGBoost does and adds in float64, so the two differ by rounding of the sum.

    Parameters
    ----------
    trees : int
        Trees.
    depth : int
        Depth of a tree.
    learning_rate : float
        What each tree's answer is multiplied by.
    min_weight : float
        Weight (training rows) that a leaf must hold.
    l2 : float
        Weight of the squared leaf values.
    columns : float
        Share of the features that a tree may use, drawn anew for each.
    """

    kind: Literal["xgboost"] = "xgboost"
    trees: Annotated[int, Field(ge=1, le=10_000)] = 100
    depth: Annotated[int, Field(ge=1, le=16)] = 5
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 0.1
    min_weight: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 20.0
    l2: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 1.0
    columns: Annotated[float, Field(gt=0, le=1)] = 1.0

    def _fit(self, features: np.ndarray, target: np.ndarray, seed: int) -> Fitted:
        xgboost = require("xgboost", "boosting")
        parameters = {
            "objective": "reg:squarederror",
            "tree_method": "hist",
            "max_depth": self.depth,
            "eta": self.learning_rate,
            "min_child_weight": self.min_weight,
            "lambda": self.l2,
            "colsample_bytree": self.columns,
            "seed": seed,
            "nthread": 1,
            "verbosity": 0,
        }
        data = xgboost.DMatrix(features, target, nthread=1)
        booster = xgboost.train(parameters, data, num_boost_round=self.trees)
        return xgboost_model(bytes(booster.save_raw("json")))


def xgboost_model(data: bytes, *, name: str = "XGBoost model") -> Fitted:
    """Convert the JSON or UBJSON that XGBoost saves.

    Parameters
    ----------
    data : bytes
        What ``Booster.save_model`` writes and ``Booster.save_raw`` returns.
    name : str
        What messages call it.

    Raises
    ------
    ModelFormatError
        If it is cut off, is not made of trees, or has categorical splits, several outputs or an
        objective that is not in the list.
    """
    xgboost = require("xgboost", "boosting")
    # Read by us first: XGBoost ends the process on UBJSON that is cut off.
    try:
        binary = format_of(data) == "xgboost-ubj"
        learner = (read_ubjson(data) if binary else json.loads(data))["learner"]
        inputs, link, trees = _read(learner, name)
    except ModelFormatError:
        raise
    except (ValueError, KeyError, TypeError, IndexError, ArithmeticError) as error:
        raise ModelFormatError(
            f"{name}: expected what XGBoost saves, found another file, or part of one ({error})"
        ) from error
    booster = xgboost.Booster({"nthread": 1})
    try:
        booster.load_model(bytearray(data))
    except xgboost.core.XGBoostError as error:
        first = str(error).strip().splitlines()[0]
        raise ModelFormatError(f"{name}: XGBoost cannot read it: {first}") from error
    return Fitted(
        kind="xgboost",
        framework=f"xgboost {xgboost.__version__}",
        inputs=inputs,
        tolerance=SINGLE_TOLERANCE,
        native=lambda rows: booster.predict(xgboost.DMatrix(rows, nthread=1)).astype(np.float64),
        onnx=tree_graph(trees, inputs=inputs, link=link),
    )


def _read(learner: dict[str, Any], name: str) -> tuple[int, Link, list[Tree]]:
    objective = learner["objective"]["name"]
    _check(learner, objective, name)
    link = _LINKS[objective]
    model = learner["gradient_booster"]["model"]
    grown = model["trees"]
    # Trees that were dropped in training (DART) count with a weight; others have none.
    weights = model.get("weight_drop") or [1.0] * len(grown)
    trees = [
        _tree(tree, weight, f"{name}: tree {number}")
        for number, (tree, weight) in enumerate(zip(grown, weights, strict=True))
    ]
    inputs = int(learner["learner_model_param"]["num_feature"])
    return inputs, link, [Tree.constant(_base(learner, link)), *trees]


def _check(learner: dict[str, Any], objective: str, name: str) -> None:
    booster, parameters = learner["gradient_booster"]["name"], learner["learner_model_param"]
    outputs = max(int(parameters["num_class"]), int(parameters["num_target"]))
    if booster != "gbtree" or outputs > 1 or objective not in _LINKS:
        raise ModelFormatError(
            f"{name}: expected booster gbtree with one output and an objective among "
            f"{', '.join(_LINKS)}, found {booster} with {outputs} outputs and {objective!r}"
        )


def _base(learner: dict[str, Any], link: Link) -> float:
    """Return what the sum of the trees starts from; the file holds it behind the link."""
    text = learner["learner_model_param"]["base_score"].strip("[]")
    score = float(np.float32(text))
    if link == "Sigmoid":
        return -math.log(1 / score - 1)
    return math.log(score) if link == "Exp" else score


def _tree(tree: dict[str, Any], weight: float, name: str) -> Tree:
    if any(tree["split_type"]) or int(tree["tree_param"]["size_leaf_vector"]) > 1:
        raise ModelFormatError(
            f"{name}: expected numeric splits and one value a leaf, found others; train without "
            "categorical features and with one target"
        )
    left = np.array(tree["left_children"], dtype=np.int64)
    conditions = np.array(tree["split_conditions"], dtype=np.float32)
    return Tree.from_nodes(
        is_leaf=left < 0,
        feature=np.array(tree["split_indices"], dtype=np.int64),
        threshold=double_thresholds(conditions),
        left=left,
        right=np.array(tree["right_children"], dtype=np.int64),
        value=conditions.astype(np.float64) * float(np.float32(weight)),
    )
