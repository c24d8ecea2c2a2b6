"""Models trained once on a small regression."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pydantic import TypeAdapter

from quant_core.models import ModelConfig

if TYPE_CHECKING:
    from quant_core.models import Fitted

CONFIGS: dict[str, dict[str, Any]] = {
    "linear": {},
    "mlp": {"hidden": (8, 4), "activation": "tanh", "epochs": 3},
    "hist_gradient_boosting": {"trees": 10, "leaves": 8},
    "lightgbm": {"trees": 10, "leaves": 8},
    "xgboost": {"trees": 10, "depth": 3},
}
KINDS = tuple(CONFIGS)


def config(kind: str, **changes: Any) -> Any:
    """Return the small configuration of a kind."""
    adapter: TypeAdapter[Any] = TypeAdapter(ModelConfig)
    return adapter.validate_python({"kind": kind, **CONFIGS[kind], **changes})


@dataclass(frozen=True)
class Rows:
    """Rows to train on, and rows held out."""

    features: np.ndarray
    target: np.ndarray
    held_out: np.ndarray


def make_rows(count: int = 600, columns: int = 4, seed: int = 5) -> Rows:
    """Return a regression whose columns have the scales of returns, prices and scores."""
    random = np.random.Generator(np.random.PCG64(seed))
    scale = np.array([0.01, 50.0, 1.0, 1.0])[:columns]
    features = (
        random.normal(size=(2 * count, columns)) * scale + np.array([0, 5_000, 0, 1])[:columns]
    )
    target = 0.01 * np.tanh(features[:, 2]) + random.normal(0, 0.01, 2 * count)
    return Rows(features[:count], target[:count], features[count:])


@pytest.fixture(scope="session")
def rows() -> Rows:
    return make_rows()


@pytest.fixture(scope="session")
def fitted(rows: Rows) -> dict[str, Fitted]:
    """Return one model of each kind."""
    return {kind: config(kind).fit(rows.features, rows.target, seed=7) for kind in KINDS}
