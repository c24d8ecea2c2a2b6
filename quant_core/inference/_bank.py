"""Many models at once: those of one kind and shape in one kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from quant_core.errors import QuantError, ShapeError
from quant_core.inference._model import checked

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from quant_core.inference._model import Model

__all__ = ["ModelBank"]


class ModelBank:
    """The models of all strategies, evaluated together.

    Parameters
    ----------
    models : sequence of M Model
        The models.
    columns : sequence of M integer arrays
        For each model, the columns of the shared rows that are its inputs, in its order.
    backend : {"auto", "onnxrt"}
        ``auto`` stacks and packs what it can; ``onnxrt`` gives each model a session of its own.
    """

    def __init__(
        self,
        models: Sequence[Model],
        columns: Sequence[np.ndarray],
        backend: Literal["auto", "onnxrt"] = "auto",
    ) -> None:
        if len(models) != len(columns):
            raise ShapeError(
                f"bank: expected one array of columns a model, found {len(columns)} arrays for "
                f"{len(models)} models"
            )
        self._backend = backend
        self._models = tuple(models)
        self._columns = tuple(np.asarray(chosen, dtype=np.int64) for chosen in columns)
        self._failures: dict[int, str] = {}

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
            The predictions; NaN where inactive, failed, or an input is not finite.
        """
        values = checked(rows, np.asarray(rows).shape[-1], "bank")
        found = np.full((len(values), len(self._models)), np.nan)
        self._failures = {}
        for place, (model, chosen) in enumerate(zip(self._models, self._columns, strict=True)):
            wanted = slice(None) if active is None else np.flatnonzero(active[:, place])
            try:
                found[wanted, place] = model.predict(values[wanted][:, chosen])
            except QuantError as error:
                self._failures[place] = str(error)
        return found
