from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from quant_core.models import (
    Fitted,
    Runtime,
    batch_invariance_report,
    parity_report,
    probe_rows,
)

from .conftest import KINDS

if TYPE_CHECKING:
    from .conftest import Rows


def _native(rows: np.ndarray) -> np.ndarray:
    return rows[:, 0]


BY_HAND = Fitted(
    kind="linear", framework="by hand", inputs=1, tolerance=1e-3, native=_native, onnx=b""
)
# The mean of their squares is 4, so the scale is 2.
ROWS = np.array([[2.0], [-2.0], [np.sqrt(7)], [1e-9], [1.0], [-2.0]])


def test_the_figures_of_a_comparison() -> None:
    moved = np.array([2.0, -2.004, np.sqrt(7), -1e-9, 1.001, -2.0])
    found = parity_report(BY_HAND, ROWS, predict=lambda _: moved)
    scale = np.sqrt((4 + 4 + 7 + 1e-18 + 1 + 4) / 6)
    assert found.rows == 6
    assert found.skipped == 0
    assert found.scale == pytest.approx(scale, rel=1e-15)
    assert found.max_absolute == pytest.approx(0.004, rel=1e-9)
    assert found.max_relative == pytest.approx(0.004 / 2.0, rel=1e-9)
    assert found.beyond == pytest.approx(1 / 6)
    assert found.sign_flips == 1
    assert not found.passed


def test_a_small_prediction_is_measured_by_the_scale() -> None:
    found = parity_report(BY_HAND, ROWS, predict=lambda rows: rows[:, 0] + 1e-6)
    assert found.passed
    assert found.max_relative == pytest.approx(1e-6 / found.scale, rel=1e-6)


def test_a_row_that_is_not_finite_is_skipped() -> None:
    rows = np.array([[1.0], [np.nan], [np.inf], [2.0]])
    found = parity_report(BY_HAND, rows, predict=_native)
    assert (found.rows, found.skipped, found.passed) == (2, 2, True)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_a_prediction_that_is_not_finite_is_beyond_any_tolerance(wrong: float) -> None:
    found = parity_report(
        BY_HAND, ROWS, predict=lambda rows: np.where(rows[:, 0] == 1.0, wrong, rows[:, 0])
    )
    assert found.beyond == pytest.approx(1 / 6)
    assert not found.passed
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["max_relative"] is None


def test_nothing_compared_is_nothing_passed() -> None:
    found = parity_report(BY_HAND, np.array([[np.nan]]), predict=_native)
    assert (found.rows, found.beyond, found.passed) == (0, 0.0, False)


def test_zero_predictions_must_be_zero() -> None:
    rows = np.zeros((3, 1))
    assert parity_report(BY_HAND, rows, predict=_native).passed
    found = parity_report(BY_HAND, rows, predict=lambda rows: rows[:, 0] + 1e-300)
    assert found.beyond == 1.0


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_agrees_with_its_library(
    kind: str, rows: Rows, fitted: dict[str, Fitted]
) -> None:
    model = fitted[kind]
    for tried in (rows.held_out, probe_rows(model.to_onnx(), inputs=4)):
        found = parity_report(model, tried)
        assert found.passed, found
        assert found.sign_flips == 0
        assert found.tolerance == (1e-5 if kind == "xgboost" else 1e-12)
    assert found.to_dict()["passed"] is True
    json.dumps(found.to_dict(), allow_nan=False)


def test_trees_in_float64_agree_to_the_byte(rows: Rows, fitted: dict[str, Fitted]) -> None:
    for kind in ("hist_gradient_boosting", "lightgbm"):
        probes = probe_rows(fitted[kind].to_onnx(), inputs=4)
        assert parity_report(fitted[kind], probes).max_absolute == 0.0
        assert parity_report(fitted[kind], rows.held_out).max_absolute == 0.0


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_of_other_data_does_not_agree(
    kind: str, rows: Rows, fitted: dict[str, Fitted]
) -> None:
    shifted = Runtime(fitted[kind].to_onnx())
    found = parity_report(fitted[kind], rows.held_out, predict=lambda x: shifted(x) * 1.001)
    assert found.beyond > 0.5
    assert not found.passed


def test_probes_lie_on_the_thresholds(fitted: dict[str, Fitted]) -> None:
    data = fitted["xgboost"].to_onnx()
    probes = probe_rows(data, inputs=4)
    assert probes.shape == (512, 4)
    assert probes.tobytes() == probe_rows(data, inputs=4).tobytes()
    assert probes.tobytes() != probe_rows(data, inputs=4, seed=1).tobytes()
    # A threshold between floats is off by the middle of two of them: a wrong one is caught here.
    off = parity_report(
        fitted["xgboost"], probes, predict=lambda x: fitted["xgboost"].predict(np.nextafter(x, 9e9))
    )
    assert off.beyond > 0.0


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_is_predicted_alike_in_every_batch(
    kind: str, rows: Rows, fitted: dict[str, Fitted]
) -> None:
    found = batch_invariance_report(Runtime(fitted[kind].to_onnx()), rows.held_out[:150])
    assert found.rows == 150
    assert found.batches == (2, 7, 64, 150)
    assert found.max_difference <= 1e-15
    assert found.identical == (found.max_difference == 0.0)
    assert found.to_dict()["differences"].keys() == {"2", "7", "64", "150"}


def test_a_model_that_looks_at_its_batch_is_found() -> None:
    rows = np.arange(10.0)[:, None]
    found = batch_invariance_report(lambda x: x[:, 0] + (len(x) > 2) * 0.5, rows)
    assert found.differences == (0.0, 0.5, 0.5, 0.5)
    assert not found.identical
    assert found.max_difference == 0.5


def test_a_sign_of_zero_is_a_difference_of_bytes() -> None:
    rows = np.zeros((4, 1))
    found = batch_invariance_report(lambda x: -x[:, 0] if len(x) > 1 else x[:, 0], rows)
    assert not found.identical
    assert found.max_difference == 0.0


def test_batches_of_no_rows() -> None:
    found = batch_invariance_report(lambda x: x[:, 0], np.full((2, 1), np.nan))
    assert (found.rows, found.identical, found.max_difference) == (0, True, 0.0)
