"""Tree ensembles as ONNX writes them: nodes that name their children."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from quant_core.inference._graph import UnrecognisedGraphError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quant_core.inference._graph import Step

__all__ = ["EQ", "GT", "GTE", "LEAF", "LEQ", "LT", "NEQ", "Ensemble", "read_ensemble"]

LEQ, LT, GTE, GT, EQ, NEQ, LEAF = range(7)

_MODES = {
    "BRANCH_LEQ": LEQ,
    "BRANCH_LT": LT,
    "BRANCH_GTE": GTE,
    "BRANCH_GT": GT,
    "BRANCH_EQ": EQ,
    "BRANCH_NEQ": NEQ,
    "LEAF": LEAF,
}
_AGGREGATIONS = {0: "AVERAGE", 1: "SUM", 2: "MIN", 3: "MAX"}
_SINGLE, _DOUBLE = 1, 11  # codes of float32 and float64 in ONNX


@dataclass(frozen=True, slots=True)
class Ensemble:
    """The nodes of all trees, leaves included.

    Parameters
    ----------
    mode, feature, on_true, on_false : integer ndarray of shape (N,)
        Comparison, input column and children of each node.
    value : ndarray of shape (N,)
        Its threshold, or the weight of a leaf.
    roots : integer ndarray of shape (T,)
        Roots in the order in which trees are added.
    base : float
        Added at the end.
    average : bool
        Whether the sum of the trees is divided by their number.
    single_input, single_sum, single_output : bool
        Whether inputs, every partial sum or the prediction are rounded to float32.
    """

    mode: np.ndarray
    feature: np.ndarray
    on_true: np.ndarray
    on_false: np.ndarray
    value: np.ndarray
    roots: np.ndarray
    base: float
    average: bool
    single_input: bool
    single_sum: bool
    single_output: bool


def read_ensemble(steps: Sequence[Step], *, inputs: int, single: bool) -> Ensemble:
    """Return the ensemble that a chain of steps describes.

    Parameters
    ----------
    steps : sequence of Step
        The chain.
    inputs : int
        Columns of its input.
    single : bool
        Whether its input is float32.

    Raises
    ------
    UnrecognisedGraphError
        If the chain is more than one sum of trees with casts, or the trees are ill-formed.
    """
    places = [place for place, step in enumerate(steps) if step.op in _READERS]
    if len(places) != 1:
        raise UnrecognisedGraphError(f"{len(places)} tree ensembles")
    place = places[0]
    before, step, after = steps[:place], steps[place], steps[place + 1 :]
    casts = [_cast(item) for item in before]
    _one_target(step)
    single_sum = casts[-1] == _SINGLE if casts and casts[-1] else single
    nodes = _READERS[step.op](step.attributes)
    _well_formed(nodes, inputs)
    regressor = step.op.endswith("Regressor")
    return Ensemble(
        **nodes,
        average=_aggregation(step) == "AVERAGE",
        single_input=single or _SINGLE in casts,
        single_sum=single_sum,
        single_output=regressor or single_sum or _SINGLE in [_cast(item) for item in after],
    )


def _cast(step: Step) -> int | None:
    if step.op == "Identity" or (step.op == "Reshape" and _is_column(step.constant)):
        return None
    if step.op == "Cast" and step.attributes["to"] in {_SINGLE, _DOUBLE}:
        return int(step.attributes["to"])
    raise UnrecognisedGraphError(f"{step.op} beside a tree ensemble")


def _is_column(shape: np.ndarray) -> bool:
    return tuple(shape.reshape(-1).tolist()) in {(-1, 1), (0, 1), (-1,)}


def _aggregation(step: Step) -> str:
    found = step.attributes.get("aggregate_function", "SUM")
    return str(_AGGREGATIONS.get(found, found))


def _one_target(step: Step) -> None:
    transform = step.attributes.get("post_transform", "NONE")
    if step.attributes.get("n_targets", 1) != 1 or transform not in {"NONE", 0}:
        raise UnrecognisedGraphError(f"{step.op} with several targets or a transform")
    if _aggregation(step) not in {"SUM", "AVERAGE"}:
        raise UnrecognisedGraphError(f"{step.op} that takes the {_aggregation(step)}")


def _numbers(attributes: dict[str, Any], name: str, count: int | None = None) -> np.ndarray:
    found = attributes.get(f"{name}_as_tensor", attributes.get(name))
    if found is None:
        raise UnrecognisedGraphError(f"a tree ensemble without {name}")
    values = np.asarray(found)
    if values.ndim != 1 or (count is not None and len(values) != count):
        raise UnrecognisedGraphError(f"{name} of shape {values.shape}")
    return values


def _integers(attributes: dict[str, Any], name: str, count: int | None = None) -> np.ndarray:
    return _numbers(attributes, name, count).astype(np.int64)


def _doubles(attributes: dict[str, Any], name: str, count: int | None = None) -> np.ndarray:
    return _numbers(attributes, name, count).astype(np.float64)


def _read_regressor(attributes: dict[str, Any]) -> dict[str, Any]:
    """Read versions 1 to 3, where leaves are nodes and ids are counted in each tree."""
    tree, node = _integers(attributes, "nodes_treeids"), _integers(attributes, "nodes_nodeids")
    count = len(tree)
    names = attributes["nodes_modes"]
    if len(names) != count or not set(names) <= set(_MODES):
        raise UnrecognisedGraphError(f"node modes {', '.join(sorted(set(names) - set(_MODES)))}")
    mode = np.array([_MODES[name] for name in names], dtype=np.int64)
    places = _Places(tree, node)
    branch = mode != LEAF
    children = []
    for name in ("nodes_truenodeids", "nodes_falsenodeids"):
        child = np.zeros(count, dtype=np.int64)
        child[branch] = places.of(tree[branch], _integers(attributes, name, count)[branch])
        children.append(child)
    value = np.where(branch, _doubles(attributes, "nodes_values", count), 0.0)
    weights = _doubles(attributes, "target_weights")
    leaves = places.of(
        _integers(attributes, "target_treeids", len(weights)),
        _integers(attributes, "target_nodeids", len(weights)),
    )
    if len(np.unique(leaves)) < len(leaves) or branch[leaves].any():
        raise UnrecognisedGraphError("leaves with several weights, or weights of branches")
    value[leaves] = weights
    base = attributes.get("base_values_as_tensor", attributes.get("base_values", [0.0]))
    return {
        "mode": mode,
        "feature": np.where(branch, _integers(attributes, "nodes_featureids", count), 0),
        "on_true": children[0],
        "on_false": children[1],
        "value": value,
        "roots": _roots(tree, branch, children),
        "base": float(np.asarray(base, dtype=np.float64).reshape(-1)[0]),
    }


class _Places:
    """Finds nodes by tree and id."""

    def __init__(self, tree: np.ndarray, node: np.ndarray) -> None:
        self._span = int(node.max(initial=0)) + 1
        keys = tree * self._span + node
        self._order = np.argsort(keys, kind="stable")
        self._keys = keys[self._order]
        if (node < 0).any() or (np.diff(self._keys) == 0).any():
            raise UnrecognisedGraphError("node ids that are negative or not unique")

    def of(self, tree: np.ndarray, node: np.ndarray) -> np.ndarray:
        wanted = tree * self._span + node
        found = np.minimum(np.searchsorted(self._keys, wanted), len(self._keys) - 1)
        if (node >= self._span).any() or (self._keys[found] != wanted).any():
            raise UnrecognisedGraphError("node ids that name no node")
        places: np.ndarray = self._order[found]
        return places


def _roots(tree: np.ndarray, branch: np.ndarray, children: list[np.ndarray]) -> np.ndarray:
    parented = np.zeros(len(tree), dtype=bool)
    for child in children:
        parented[child[branch]] = True
    roots = np.flatnonzero(~parented)
    if len(np.unique(tree[roots])) < len(roots) or len(roots) < len(np.unique(tree)):
        raise UnrecognisedGraphError("trees without one root each")
    return roots


def _read_ensemble(attributes: dict[str, Any]) -> dict[str, Any]:
    """Read version 5, where leaves are apart from nodes and ids are places."""
    split = _doubles(attributes, "nodes_splits")
    weights = _doubles(attributes, "leaf_weights")
    count = len(split)
    mode = _integers(attributes, "nodes_modes", count)
    if (mode >= LEAF).any():
        raise UnrecognisedGraphError("node mode BRANCH_MEMBER")
    children = []
    for side in ("true", "false"):
        child = _integers(attributes, f"nodes_{side}nodeids", count)
        is_leaf = _integers(attributes, f"nodes_{side}leafs", count) != 0
        children.append(np.append(child + is_leaf * count, np.zeros(len(weights), dtype=np.int64)))
    nothing = np.zeros(len(weights), dtype=np.int64)
    return {
        "mode": np.append(mode, nothing + LEAF),
        "feature": np.append(_integers(attributes, "nodes_featureids", count), nothing),
        "on_true": children[0],
        "on_false": children[1],
        "value": np.append(split, weights),
        "roots": _integers(attributes, "tree_roots"),
        "base": 0.0,
    }


def _well_formed(nodes: dict[str, Any], inputs: int) -> None:
    count = len(nodes["mode"])
    if not len(nodes["roots"]):
        raise UnrecognisedGraphError("no trees")
    for name in ("on_true", "on_false", "roots"):
        if (nodes[name] < 0).any() or (nodes[name] >= count).any():
            raise UnrecognisedGraphError(f"{name}: ids that name no node")
    if (nodes["feature"] < 0).any() or (nodes["feature"] >= inputs).any():
        raise UnrecognisedGraphError(f"feature ids outside the {inputs} columns")
    if np.isnan(nodes["value"]).any():
        raise UnrecognisedGraphError("thresholds or weights of NaN")


_READERS = {
    "ai.onnx.ml/TreeEnsembleRegressor": _read_regressor,
    "ai.onnx.ml/TreeEnsemble": _read_ensemble,
}
