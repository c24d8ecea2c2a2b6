"""No selection: every eligible atom."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np

from quant_core.selection._base import Selected, Selection, TrainView

__all__ = ["Every"]


class Every(Selection):
    """Hold any atom with a full train period."""

    name: Literal["all"] = "all"
    code_module: ClassVar[str] = __name__

    def select(self, view: TrainView) -> Selected:
        """Return every candidate."""
        count = len(view.symbols)
        return Selected.ranked(np.ones(count, dtype=bool), np.full(count, np.nan), "")
