"""Many models at once: the same bytes as each alone, whatever shares the call."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_core.errors import InferenceError, ShapeError
from quant_core.inference import Model, ModelBank, load, warm

from .graphs import forest, graph, linear, node, perceptron, regressor, spec_of

UNION = 12
STUMP: dict[int, tuple[Any, ...]] = {0: ("BRANCH_LEQ", 1, 0.0, 1, 2), 1: (0.1,), 2: (0.7,)}
MODELS = [
    load(*linear(np.random.default_rng(1).normal(size=7).tolist(), 0.3)),
    load(*linear([0.1, 0.2, 0.3])),
    load(*perceptron(2, [5, 9, 6], "Relu")),
    load(*perceptron(3, [5, 9, 6], "Tanh")),
    load(*perceptron(4, [12, 33], "Sigmoid")),
    load(*forest(5, inputs=6, trees=70, depth=3)),
    load(*forest(6, inputs=3, trees=9, depth=4, mode=3)),
    load(*regressor([STUMP, {0: (0.3,)}, STUMP], dtype="float32", base_values=[0.1])),
    load(
        *graph(
            [node("MatMul", ["X", "W"], ["p"]), node("Exp", ["p"], ["Y"])],
            {"W": [[0.3], [0.7]]},
            inputs=2,
        )
    ),
]
KINDS = ["linear", "linear", "mlp", "mlp", "mlp", "trees", "trees", "trees", "onnxrt"]
DRAW = np.random.default_rng(7)
ROWS = DRAW.normal(size=(150, UNION))
COLUMNS = [DRAW.choice(UNION, model.spec.signature.inputs, replace=False) for model in MODELS]
ALONE = np.stack(
    [
        [model.predict(row[None, chosen])[0] for row in ROWS]
        for model, chosen in zip(MODELS, COLUMNS, strict=True)
    ],
    axis=1,
)


def test_the_models_are_of_every_kind() -> None:
    assert [model.backend for model in MODELS] == KINDS
    assert np.isfinite(ALONE).all()


@given(data=st.data())
def test_neither_rows_nor_models_nor_mask_change_a_bit(data: st.DataObject) -> None:
    chosen = data.draw(st.lists(st.integers(0, len(MODELS) - 1), min_size=1, max_size=12))
    rows = data.draw(st.lists(st.integers(0, len(ROWS) - 1), max_size=100))
    density = data.draw(st.sampled_from([0.0, 0.1, 0.5, 1.0]))
    seed = data.draw(st.integers(0, 2**32 - 1))
    active = np.random.default_rng(seed).random((len(rows), len(chosen))) <= density
    bank = ModelBank([MODELS[item] for item in chosen], [COLUMNS[item] for item in chosen])
    expected = np.where(active, ALONE[np.ix_(rows, chosen)], np.nan)

    assert bank.predict(ROWS[rows], active).tobytes() == expected.tobytes()


@pytest.mark.parametrize("count", [1, 7, 8, 9, 63, 64, 65, 150])
def test_every_length_of_a_block_gives_the_same_bytes(count: int) -> None:
    bank = ModelBank(MODELS, COLUMNS)

    assert bank.predict(ROWS[:count]).tobytes() == ALONE[:count].tobytes()
    assert bank.failures == {}


def test_memory_layout_does_not_matter() -> None:
    bank = ModelBank(MODELS, COLUMNS)
    frozen = np.asfortranarray(ROWS[:20])
    frozen.flags.writeable = False
    mask = np.ones((len(MODELS), 20), dtype=bool).T
    mask.flags.writeable = False

    assert bank.predict(frozen, mask).tobytes() == ALONE[:20].tobytes()


def test_threads_share_a_model() -> None:
    with ThreadPoolExecutor(4) as pool:
        for model, chosen, wanted in zip(MODELS, COLUMNS, ALONE.T, strict=True):
            found = list(pool.map(model.predict, [ROWS[:, chosen]] * 8))
            assert {item.tobytes() for item in found} == {wanted.tobytes()}


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("count", [1, 40])
def test_a_value_that_is_not_finite_empties_the_cells_that_read_it(bad: float, count: int) -> None:
    rows = ROWS[:count].copy()
    rows[count // 2, 4] = bad
    reads = np.array([4 in chosen for chosen in COLUMNS])
    expected = ALONE[:count].copy()
    expected[count // 2, reads] = np.nan

    assert reads.any()
    assert not reads.all()
    assert ModelBank(MODELS, COLUMNS).predict(rows).tobytes() == expected.tobytes()


def test_what_single_precision_cannot_hold_is_not_finite() -> None:
    model = load(*regressor([STUMP], dtype="float32"))

    assert np.isnan(model.predict(np.array([[1e39, 0.0], [1e38, 0.0]]))).tolist() == [True, False]


def test_a_prediction_that_overflows_is_none() -> None:
    model = load(*linear([1e300, 1.0]))

    assert np.isnan(model.predict(np.array([[1e300, 0.0], [1.0, 0.0]]))).tolist() == [True, False]


def test_sessions_agree_with_kernels_and_are_as_invariant() -> None:
    sessions = ModelBank(MODELS, COLUMNS, backend="onnxrt")
    found = sessions.predict(ROWS)

    assert sessions.failures == {}
    np.testing.assert_allclose(found, ALONE, rtol=1e-11, atol=1e-11)
    for row in (0, 77):
        assert sessions.predict(ROWS[row : row + 1]).tobytes() == found[row : row + 1].tobytes()


class Failing:
    """A model whose server is down."""

    spec = spec_of(b"", 2)

    def predict(self, rows: np.ndarray) -> np.ndarray:
        raise InferenceError(f"no answer for {len(rows)} rows")


def test_a_model_that_fails_is_named_and_the_others_go_on() -> None:
    bank = ModelBank([MODELS[0], Failing(), MODELS[8]], [COLUMNS[0], np.arange(2), COLUMNS[8]])
    active = np.ones((3, 3), dtype=bool)
    found = bank.predict(ROWS[:3], active)

    assert found[:, [0, 2]].tobytes() == np.ascontiguousarray(ALONE[:3][:, [0, 8]]).tobytes()
    assert np.isnan(found[:, 1]).all()
    assert dict(bank.failures) == {1: "no answer for 3 rows"}
    active[:, 1] = False
    bank.predict(ROWS[:3], active)
    assert bank.failures == {}


def test_a_bank_without_models_predicts_nothing() -> None:
    assert ModelBank([], []).predict(ROWS[:2]).shape == (2, 0)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (np.zeros(3), r"shape \(rows, 3\); found float64 of shape \(3,\)"),
        (np.zeros((2, 4)), r"shape \(rows, 3\); found float64 of shape \(2, 4\)"),
        (np.full((2, 3), "1"), "found <U1"),
    ],
)
def test_rows_of_another_shape_are_refused(rows: np.ndarray, message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        MODELS[1].predict(rows)


@pytest.mark.parametrize(
    ("models", "columns", "message"),
    [
        (MODELS[:1], [], "one array of columns a model"),
        (MODELS[1:2], [np.arange(4)], "expected 3 column numbers"),
        (MODELS[1:2], [np.array([0, 1, -1])], "expected 3 column numbers"),
        (MODELS[1:2], [np.array([0.0, 1.0, 2.0])], "found float64"),
    ],
)
def test_columns_that_do_not_fit_are_refused(
    models: list[Model], columns: list[np.ndarray], message: str
) -> None:
    with pytest.raises(ShapeError, match=message):
        ModelBank(models, columns)


def test_rows_and_masks_that_do_not_fit_are_refused() -> None:
    bank = ModelBank(MODELS[1:2], [np.array([0, 1, 5])])

    with pytest.raises(ShapeError, match="at least 6 columns, found 5"):
        bank.predict(np.zeros((2, 5)))
    with pytest.raises(ShapeError, match=r"mask of bool, shape \(2, 1\); found bool of shape"):
        bank.predict(np.zeros((2, 6)), np.ones((1, 1), dtype=bool))
    with pytest.raises(ShapeError, match="found float64"):
        bank.predict(np.zeros((2, 6)), np.ones((2, 1)))


def test_warm_kernels_are_not_compiled_again() -> None:
    from quant_core.inference._dense_kernel import evaluate_networks  # noqa: PLC0415
    from quant_core.inference._tree_kernel import evaluate_forests  # noqa: PLC0415

    warm()
    ModelBank(MODELS, COLUMNS).predict(ROWS[:9])

    assert len(evaluate_networks.signatures) == 1
    assert len(evaluate_forests.signatures) == 1
