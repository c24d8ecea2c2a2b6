"""Multilayer perceptrons."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from quant_core.models._fitted import Fitted
from quant_core.models._graph import dense_graph
from quant_core.models._linear import scaler
from quant_core.models._trainer import DOUBLE_TOLERANCE, Trainer, require

if TYPE_CHECKING:
    import numpy as np

    from quant_core.models._graph import Activation

__all__ = ["Mlp"]

type _Width = Annotated[int, Field(ge=1, le=4096)]

_OPERATORS: dict[str, Activation] = {"relu": "Relu", "tanh": "Tanh"}


class Mlp(Trainer):
    """A perceptron with hidden layers, on standardised features and a standardised target.

    Parameters
    ----------
    hidden : tuple of int
        Units of each hidden layer.
    activation : {"relu", "tanh"}
        What follows a hidden layer.
    alpha : float
        Weight of the squared norm of the weights.
    epochs : int
        Passes over the rows; it never stops earlier.
    learning_rate : float
        Step of the Adam optimiser.
    batch_size : int
        Rows of one step.
    """

    kind: Literal["mlp"] = "mlp"
    hidden: Annotated[tuple[_Width, ...], Field(min_length=1, max_length=8)] = (32,)
    activation: Literal["relu", "tanh"] = "relu"
    alpha: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 1e-4
    epochs: Annotated[int, Field(ge=1, le=100_000)] = 50
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 1e-3
    batch_size: Annotated[int, Field(ge=1)] = 256

    def _fit(self, features: np.ndarray, target: np.ndarray, seed: int) -> Fitted:
        sklearn = require("sklearn", "models")
        scale = scaler(features)
        center, spread = float(target.mean()), float(target.std()) or 1.0
        network = self._network(len(features), seed)
        with warnings.catch_warnings():
            # It warns when the epochs are used up, and here they are the stopping rule.
            warnings.simplefilter("ignore", sklearn.exceptions.ConvergenceWarning)
            network.fit(scale.transform(features), (target - center) / spread)
        layers = list(zip(network.coefs_, network.intercepts_, strict=True))
        layers[0] = (layers[0][0] / scale.scale_[:, None], layers[0][1])
        layers[-1] = (layers[-1][0] * spread, layers[-1][1] * spread + center)
        return Fitted(
            kind=self.kind,
            framework=f"scikit-learn {sklearn.__version__}",
            inputs=features.shape[1],
            tolerance=DOUBLE_TOLERANCE,
            native=lambda rows: network.predict(scale.transform(rows)) * spread + center,
            onnx=dense_graph(scale.mean_, layers, _OPERATORS[self.activation]),
        )

    def _network(self, rows: int, seed: int) -> Any:
        return require("sklearn.neural_network", "models").MLPRegressor(
            hidden_layer_sizes=self.hidden,
            activation=self.activation,
            alpha=self.alpha,
            batch_size=min(self.batch_size, rows),
            learning_rate_init=self.learning_rate,
            max_iter=self.epochs,
            n_iter_no_change=self.epochs,
            tol=0.0,
            random_state=seed,
        )
