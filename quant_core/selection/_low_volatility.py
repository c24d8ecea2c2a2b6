"""The calm ones."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from quant_core.selection._base import Selected, Selection, TrainView, best

__all__ = ["LowVolatility"]


class LowVolatility(Selection):
    """Hold the atoms with the lowest standard deviation of returns.

    The score is minus the standard deviation per period (Haugen and Baker 1991).

    Parameters
    ----------
    count : int
        How many atoms to hold.
    lookback : int, optional
        Observations to look back over, counted from the end of the train period; all by default.
    """

    name: Literal["low_volatility"] = "low_volatility"
    count: int = Field(20, ge=1)
    lookback: int | None = Field(None, ge=2)
    code_module: ClassVar[str] = __name__

    def select(self, view: TrainView) -> Selected:
        """Return the ``count`` candidates with the lowest volatility."""
        rows = len(view.returns)
        first = max(0, rows - (self.lookback or rows))
        score = -view.returns[first:].std(axis=0, ddof=1)
        return Selected.ranked(best(score, self.count), score, "volatility above the winners'")

    @property
    def most(self) -> int:
        """The most atoms the rule can choose."""
        return self.count
