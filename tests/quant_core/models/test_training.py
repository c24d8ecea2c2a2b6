from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pydantic import ValidationError
from threadpoolctl import threadpool_info, threadpool_limits

from quant_core.errors import DataError, UnavailableError
from quant_core.models import Linear, Mlp, Runtime, Signature, sha256_of, signature_of
from quant_core.models._trainer import Trainer

from .by_hand import model_of
from .conftest import CONFIGS, KINDS, config, make_rows

if TYPE_CHECKING:
    from quant_core.models import Fitted

    from .conftest import Rows


@pytest.mark.parametrize("kind", KINDS)
def test_equal_training_gives_equal_bytes(kind: str, rows: Rows, fitted: dict[str, Fitted]) -> None:
    with threadpool_limits(limits=2):
        again = config(kind).fit(rows.features.copy(order="F"), rows.target, seed=7)
    assert again.to_onnx() == fitted[kind].to_onnx()


class _Threads(Trainer):
    """Trains nothing, and tells how many threads it may use."""

    def _fit(self, features: np.ndarray, target: np.ndarray, seed: int) -> Fitted:
        del features, target, seed
        used = {library["num_threads"] for library in threadpool_info()}
        raise AssertionError(f"threads: {used}")


def test_training_uses_one_thread() -> None:
    with (
        threadpool_limits(limits=2),
        pytest.raises(AssertionError, match=r"threads: \{1\}"),
    ):
        _Threads().fit(np.zeros((2, 1)), np.zeros(2), seed=0)


def test_another_process_trains_the_same_bytes(fitted: dict[str, Fitted]) -> None:
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from conftest import KINDS, config, make_rows\n"
        "from quant_core.models import sha256_of\n"
        "rows = make_rows()\n"
        "for kind in KINDS:\n"
        "    made = config(kind).fit(rows.features, rows.target, seed=7)\n"
        "    print(sha256_of(made.to_onnx()))\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", script, os.path.dirname(__file__)],  # noqa: PTH120 - as text
        env={**os.environ, "PYTHONHASHSEED": "99", "OMP_NUM_THREADS": "2", "PYTHONPATH": "."},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.split() == [sha256_of(fitted[kind].to_onnx()) for kind in KINDS]


def test_the_seed_is_what_a_perceptron_starts_from(rows: Rows, fitted: dict[str, Fitted]) -> None:
    other = config("mlp").fit(rows.features, rows.target, seed=8)
    assert other.to_onnx() != fitted["mlp"].to_onnx()


def test_the_seed_chooses_the_columns_of_a_tree(rows: Rows) -> None:
    for kind in ("lightgbm", "xgboost"):
        made = [
            config(kind, columns=0.5).fit(rows.features, rows.target, seed=s) for s in (1, 2, 1)
        ]
        assert made[0].to_onnx() == made[2].to_onnx() != made[1].to_onnx()


@pytest.mark.parametrize(
    ("kind", "operators"),
    [
        ("linear", ["Sub", "Gemm"]),
        ("mlp", ["Sub", "Gemm", "Tanh", "Gemm", "Tanh", "Gemm"]),
        ("hist_gradient_boosting", ["TreeEnsemble"]),
        ("lightgbm", ["TreeEnsemble"]),
        ("xgboost", ["TreeEnsemble"]),
    ],
)
def test_the_file_is_a_plain_graph_of_doubles(
    kind: str, operators: list[str], fitted: dict[str, Fitted]
) -> None:
    data = fitted[kind].to_onnx()
    model = model_of(data)
    assert [node.op_type for node in model.graph.node] == operators
    assert signature_of(data, name="m") == fitted[kind].signature == Signature(inputs=4)
    assert {item.domain: item.version for item in model.opset_import}[""] == 21
    assert {item.domain for item in model.opset_import} <= {"", "ai.onnx.ml"}


def test_frameworks_are_named_with_their_release(fitted: dict[str, Fitted]) -> None:
    names = [fitted[kind].framework.split()[0] for kind in KINDS]
    assert names == ["scikit-learn", "scikit-learn", "scikit-learn", "lightgbm", "xgboost"]
    assert all(item.framework.split()[1][0].isdigit() for item in fitted.values())


@pytest.mark.parametrize("kind", KINDS)
def test_rows_that_are_not_finite_are_not_predicted(kind: str, fitted: dict[str, Fitted]) -> None:
    rows = np.array([[0.0, 5000, 0, 1], [np.nan, 5000, 0, 1], [0, np.inf, 0, 1], [0, 5000, 0, 1]])
    found = fitted[kind].predict(rows)
    assert np.isnan(found).tolist() == [False, True, True, False]
    assert found[0] == found[3]
    assert np.isnan(fitted[kind].predict(rows[1:3])).all()


def test_columns_must_be_those_of_training(fitted: dict[str, Fitted]) -> None:
    with pytest.raises(DataError, match=r"expected shape \(rows, 4\).* found \(2, 3\)"):
        fitted["linear"].predict(np.zeros((2, 3)))


