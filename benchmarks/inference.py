"""Measure the inference of many models against a session of ONNX Runtime each, in the same run.

``python benchmarks/inference.py [--linear N] [--perceptrons N] [--forests N]``: random
models of 20 inputs: linear ones, perceptrons of 32 and 16 hidden units, and forests of 100 trees
of depth 6. Peers: the sessions called one after the other for each row, as a runner without
stacking does, and the sessions given the whole block at once.
"""

from __future__ import annotations

import argparse
import hashlib
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx  # noqa: TID253 - what the benchmark writes
import onnxruntime  # noqa: TID253 - the peer

from quant_core.clock import clock
from quant_core.inference import ModelBank, load, warm
from quant_core.models import ModelSpec, Signature

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from quant_core.inference import Model

FEATURES, TREES, DEPTH = 20, 100, 6
UNION = 60  # columns of the shared rows
BLOCKS = (1, 32, 256)


def opened(nodes: Sequence[Any], constants: dict[str, np.ndarray], name: str) -> Model:
    """Return the model of a graph from X to Y in double precision."""
    shape = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        nodes,
        name,
        [shape("X", onnx.TensorProto.DOUBLE, [None, FEATURES])],
        [shape("Y", onnx.TensorProto.DOUBLE, [None, 1])],
        [onnx.numpy_helper.from_array(value, key) for key, value in constants.items()],
    )
    versions = [onnx.helper.make_opsetid("", 18), onnx.helper.make_opsetid("ai.onnx.ml", 5)]
    data = onnx.helper.make_model(graph, opset_imports=versions, ir_version=10).SerializeToString()
    spec = ModelSpec(
        uri="memory://benchmark",
        sha256=hashlib.sha256(data).hexdigest(),
        framework="benchmark",
        version=name,
        signature=Signature(inputs=FEATURES),
        feature_hash="benchmark",
    )
    return load(data, spec)


def network(draw: np.random.Generator, widths: Sequence[int], activation: str, name: str) -> Model:
    """Return a random perceptron behind a scaler; without hidden widths, a linear model."""
    node = onnx.helper.make_node
    constants = {"mean": draw.normal(size=FEATURES), "deviation": draw.uniform(0.5, 2, FEATURES)}
    nodes = [node("Sub", ["X", "mean"], ["c"]), node("Div", ["c", "deviation"], ["h0"])]
    sizes = [FEATURES, *widths, 1]
    for place, (inputs, outputs) in enumerate(pairwise(sizes)):
        constants[f"w{place}"] = draw.normal(size=(inputs, outputs)) / np.sqrt(inputs)
        constants[f"b{place}"] = draw.normal(size=outputs)
        last = place == len(widths)
        nodes.append(node("MatMul", [f"h{place}", f"w{place}"], [f"p{place}"]))
        nodes.append(node("Add", [f"p{place}", f"b{place}"], ["Y" if last else f"a{place}"]))
        if not last:
            nodes.append(node(activation, [f"a{place}"], [f"h{place + 1}"]))
    return opened(nodes, constants, name)


def forest(draw: np.random.Generator, name: str) -> Model:
    """Return a random ensemble of complete trees."""
    inner, leaves = 2**DEPTH - 1, 2**DEPTH
    tensor = onnx.numpy_helper.from_array
    place = np.arange(inner)
    child = np.stack([2 * place + 1, 2 * place + 2])
    is_leaf = child >= inner
    offset = np.where(is_leaf, leaves, inner)[:, None, :] * np.arange(TREES)[None, :, None]
    ids = ((child - is_leaf * inner)[:, None, :] + offset).reshape(2, -1)
    flags = np.tile(is_leaf.astype(np.int64), TREES)
    node = onnx.helper.make_node(
        "TreeEnsemble",
        ["X"],
        ["Y"],
        domain="ai.onnx.ml",
        n_targets=1,
        aggregate_function=1,
        post_transform=0,
        tree_roots=np.arange(TREES) * inner,
        nodes_modes=tensor(np.zeros(TREES * inner, dtype=np.uint8)),
        nodes_featureids=draw.integers(0, FEATURES, TREES * inner),
        nodes_splits=tensor(draw.normal(size=TREES * inner)),
        nodes_truenodeids=ids[0],
        nodes_trueleafs=flags[0],
        nodes_falsenodeids=ids[1],
        nodes_falseleafs=flags[1],
        leaf_targetids=np.zeros(TREES * leaves, dtype=np.int64),
        leaf_weights=tensor(draw.normal(size=TREES * leaves)),
    )
    return opened([node], {}, name)


