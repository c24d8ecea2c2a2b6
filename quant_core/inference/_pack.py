"""Models of one kind side by side in flat arrays, as their kernel reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from quant_core.inference._dense_kernel import evaluate_networks
from quant_core.inference._forest import NODE, Forest
from quant_core.inference._network import Layer, Network
from quant_core.inference._tree_kernel import evaluate_forests

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ForestPack", "NetworkPack", "Pack", "Placed", "pack", "warm"]


class Placed(NamedTuple):
    """A model and its place in a bank.

    Parameters
    ----------
    place : int
        Column of the mask and of the predictions.
    body : Network or Forest
        The model.
    columns : integer ndarray of shape (F,)
        Columns of the shared rows that it reads.
    single : bool
        Whether its inputs are float32.
    """

    place: int
    body: Network | Forest
    columns: np.ndarray
    single: bool


class Pack(Protocol):
    """Models that one kernel evaluates."""

    def evaluate(self, rows: np.ndarray, active: np.ndarray, out: np.ndarray) -> None:
        """Write the predictions of active cells with finite inputs to ``out``."""
        ...


class NetworkPack:
    """Linear models and perceptrons, those of one shape next to each other.

    Parameters
    ----------
    placed : sequence of Placed
        The models, each a `Network`; at least one.
    """

    def __init__(self, placed: Sequence[Placed]) -> None:
        ordered = sorted(placed, key=lambda item: (item.body.detail, item.place))
        networks = [item.body for item in ordered if isinstance(item.body, Network)]
        depth = max(len(network.layers) for network in networks)
        flat = [_flat(network) for network in networks]
        starts = np.cumsum([0, *(len(part) for part in flat[:-1])])
        layout = [
            (item.place, start, item.single) for item, start in zip(ordered, starts, strict=True)
        ]
        self._columns = _ragged([item.columns for item in ordered]).astype(np.uint64)
        self._layout = np.array(layout, dtype=np.int64)
        self._shapes = _ragged([network.widths for network in networks], depth + 1).astype(
            np.uint64
        )
        codes = [[layer.activation for layer in network.layers] for network in networks]
        self._activations = _ragged(codes, depth)
        self._scaling = np.zeros((len(networks), 3, self._columns.shape[1]))
        for place, network in enumerate(networks):
            self._scaling[place, :, : network.widths[0]] = network.scaling
        self._weights = np.concatenate(flat)

    def evaluate(self, rows: np.ndarray, active: np.ndarray, out: np.ndarray) -> None:
        """Write the predictions of active cells with finite inputs to ``out``."""
        evaluate_networks(
            rows,
            active,
            self._columns,
            self._layout,
            self._shapes,
            self._activations,
            self._scaling,
            self._weights,
            out,
        )


class ForestPack:
    """Tree ensembles, all nodes in one array.

    Parameters
    ----------
    placed : sequence of Placed
        The models, each a `Forest`; at least one.
    """

    def __init__(self, placed: Sequence[Placed]) -> None:
        forests = [item.body for item in placed if isinstance(item.body, Forest)]
        first = np.cumsum([0, *(len(forest.nodes) for forest in forests[:-1])])
        counts = [len(forest.depths) for forest in forests]
        tree = np.cumsum([0, *counts[:-1]])
        sizes = zip(first, tree, counts, strict=True)
        layout = [
            (item.place, len(item.columns), *size, *_singles(forest))
            for item, size, forest in zip(placed, sizes, forests, strict=True)
        ]
        self._columns = _ragged([item.columns for item in placed]).astype(np.uint64)
        self._layout = np.array(layout, dtype=np.int64)
        self._numbers = np.array([(forest.divisor, forest.base) for forest in forests])
        self._depths = np.concatenate([forest.depths for forest in forests])
        self._nodes = np.concatenate([forest.nodes for forest in forests])

    def evaluate(self, rows: np.ndarray, active: np.ndarray, out: np.ndarray) -> None:
        """Write the predictions of active cells with finite inputs to ``out``."""
        evaluate_forests(
            rows,
            active,
            self._columns,
            self._layout,
            self._numbers,
            self._depths,
            self._nodes,
            out,
        )


def pack(placed: Sequence[Placed]) -> tuple[Pack, ...]:
    """Return one pack a kind of models; none for a kind without any."""
    networks = [item for item in placed if isinstance(item.body, Network)]
    forests = [item for item in placed if isinstance(item.body, Forest)]
    packs: list[Pack] = []
    if networks:
        packs.append(NetworkPack(networks))
    if forests:
        packs.append(ForestPack(forests))
    return tuple(packs)


def warm() -> None:
    """Compile the kernels, or read them from numba's cache; do so before the first tick."""
    network = Network(np.array([[0.0], [1.0], [0.0]]), (Layer(np.ones((1, 1)), np.zeros(1)),))
    stump = np.array([(0.0, 0, 1)], dtype=NODE)
    forest = Forest(
        nodes=stump,
        depths=np.zeros(1, dtype=np.int64),
        base=0.0,
        divisor=1.0,
        single_input=False,
        single_sum=False,
        single_output=False,
    )
    column = np.zeros(1, dtype=np.int64)
    rows, active, out = np.zeros((1, 1)), np.ones((1, 2), dtype=np.bool_), np.empty((1, 2))
    for item in pack([Placed(0, network, column, False), Placed(1, forest, column, False)]):
        item.evaluate(rows, active, out)


def _singles(forest: Forest) -> tuple[bool, bool, bool]:
    return forest.single_input, forest.single_sum, forest.single_output


def _flat(network: Network) -> np.ndarray:
    parts = [part.reshape(-1) for layer in network.layers for part in (layer.weights, layer.bias)]
    return np.concatenate(parts)


def _ragged(values: Sequence[Sequence[int] | np.ndarray], width: int | None = None) -> np.ndarray:
    """Return rows of different lengths as a matrix, zero behind their ends."""
    matrix = np.zeros((len(values), width or max(len(row) for row in values)), dtype=np.int64)
    for place, row in enumerate(values):
        matrix[place, : len(row)] = row
    return matrix
