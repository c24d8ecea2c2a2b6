from __future__ import annotations

from math import inf, nan

import numpy as np
import pytest

from quant_core.contracts import non_finite, non_positive, out_of_range, past_one

VALUES = np.array([nan, inf, -inf, 0.0, -0.0, 5.0, 5.0001, -1.0, -0.9999, 1.0, 1.0001, -2.0])


@pytest.mark.parametrize(
    ("rule", "places"),
    [
        (non_finite, [1, 2]),
        (non_positive, [3, 4, 7, 8, 11]),
        (out_of_range, [1, 2, 6, 7, 11]),
        (past_one, [5, 10]),
    ],
)
def test_which_values_a_rule_marks(rule: object, places: list[int]) -> None:
    assert callable(rule)
    assert np.flatnonzero(rule(VALUES)).tolist() == places