def seconds(function: Callable[[], Any], least: float = 0.3) -> float:
    """Return the shortest of repeated runs, repeated for some time and at least three times."""
    durations: list[float] = []
    while len(durations) < 3 or sum(durations) < least:  # noqa: PLR2004 - repeats
        start = clock().seconds()
        function()
        durations.append(clock().seconds() - start)
    return min(durations)


def session(model: Model) -> onnxruntime.InferenceSession:
    """Return a session with the options that the library uses."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(model.data, options, providers=["CPUExecutionProvider"])


def measure(name: str, models: list[Model], rows: np.ndarray, draw: np.random.Generator) -> None:
    """Print microseconds a row for all models of a kind."""
    if not models:
        return
    columns = [draw.choice(UNION, FEATURES, replace=False) for _ in models]
    bank = ModelBank(models, columns)
    sessions = [session(model) for model in models]

    def one_by_one(count: int) -> None:
        for row in range(count):
            for chosen, peer in zip(columns, sessions, strict=True):
                peer.run(None, {"X": rows[row : row + 1, chosen]})

    def blocks(count: int) -> None:
        for chosen, peer in zip(columns, sessions, strict=True):
            peer.run(None, {"X": rows[:count, chosen]})

    one_by_one(1)
    some = min(8, len(rows))
    single = seconds(lambda: one_by_one(some)) / some
    for count in BLOCKS:
        own = seconds(lambda count=count: bank.predict(rows[:count])) / count  # type: ignore[misc]
        whole = seconds(lambda count=count: blocks(count)) / count  # type: ignore[misc]
        print(
            f"{len(models):>4} {name:<24}{count:>6}{1e6 * own:>12.1f}{1e6 * single:>12.1f}"
            f"{single / own:>9.1f}x{1e6 * whole:>12.1f}{whole / own:>9.1f}x"
        )


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--returns", help="ignored: the models are made up")
    parser.add_argument("--linear", type=int, default=40)
    parser.add_argument("--perceptrons", type=int, default=40)
    parser.add_argument("--forests", type=int, default=20)
    arguments = parser.parse_args()
    draw = np.random.default_rng(0)
    start = clock().seconds()
    warm()
    print(f"kernels ready after {clock().seconds() - start:.2f} s")
    start = clock().seconds()
    linear = [network(draw, [], "Relu", f"linear-{i}") for i in range(arguments.linear)]
    kinds = {"linear": linear}
    for activation in ("Relu", "Tanh"):
        kinds[f"perceptrons, {activation.lower()}"] = [
            network(draw, [32, 16], activation, f"mlp-{i}") for i in range(arguments.perceptrons)
        ]
    kinds["forests"] = [forest(draw, f"forest-{i}") for i in range(arguments.forests)]
    kinds["mixed, relu"] = [*linear, *kinds["perceptrons, relu"], *kinds["forests"]]
    print(f"models loaded and compared after {clock().seconds() - start:.2f} s")
    backends = {model.backend for models in kinds.values() for model in models}
    print(f"backends: {', '.join(sorted(backends))}")
    rows = draw.normal(size=(max(BLOCKS), UNION))
    print(
        f"{'':<29}{'rows':>6}{'us a row':>12}{'sessions':>12}{'ratio':>10}"
        f"{'in blocks':>12}{'ratio':>10}"
    )
    for name, models in kinds.items():
        measure(name, models, rows, draw)


if __name__ == "__main__":
    main()
