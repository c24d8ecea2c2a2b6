"""The engines that a configuration may name."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from quant_core.engines._engine import Engine

__all__ = ["ENGINES"]


def _make(module: str, name: str) -> Engine:
    made = getattr(import_module(f"quant_core.engines.{module}"), name)
    return cast("Engine", made())


ENGINES: Mapping[str, Callable[[], Engine]] = MappingProxyType(
    {
        "native": partial(_make, "native", "NativeEngine"),
        "cvxpy": partial(_make, "_cvxpy", "CvxpyEngine"),
        "skfolio": partial(_make, "_skfolio", "SkfolioEngine"),
        "riskfolio": partial(_make, "_riskfolio", "RiskfolioEngine"),
        "pyportfolioopt": partial(_make, "_pyportfolioopt", "PyPortfolioOptEngine"),
        "cvxportfolio": partial(_make, "_cvxportfolio", "CvxportfolioEngine"),
    }
)
"""What makes an engine, by its name; making one imports no library but this one."""
