"""Covariance estimators over rolling train windows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from quant_core.covariance import _kernels
from quant_core.covariance._estimate import Estimate
from quant_core.covariance._tree import BlockTree
from quant_core.errors import DataError

if TYPE_CHECKING:
    from quant_core.covariance._spec import CovarianceSpec
    from quant_core.covariance._tree import Moments

__all__ = ["RollingCovariance"]

_TREES = 4


class RollingCovariance:
    """Estimate covariances of train windows, at the price of what changed since the last one.

    An estimate is a function of the rows and columns asked for and of the rows' block ordinals,
    to the last bit: windows may be asked for in any order, in any process, with more history or
    more columns around them.

    Parameters
    ----------
    values : numpy.ndarray of float64, shape (T, n)
        Simple returns per period. NaN counts as 0: ask only for columns that are complete.
    blocks : numpy.ndarray of int64, shape (T,)
        Calendar ordinal of the block (month or week) of each row, not decreasing.

    Raises
    ------
    DataError
        If the shapes disagree or the ordinals decrease.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_core.covariance import CovarianceSpec
    >>> values = np.array([[0.01, 0.02], [0.03, -0.02], [-0.01, 0.0], [0.01, 0.04]])
    >>> rolling = RollingCovariance(values, np.array([0, 0, 1, 1]))
    >>> spec = CovarianceSpec.model_validate("sample")
    >>> rolling.estimate(spec, slice(0, 4), np.array([0, 1])).covariance.round(8).tolist()
    [[0.00026667, -0.00013333], [-0.00013333, 0.00066667]]
    """

    def __init__(self, values: np.ndarray, blocks: np.ndarray) -> None:
        self._values = np.ascontiguousarray(values, dtype=np.float64)
        self._blocks = np.ascontiguousarray(blocks, dtype=np.int64)
        if self._values.ndim != 2 or self._blocks.shape != self._values.shape[:1]:  # noqa: PLR2004 - a matrix
            raise DataError(
                f"covariance: expected values (T, n) and blocks (T,), found {values.shape} and "
                f"{blocks.shape}"
            )
        if bool((self._blocks[1:] < self._blocks[:-1]).any()):
            raise DataError("covariance: block ordinals must not decrease; sort the rows by date")
        self._trees: dict[float, BlockTree] = {}

    def estimate(self, spec: CovarianceSpec, train: slice, columns: np.ndarray) -> Estimate:
        """Estimate mean and covariance of columns over a train window.

        Parameters
        ----------
        spec : CovarianceSpec
            The estimator.
        train : slice
            Rows ``[start, stop)``, at least 2.
        columns : numpy.ndarray of int64, shape (k,)
            Column numbers, increasing.

        Returns
        -------
        Estimate
            Arrays of shape (k,) and (k, k).

        Raises
        ------
        DataError
            If the rows or columns are not in the matrix, or fewer than 2 rows are asked for.
        """
        start, stop = int(train.start), int(train.stop)
        chosen = self._checked(start, stop, columns)
        moments = self._tree(spec.decay).moments(start, stop)
        if spec.name == "ledoit_wolf":
            return self._ledoit_wolf(moments, chosen)
        if spec.name == "ewma":
            mean = _kernels.mean_of(self._values, start, stop, chosen)
            return Estimate(mean, _kernels.expand(moments.gram, chosen, 1 / moments.weight, 0.0))
        covariance = _kernels.expand(moments.gram, chosen, 1 / (stop - start - 1), 0.0)
        return Estimate(moments.mean[chosen], covariance)

    def _ledoit_wolf(self, moments: Moments, chosen: np.ndarray) -> Estimate:
        rows, n = moments.stop - moments.start, len(chosen)
        mean = moments.mean[chosen]
        trace, squares = _kernels.packed_square_sum(moments.gram, chosen)
        fourth = _kernels.row_fourth_sum(self._values, moments.start, moments.stop, chosen, mean)
        target = trace / rows / n
        distance = (squares / rows**2 - n * target**2) / n
        noise = (fourth / rows - squares / rows**2) / (n * rows)
        shrinkage = min(noise / distance, 1.0) if noise > 0 and distance > 0 else float(noise > 0)
        covariance = _kernels.expand(
            moments.gram, chosen, (1 - shrinkage) / rows, shrinkage * target
        )
        return Estimate(mean, covariance, shrinkage)

    def _tree(self, decay: float) -> BlockTree:
        tree = self._trees.pop(decay, None) or BlockTree(self._values, self._blocks, decay)
        self._trees[decay] = tree
        if len(self._trees) > _TREES:
            del self._trees[next(iter(self._trees))]
        return tree

    def _checked(self, start: int, stop: int, columns: np.ndarray) -> np.ndarray:
        rows, n = self._values.shape
        chosen = np.ascontiguousarray(columns, dtype=np.int64)
        if not 0 <= start <= stop - 2 <= rows - 2:
            raise DataError(
                f"covariance: expected a train slice of at least 2 of the {rows} rows, found "
                f"[{start}, {stop})"
            )
        if (
            len(chosen) == 0
            or chosen[0] < 0
            or chosen[-1] >= n
            or bool((np.diff(chosen) <= 0).any())
        ):
            raise DataError(f"covariance: expected increasing column numbers below {n}")
        return chosen
