"""Covariance estimators in rolling form, equal to the byte to a fresh estimate."""

from quant_core.covariance._estimate import Estimate, condition_number
from quant_core.covariance._rolling import RollingCovariance
from quant_core.covariance._spec import CovarianceSpec

__all__ = ["CODE_MODULES", "CovarianceSpec", "Estimate", "RollingCovariance", "condition_number"]

CODE_MODULES = (
    "quant_core.covariance._estimate",
    "quant_core.covariance._kernels",
    "quant_core.covariance._rolling",
    "quant_core.covariance._tree",
)
"""The modules whose code decides the numbers of every estimate."""
