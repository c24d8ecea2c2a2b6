"""Gradient boosting of scikit-learn on histograms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from quant_core.models._fitted import Fitted
from quant_core.models._graph import tree_graph
from quant_core.models._trainer import DOUBLE_TOLERANCE, Trainer, require
from quant_core.models._trees import Tree

if TYPE_CHECKING:
    import numpy as np

__all__ = ["HistGradientBoosting"]


class HistGradientBoosting(Trainer):
    """Histogram gradient boosting of scikit-learn, least squares, no early stop.

    Parameters
    ----------
    trees : int
        Trees.
    leaves : int
        Leaves a tree may have.
    depth : int, optional
        Depth a tree may have; no limit by default.
    learning_rate : float
        What each tree's answer is multiplied by.
    min_rows : int
        Training rows that a leaf must hold.
    l2 : float
        Weight of the squared leaf values.
    bins : int
        Bins of a feature.
    """

    kind: Literal["hist_gradient_boosting"] = "hist_gradient_boosting"
    trees: Annotated[int, Field(ge=1, le=10_000)] = 100
    leaves: Annotated[int, Field(ge=2, le=4096)] = 31
    depth: Annotated[int, Field(ge=1, le=64)] | None = None
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 0.1
    min_rows: Annotated[int, Field(ge=1)] = 20
    l2: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    bins: Annotated[int, Field(ge=2, le=255)] = 255

    def _fit(self, features: np.ndarray, target: np.ndarray, seed: int) -> Fitted:
        sklearn = require("sklearn", "models")
        boosting = self._boosting(seed).fit(features, target)
        # Private, but it is where the trees are, and what skl2onnx reads too.
        grown = [_tree(predictor.nodes) for [predictor] in boosting._predictors]  # noqa: SLF001 - above
        base = float(boosting._baseline_prediction.item())  # noqa: SLF001 - above
        return Fitted(
            kind=self.kind,
            framework=f"scikit-learn {sklearn.__version__}",
            inputs=features.shape[1],
            tolerance=DOUBLE_TOLERANCE,
            native=boosting.predict,
            onnx=tree_graph([Tree.constant(base), *grown], inputs=features.shape[1]),
        )

    def _boosting(self, seed: int) -> Any:
        return require("sklearn.ensemble", "models").HistGradientBoostingRegressor(
            max_iter=self.trees,
            max_leaf_nodes=self.leaves,
            max_depth=self.depth,
            learning_rate=self.learning_rate,
            min_samples_leaf=self.min_rows,
            l2_regularization=self.l2,
            max_bins=self.bins,
            early_stopping=False,
            random_state=seed,
        )


def _tree(nodes: np.ndarray) -> Tree:
    return Tree.from_nodes(
        is_leaf=nodes["is_leaf"].astype(bool),
        feature=nodes["feature_idx"],
        threshold=nodes["num_threshold"],
        left=nodes["left"],
        right=nodes["right"],
        value=nodes["value"],
    )
