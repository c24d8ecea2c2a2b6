from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_core.models import Runtime
from quant_core.models._graph import tree_graph
from quant_core.models._trees import Tree, double_thresholds

_FLOATS = st.floats(-(2.0**120), 2.0**120, width=32)


@given(_FLOATS, st.integers(-3, 3), st.integers(-2, 2))
def test_a_double_falls_as_the_nearest_float_does(threshold: float, floats: int, ulps: int) -> None:
    single = np.float32(threshold)
    [moved] = double_thresholds(np.array([single]))
    around = _step(single, floats)
    middle = (float(around) + float(np.nextafter(around, np.float32(np.inf)))) / 2
    for start in (float(around), middle, float(moved)):
        x = _step(np.float64(start), ulps)
        assert (np.float32(x) < single) == (x <= moved)


def _step[T: (np.float32, np.float64)](start: T, count: int) -> T:
    towards = type(start)(np.copysign(np.inf, count))
    for _ in range(abs(count)):
        start = np.nextafter(start, towards)
    return start


@pytest.mark.parametrize(
    ("threshold", "expected"),
    [
        # Beside 1 lies 1 - 2**-24, whose last bit is one: the middle rounds to 1, and goes right.
        (1.0, np.nextafter(1 - 2.0**-25, 0)),
        # Beside 1 + 2**-23 lies 1, whose last bit is zero: the middle rounds to 1, and goes left.
        (1 + 2.0**-23, 1 + 2.0**-24),
    ],
)
def test_thresholds_spelled_out(threshold: float, expected: float) -> None:
    assert double_thresholds(np.array([threshold], dtype=np.float32)).tolist() == [expected]


def test_nothing_lies_below_the_lowest_float() -> None:
    lowest = np.finfo(np.float32).min
    assert double_thresholds(np.array([lowest])).tolist() == [-np.inf]


def test_a_threshold_of_minus_zero_is_zero() -> None:
    found = double_thresholds(np.array([0.0, -0.0], dtype=np.float32))
    assert found[0] == found[1] < 0


def test_a_table_of_nodes_and_leaves() -> None:
    tree = Tree.from_nodes(
        is_leaf=np.array([False, True, False, True, True]),
        feature=np.array([1, 0, 0, 0, 0]),
        threshold=np.array([0.5, 0, -1.0, 0, 0]),
        left=np.array([1, 0, 3, 0, 0]),
        right=np.array([2, 0, 4, 0, 0]),
        value=np.array([0, 10.0, 0, 20.0, 30.0]),
    )
    assert tree.feature.tolist() == [1, 0]
    assert tree.threshold.tolist() == [0.5, -1.0]
    assert tree.left.tolist() == [~0, ~1]
    assert tree.right.tolist() == [1, ~2]
    assert tree.value.tolist() == [10.0, 20.0, 30.0]
    rows = np.array([[0.0, 0.5], [-1.0, 0.6], [-0.9, 0.6], [9, np.nextafter(0.5, 1)]])
    found = Runtime(tree_graph([tree, Tree.constant(0.125)], inputs=2))(rows)
    assert found.tolist() == [10.125, 20.125, 30.125, 30.125]


@pytest.mark.parametrize(
    ("link", "expected"),
    [("", 0.75), ("Sigmoid", 1 / (1 + np.exp(-0.75))), ("Exp", np.exp(0.75))],
)
def test_the_link_is_applied_to_the_sum(link: str, expected: float) -> None:
    trees = [Tree.constant(0.5), Tree.constant(0.25)]
    found = Runtime(tree_graph(trees, inputs=1, link=link))(np.zeros((2, 1)))  # type: ignore[arg-type]
    np.testing.assert_allclose(found, [expected, expected], rtol=1e-15)


def test_a_leaf_alone_is_a_tree() -> None:
    lone = Tree.from_nodes(
        is_leaf=np.array([True]),
        feature=np.array([0]),
        threshold=np.array([np.nan]),
        left=np.array([0]),
        right=np.array([0]),
        value=np.array([1e-17]),
    )
    assert Runtime(tree_graph([lone], inputs=3))(np.ones((1, 3))).tolist() == [1e-17]
