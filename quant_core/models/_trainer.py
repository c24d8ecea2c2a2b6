"""What every kind of model shares: checked data, one thread, one seed."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel, ConfigDict
from threadpoolctl import threadpool_limits

from quant_core.errors import DataError, UnavailableError

if TYPE_CHECKING:
    from quant_core.models._fitted import Fitted

__all__ = ["DOUBLE_TOLERANCE", "Trainer", "require", "single_thread"]

DOUBLE_TOLERANCE = 1e-12
"""Parity of a library that computes in float64."""


class Trainer(BaseModel):
    """Base of the configurations of models: frozen, and able to train what they describe."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def fit(self, features: np.ndarray, target: np.ndarray, *, seed: int) -> Fitted:
        """Train a model; equal data and an equal seed give an equal ONNX file.

        Parameters
        ----------
        features : numpy.ndarray of float64, shape (R, F)
            Raw features, finite; what a kind needs scaled is scaled inside the model.
        target : numpy.ndarray of float64, shape (R,)
            What to predict, finite.
        seed : int
            Seed of everything random in the training, from 0 to 2**31 - 1.

        Raises
        ------
        DataError
            If shapes disagree, a value is not finite or there are fewer than two rows.
        UnavailableError
            If the library of this kind is not installed.
        """
        rows = np.ascontiguousarray(features, dtype=np.float64)
        wanted = np.ascontiguousarray(target, dtype=np.float64)
        _check(rows, wanted)
        # A sum over several threads has no fixed order, and another order gives other bytes.
        with single_thread():
            return self._fit(rows, wanted, seed)

    def _fit(self, features: np.ndarray, target: np.ndarray, seed: int) -> Fitted:
        raise NotImplementedError


def require(name: str, extra: str) -> Any:
    """Import a module, or say which extra brings it.

    Raises
    ------
    UnavailableError
        If the module is not installed.
    """
    try:
        return import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        raise UnavailableError(
            f"models: {package} is not installed; install the extra: "
            f"pip install 'quant-assets[{extra}]'"
        ) from error


def single_thread() -> threadpool_limits:
    """Return a context in which BLAS and OpenMP use one thread."""
    return threadpool_limits(limits=1)


def _check(features: np.ndarray, target: np.ndarray) -> None:
    if features.ndim != 2 or target.shape != features.shape[:1]:  # noqa: PLR2004 - rows, columns
        raise DataError(
            "training: expected features of shape (rows, columns) and one target a row, "
            f"found {features.shape} and {target.shape}"
        )
    if features.shape[0] < 2 or features.shape[1] < 1:  # noqa: PLR2004 - a spread needs two
        raise DataError(
            f"training: expected two rows and one column at least, found {features.shape}"
        )
    for name, array in (("features", features), ("target", target)):
        wrong = int(array.size - np.isfinite(array).sum())
        if wrong:
            raise DataError(
                f"training: expected finite {name}, found {wrong} values that are NaN or "
                "infinite; leave their rows out"
            )
