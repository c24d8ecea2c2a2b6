"""Where the names on each axis come from."""

from __future__ import annotations

from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel

__all__ = ["AXES", "Axis", "registry"]

Axis = Literal["selections", "engines", "profiles", "rebalances", "simulators"]

AXES: tuple[Axis, ...] = ("selections", "engines", "profiles", "rebalances", "simulators")
"""The axes of a tournament, in the order in which its cells are counted."""

_HOMES: dict[Axis, tuple[str, str]] = {
    "selections": ("quant_core.selection", "SELECTIONS"),
    "profiles": ("quant_core.profiles", "PROFILES"),
    "rebalances": ("quant_core.simulators", "REBALANCES"),
    "simulators": ("quant_core.simulators", "SIMULATORS"),
}


def registry(axis: Axis) -> Mapping[str, type[BaseModel]]:
    """Return the model of every entry that an axis may name, by name.

    The packages are imported on the first call only, so that reading the help of the command line
    needs none of them.
    """
    if axis == "engines":
        engines = import_module("quant_core.engines")
        # An engine has no model of its own: one is enough for all their names.
        return MappingProxyType(dict.fromkeys(engines.ENGINES, engines.EngineSpec))
    module, name = _HOMES[axis]
    found: Mapping[str, type[BaseModel]] = getattr(import_module(module), name)
    return found
