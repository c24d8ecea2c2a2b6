"""Covariance estimators in rolling form, equal to the byte to a fresh estimate."""

from typing import TYPE_CHECKING, Any

from quant_core.covariance._estimate import Estimate, condition_number
from quant_core.covariance._spec import CovarianceSpec

if TYPE_CHECKING:
    from quant_core.covariance._rolling import RollingCovariance

__all__ = ["CODE_MODULES", "CovarianceSpec", "Estimate", "RollingCovariance", "condition_number"]

CODE_MODULES = (
    "quant_core.covariance._estimate",
    "quant_core.covariance._kernels",
    "quant_core.covariance._rolling",
    "quant_core.covariance._tree",
)
"""The modules whose code decides the numbers of every estimate."""


def __getattr__(name: str) -> Any:
    # numba takes half a second to import, and a configuration needs only CovarianceSpec.
    if name == "RollingCovariance":
        from quant_core.covariance._rolling import RollingCovariance  # noqa: PLC0415 - see above

        return RollingCovariance
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
