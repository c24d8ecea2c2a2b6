"""Many models at once: those of one kind in one kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

from quant_core.errors import QuantError, ShapeError
from quant_core.inference._forest import Forest
from quant_core.inference._model import Model, as_compiled, checked, open_session
from quant_core.inference._network import Network
from quant_core.inference._pack import Placed, pack

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from quant_core.models import ModelSpec

__all__ = ["ModelBank", "Predictor"]


class Predictor(Protocol):
    """What a bank asks of a model: a `Model`, or a `RemoteModel`."""

    @property
    def spec(self) -> ModelSpec:
        """What it is."""
        ...

    def predict(self, rows: np.ndarray) -> np.ndarray:
        """Return the predictions of rows, shape (R, F), as shape (R,)."""
        ...


class ModelBank:
    """The models of all strategies, evaluated together.

    A prediction is the same to the last bit as that of `Model.predict` for its row alone: neither
    the number of rows, nor the mask, nor the other models matter. A bank belongs to one thread at
    a time, because of `failures`.

    Parameters
    ----------
    models : sequence of M Model or RemoteModel
        The models.
    columns : sequence of M integer arrays
        For each model, the columns of the shared rows that are its inputs, in its order.
    backend : {"auto", "onnxrt"}
        ``auto`` packs what kernels evaluate; ``onnxrt`` gives each model a session of its own.

    Raises
    ------
    ShapeError
        If the columns do not fit the models.
    """

    def __init__(
        self,
        models: Sequence[Predictor],
        columns: Sequence[np.ndarray],
        backend: Literal["auto", "onnxrt"] = "auto",
    ) -> None:
        if len(models) != len(columns):
            raise ShapeError(
                f"bank: expected one array of columns a model, found {len(columns)} arrays for "
                f"{len(models)} models"
            )
        self._models = [_opened(model, backend) for model in models]
        self._columns = [_fitting(*pair) for pair in zip(models, columns, strict=True)]
        self._width = max((int(chosen.max()) + 1 for chosen in self._columns), default=0)
        self._failures: dict[int, str] = {}
        placed = [
            Placed(place, model.body, self._columns[place], model.spec.signature.dtype == "float32")
            for place, model in enumerate(self._models)
            if isinstance(model, Model) and isinstance(model.body, Network | Forest)
        ]
        self._packs = pack(placed)
        self._alone = sorted(set(range(len(self._models))) - {item.place for item in placed})

    @property
    def failures(self) -> Mapping[int, str]:
        """Why models failed in the last call, by their place in the bank."""
        return self._failures

    def predict(self, rows: np.ndarray, active: np.ndarray | None = None) -> np.ndarray:
        """Return the predictions of every model for every row.

        Parameters
        ----------
        rows : ndarray of shape (K, U)
            The union of all features.
        active : ndarray of bool, shape (K, M), optional
            Which cells to compute; all by default.

        Returns
        -------
        ndarray of shape (K, M), float64
            The predictions; NaN where inactive, where the model failed, and where one of its
            inputs or the prediction is not finite.

        Raises
        ------
        ShapeError
            If the rows lack columns, or the mask has another shape.
        """
        values = checked(rows, None, "bank")
        if values.shape[1] < self._width:
            raise ShapeError(
                f"bank: expected rows of at least {self._width} columns, found {values.shape[1]}"
            )
        found = np.empty((len(values), len(self._models)))
        found.fill(np.nan)
        mask = _mask(active, found.shape)
        self._failures = {}
        for part in self._packs:
            part.evaluate(values, mask, found)
        for place in self._alone:
            self._predict_alone(place, values, mask, found)
        return found

    def _predict_alone(
        self, place: int, values: np.ndarray, mask: np.ndarray, found: np.ndarray
    ) -> None:
        wanted = np.flatnonzero(mask[:, place])
        if not len(wanted):
            return
        try:
            predicted = self._models[place].predict(values[wanted][:, self._columns[place]])
            found[wanted, place] = predicted
        except QuantError as error:
            self._failures[place] = str(error)


def _opened(model: Predictor, backend: str) -> Predictor:
    if backend == "onnxrt" and isinstance(model, Model) and model.backend != "onnxrt":
        return open_session(model.data, model.spec)
    return model


def _fitting(model: Predictor, columns: np.ndarray) -> np.ndarray:
    chosen = np.asarray(columns)
    wanted = (model.spec.signature.inputs,)
    if chosen.shape != wanted or chosen.dtype.kind not in "iu" or (chosen < 0).any():
        raise ShapeError(
            f"model {model.spec.version}: expected {wanted[0]} column numbers from 0; "
            f"found {chosen.dtype} of shape {chosen.shape}"
        )
    return chosen.astype(np.int64)


def _mask(active: np.ndarray | None, shape: tuple[int, ...]) -> np.ndarray:
    if active is None:
        return np.ones(shape, dtype=np.bool_)
    if active.shape != shape or active.dtype != np.bool_:
        raise ShapeError(
            f"bank: expected a mask of bool, shape {shape}; "
            f"found {active.dtype} of shape {active.shape}"
        )
    return as_compiled(active)
