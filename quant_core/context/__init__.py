"""What a run knows: its settings, its stages, and what they hand on."""

from quant_core.context._context import Context
from quant_core.context._contexts import DataIdentity, MetaContext, RunData, SelectionContext
from quant_core.context._current import current_settings, use_settings
from quant_core.context._difference import Difference
from quant_core.context._registry import Stage, StageRegistry
from quant_core.context._resolve import FILE, PREFIX, resolve, unknown_variables
from quant_core.context._settings import Origin, Settings

__all__ = [
    "FILE",
    "PREFIX",
    "Context",
    "DataIdentity",
    "Difference",
    "MetaContext",
    "Origin",
    "RunData",
    "SelectionContext",
    "Settings",
    "Stage",
    "StageRegistry",
    "current_settings",
    "resolve",
    "unknown_variables",
    "use_settings",
]
