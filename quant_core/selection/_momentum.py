"""Past winners."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from quant_core.selection._base import Selected, Selection, TrainView, best

__all__ = ["TopMomentum"]


class TopMomentum(Selection):
    """Hold the atoms with the highest past return, leaving out the latest observations.

    The score is the compounded return over the train period without its last ``skip``
    observations (Jegadeesh and Titman 1993; the skip avoids short-term reversal).

    Parameters
    ----------
    count : int
        How many atoms to hold.
    lookback : int, optional
        Observations to look back over, counted from the end of the train period; all by default.
    skip : int
        Latest observations to leave out.
    """

    name: Literal["top_momentum"] = "top_momentum"
    count: int = Field(20, ge=1)
    lookback: int | None = Field(None, ge=2)
    skip: int = Field(21, ge=0)
    code_module: ClassVar[str] = __name__

    def select(self, view: TrainView) -> Selected:
        """Return the ``count`` candidates with the highest momentum."""
        rows = len(view.returns)
        first = max(0, rows - (self.lookback or rows))
        last = max(first + 1, rows - self.skip)
        score = np.prod(1.0 + view.returns[first:last], axis=0) - 1.0
        return Selected.ranked(best(score, self.count), score, "momentum below the winners'")

    @property
    def most(self) -> int:
        """The most atoms the rule can choose."""
        return self.count