def test_least_squares_finds_the_plane() -> None:
    features = np.array([[0.0, 1], [1, 0], [2, 5], [3, 1]])
    target = 3 * features[:, 0] - 2 * features[:, 1] + 7
    fitted = Linear(alpha=0.0).fit(features, target, seed=0)
    answers = [fitted.predict, Runtime(fitted.to_onnx())]
    for answer in answers:
        np.testing.assert_allclose(answer(np.array([[10.0, 10]])), [17.0], rtol=1e-12)


def test_a_large_offset_costs_no_digits() -> None:
    steps = np.linspace(-1, 1, 50)
    target = np.sin(steps)
    near = Linear(alpha=0.0).fit(steps[:, None], target, seed=0)
    far = Linear(alpha=0.0).fit(steps[:, None] + 2.0**40, target, seed=0)
    probe = np.array([[0.25]])
    found = Runtime(far.to_onnx())(probe + 2.0**40)
    np.testing.assert_allclose(found, far.predict(probe + 2.0**40), rtol=1e-12)
    np.testing.assert_allclose(found, near.predict(probe), rtol=1e-3)


def test_a_perceptron_learns_a_target_of_any_scale() -> None:
    rows = make_rows(400)
    made = Mlp(hidden=(16,), epochs=60, batch_size=32)
    small = made.fit(rows.features, np.tanh(rows.features[:, 2]) * 1e-6, seed=1)
    error = small.predict(rows.held_out) * 1e6 - np.tanh(rows.held_out[:, 2])
    assert np.sqrt(np.mean(error**2)) < 0.2


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", ["constant target", "constant column", "three rows"])
def test_degenerate_data_gives_a_model_that_still_agrees(kind: str, case: str) -> None:
    rows = make_rows(100)
    features, target = rows.features.copy(), rows.target.copy()
    if case == "constant target":
        target[:] = 0.25
    elif case == "constant column":
        features[:, 1] = 3.0
    else:
        features, target = features[:3], target[:3]
    made = config(kind).fit(features, target, seed=0)
    native, converted = made.predict(rows.held_out), Runtime(made.to_onnx())(rows.held_out)
    np.testing.assert_allclose(converted, native, rtol=1e-5, atol=1e-9)
    if case == "constant target" and kind != "mlp":
        np.testing.assert_allclose(native, 0.25, rtol=1e-6)


@pytest.mark.parametrize(
    ("features", "target", "message"),
    [
        ([[1.0], [np.nan]], [1.0, 2], "expected finite features, found 1 values"),
        ([[1.0], [2]], [1.0, np.inf], "expected finite target, found 1 values"),
        ([[1.0], [2]], [1.0], r"one target a row, found \(2, 1\) and \(1,\)"),
        ([1.0, 2], [1.0, 2], r"found \(2,\) and \(2,\)"),
        ([[1.0]], [1.0], r"two rows and one column at least, found \(1, 1\)"),
    ],
)
def test_data_that_cannot_be_trained_on(features: Any, target: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        Linear().fit(np.array(features), np.array(target), seed=0)


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("linear", {"alpha": -1}),
        ("linear", {"alpha": float("nan")}),
        ("linear", {"trees": 3}),
        ("mlp", {"hidden": ()}),
        ("mlp", {"hidden": (0,)}),
        ("mlp", {"activation": "relu6"}),
        ("mlp", {"epochs": 0}),
        ("hist_gradient_boosting", {"leaves": 1}),
        ("hist_gradient_boosting", {"bins": 256}),
        ("lightgbm", {"learning_rate": 0}),
        ("lightgbm", {"columns": 1.5}),
        ("xgboost", {"depth": 17}),
    ],
)
def test_parameters_out_of_range(kind: str, changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        config(kind, **changes)


@pytest.mark.parametrize(
    ("kind", "module", "extra"),
    [
        ("linear", "sklearn", "models"),
        ("linear", "onnx", "models"),
        ("lightgbm", "lightgbm", "boosting"),
        ("xgboost", "xgboost", "boosting"),
    ],
)
def test_a_missing_library_is_named_with_its_extra(
    kind: str, module: str, extra: str, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == module]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UnavailableError, match=rf"{module} is not installed.*\[{extra}\]"):
        config(kind).fit(rows.features, rows.target, seed=0)


def test_an_unknown_kind_is_told_the_known_ones() -> None:
    CONFIGS["forest"] = {}
    try:
        with pytest.raises(ValidationError, match="'linear', 'mlp', 'hist_gradient_boosting'"):
            config("forest")
    finally:
        del CONFIGS["forest"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_configuration_is_frozen_and_reads_back(kind: str) -> None:
    made = config(kind)
    with pytest.raises(ValidationError, match="frozen"):
        made.kind = "other"
    assert type(made).model_validate_json(made.model_dump_json()) == made
