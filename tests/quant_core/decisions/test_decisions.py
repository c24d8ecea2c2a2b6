from __future__ import annotations

import math

import numpy as np

from quant_core.decisions import Decisions, Scaled, Sign

NAN, INF = math.nan, math.inf


def test_signals_to_the_last_bit() -> None:
    rules = [Sign(), Sign(threshold=0.5), Scaled(scale=2.0)]
    given = [0.0, -0.0, 0.5, -0.5, 0.6, -3.0, 1e-300, INF, -INF, NAN]
    expected = [
        [0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0],
        [1.0, 0.0, 0.25],
        [-1.0, 0.0, -0.25],
        [1.0, 1.0, 0.3],
        [-1.0, -1.0, -1.0],
        [1.0, 0.0, 5e-301],
        [1.0, 1.0, 1.0],
        [-1.0, -1.0, -1.0],
        [NAN, NAN, NAN],
    ]
    found = Decisions(rules).signals(np.repeat(given, 3).reshape(-1, 3))
    np.testing.assert_array_equal(found, expected)
    assert not np.signbit(found[:2]).any()


def test_rows_may_be_a_view_that_cannot_be_written() -> None:
    predictions = np.arange(12.0).reshape(3, 4)[:, ::2]
    predictions.flags.writeable = False
    found = Decisions([Sign(), Scaled(scale=20.0)]).signals(predictions)
    np.testing.assert_array_equal(found, [[0.0, 0.1], [1.0, 0.3], [1.0, 0.5]])
