"""Linear models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Field

from quant_core.models._fitted import Fitted
from quant_core.models._graph import dense_graph
from quant_core.models._trainer import DOUBLE_TOLERANCE, Trainer, require

if TYPE_CHECKING:
    from typing import Any

__all__ = ["Linear", "scaler"]


class Linear(Trainer):
    """Ridge regression on standardised features.

    Parameters
    ----------
    alpha : float
        Weight of the squared norm of the coefficients; zero for least squares.

    Examples
    --------
    >>> import numpy as np
    >>> features = np.array([[0.0], [1.0], [2.0]])
    >>> fitted = Linear(alpha=0.0).fit(features, 2 * features[:, 0] + 1, seed=0)
    >>> fitted.predict(np.array([[10.0], [np.nan]])).round(9)
    array([21., nan])
    """

    kind: Literal["linear"] = "linear"
    alpha: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 1.0

    def _fit(self, features: np.ndarray, target: np.ndarray, seed: int) -> Fitted:
        sklearn = require("sklearn", "models")
        ridge = require("sklearn.linear_model", "models").Ridge(
            alpha=self.alpha, solver="svd", random_state=seed
        )
        scale = scaler(features)
        ridge.fit(scale.transform(features), target)
        weights = (ridge.coef_ / scale.scale_)[:, None]
        return Fitted(
            kind=self.kind,
            framework=f"scikit-learn {sklearn.__version__}",
            inputs=features.shape[1],
            tolerance=DOUBLE_TOLERANCE,
            native=lambda rows: ridge.predict(scale.transform(rows)),
            onnx=dense_graph(scale.mean_, [(weights, np.atleast_1d(ridge.intercept_))]),
        )


def scaler(features: np.ndarray) -> Any:
    """Return scikit-learn's scaler to mean 0 and standard deviation 1, fitted."""
    return require("sklearn.preprocessing", "models").StandardScaler().fit(features)
