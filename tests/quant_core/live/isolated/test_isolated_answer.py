"""What an answer of a strategy in Python may be."""

import numpy as np
import pytest

from quant_core.live.isolated._answer import AnswerError, checked


def test_a_valid_answer_is_returned_as_it_is() -> None:
    predictions, signals = np.array([1e300, -2.0]), np.array([-1.0, 1.0])
    got = checked((predictions, signals), 2)
    assert got[0] is predictions
    assert got[1] is signals


class Disguised(np.ndarray):
    pass


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (None, "wrong_type"),
        ([np.zeros(1), np.zeros(1)], "wrong_type"),
        ((np.zeros(1),), "wrong_type"),
        ((np.zeros(1), 0.0), "wrong_type"),
        ((np.zeros(1).view(Disguised), np.zeros(1)), "wrong_type"),
        ((np.zeros(1), np.zeros(1, dtype=np.int64)), "wrong_type"),
        ((np.zeros(1), np.zeros(1, dtype=">f8")), "wrong_type"),
        ((np.zeros(2), np.zeros(1)), "wrong_shape"),
        ((np.zeros(1), np.zeros((1, 1))), "wrong_shape"),
        ((np.zeros(1), np.zeros(())), "wrong_shape"),
        ((np.array([np.nan]), np.zeros(1)), "not_finite"),
        ((np.zeros(1), np.array([np.inf])), "not_finite"),
        ((np.zeros(1), np.array([-1.0 - 1e-12])), "out_of_range"),
    ],
)
def test_any_other_answer_is_refused(answer: object, reason: str) -> None:
    with pytest.raises(AnswerError) as refused:
        checked(answer, 1)
    assert refused.value.reason == reason
