"""Whether the nodes of a tree ensemble form trees, before a runtime walks them.

ONNX Runtime trusts these numbers: a column beyond the input is read from memory that is not the
row's, and a node that leads back to itself never ends.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from quant_core.models._trainer import require

__all__ = ["TREE_OPERATORS", "wrong_tree"]

TREE_OPERATORS = frozenset({"TreeEnsemble", "TreeEnsembleClassifier", "TreeEnsembleRegressor"})
"""The operators of ``ai.onnx.ml`` that walk trees."""

_LAST_COMPARISON = 5  # the mode after it tests membership of a set
_COMPARISONS = ("LEQ", "LT", "GTE", "GT", "EQ", "NEQ")


class _MalformedError(Exception):
    """What is wrong, in words."""


def wrong_tree(node: Any, columns: int | None) -> str:
    """Return what is wrong with a tree ensemble, or an empty string.

    Parameters
    ----------
    node : onnx.NodeProto
        One of the `TREE_OPERATORS`.
    columns : int or None
        Columns of its input, None when they are not known.
    """
    if columns is None:
        return f"{node.op_type} with an input of unknown width"
    try:
        attributes = {item.name: _array(item) for item in node.attribute}
        check = _check_flat if node.op_type == "TreeEnsemble" else _check_tables
        check(attributes, columns)
    except (_MalformedError, ValueError, TypeError, KeyError) as error:
        return f"{node.op_type}: {error}"
    return ""


def _array(attribute: Any) -> np.ndarray:
    value = require("onnx.helper", "models").get_attribute_value(attribute)
    if hasattr(value, "data_type"):
        value = require("onnx.numpy_helper", "models").to_array(value)
    return np.asarray(value)


def _column(attributes: dict[str, np.ndarray], name: str, count: int | None = None) -> np.ndarray:
    found = attributes.get(f"{name}_as_tensor", attributes.get(name))
    if found is None or found.ndim != 1 or (count is not None and len(found) != count):
        size = "none" if found is None else found.shape
        raise _MalformedError(f"expected {count or 'some'} values in {name}, found {size}")
    return found


def _within(values: np.ndarray, stop: int, what: str) -> None:
    if ((values < 0) | (values >= stop)).any():
        raise _MalformedError(f"expected {what} below {stop}, found others")


def _each_once(places: np.ndarray) -> None:
    """Require that no node is reached twice: then no walk can come back."""
    if len(np.unique(places)) < len(places):
        raise _MalformedError("expected trees, found a node that is reached twice")


def _check_flat(attributes: dict[str, np.ndarray], columns: int) -> None:
    """Check version 5, where nodes and leaves of all trees are numbered through."""
    features = _column(attributes, "nodes_featureids")
    count, leaves = len(features), len(_column(attributes, "leaf_weights"))
    _column(attributes, "nodes_splits", count)
    _within(features, columns, "columns")
    _within(_column(attributes, "nodes_modes", count), _LAST_COMPARISON + 1, "comparison codes")
    targets = _column(attributes, "leaf_targetids", leaves)
    _within(targets, int(attributes.get("n_targets", np.array(1))), "targets")
    roots = _column(attributes, "tree_roots")
    reached = [roots]
    for side in ("true", "false"):
        child = _column(attributes, f"nodes_{side}nodeids", count)
        leaf = _column(attributes, f"nodes_{side}leafs", count) != 0
        _within(child[leaf], leaves, "leaves")
        reached.append(child[~leaf])
    places = np.concatenate(reached)
    _within(places, count, "nodes")
    _each_once(places)


def _check_tables(attributes: dict[str, np.ndarray], columns: int) -> None:
    """Check versions 1 to 3, where the nodes of each tree are numbered by themselves."""
    trees = _column(attributes, "nodes_treeids")
    count = len(trees)
    numbers = _column(attributes, "nodes_nodeids", count)
    _column(attributes, "nodes_values", count)
    modes = _column(attributes, "nodes_modes", count)
    branch = modes != b"LEAF"
    if not np.isin(modes[branch], [f"BRANCH_{name}".encode() for name in _COMPARISONS]).all():
        raise _MalformedError("expected comparisons or leaves, found other modes")
    _within(_column(attributes, "nodes_featureids", count)[branch], columns, "columns")
    own = _keys(trees, numbers)
    _each_once(own)
    sides = [_column(attributes, f"nodes_{side}nodeids", count) for side in ("true", "false")]
    reached = np.concatenate([_keys(trees[branch], side[branch]) for side in sides])
    _each_once(reached)
    first = _keys(trees, numbers)[np.unique(trees, return_index=True)[1]]
    if not np.isin(reached, own).all() or np.isin(first, reached).any():
        raise _MalformedError("expected every branch to lead to a node of its tree, and none back")
    kind = "class" if "class_ids" in attributes else "target"
    leaves = _keys(_column(attributes, f"{kind}_treeids"), _column(attributes, f"{kind}_nodeids"))
    if not np.isin(leaves, own[~branch]).all():
        raise _MalformedError("expected weights of leaves, found weights of other nodes")
    ids = _column(attributes, f"{kind}_ids", len(leaves))
    _column(attributes, f"{kind}_weights", len(leaves))
    if kind == "target":
        _within(ids, int(attributes.get("n_targets", np.array(1))), "targets")


def _keys(trees: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    _within(np.concatenate([trees, numbers]), 2**31, "ids")
    keys: np.ndarray = trees.astype(np.int64) * 2**31 + numbers
    return keys
