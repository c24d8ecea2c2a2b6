"""What any profile may be held to besides its objective."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Constraints", "Group"]


class Group(BaseModel):
    """Bounds on the sum of the weights of some symbols.

    Parameters
    ----------
    name : str
        What messages call it.
    symbols : tuple of str
        Its members; those that a window does not select count as zero.
    least : float
        Smallest sum of their weights, 0 by default.
    most : float
        Largest sum of their weights, 1 by default.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    symbols: tuple[str, ...] = Field(min_length=1)
    least: float = Field(default=0.0, ge=0, le=1)
    most: float = Field(default=1.0, ge=0, le=1)

    @model_validator(mode="after")
    def _bounds_leave_room(self) -> Self:
        if self.least > self.most:
            raise ValueError(f"least {self.least} is above most {self.most}")
        if len(set(self.symbols)) < len(self.symbols):
            raise ValueError(f"expected each symbol once, found {', '.join(self.symbols)}")
        return self


class Constraints(BaseModel):
    """Bounds on the weights of a profile, on top of ``w >= 0`` and ``sum w = 1``.

    Parameters
    ----------
    cap : float, optional
        Upper bound of every weight, in (0, 1]; a cap below ``1/n`` is infeasible. None for no cap.
    minimum : float
        Lower bound of the weight of every selected atom; above ``1/n`` it is infeasible.
    groups : tuple of Group
        Bounds on sums of weights by symbol.
    turnover : float, optional
        Largest one-way turnover, ``sum |w - held| / 2``, against what is held before the trade,
        what is held outside the selection included; a window before which nothing is held is free.
        With a target volatility both sides are what is invested: what is held, outside included,
        is scaled to sum to 1 first and compared with weights that sum to 1. What the scaling buys
        or sells against cash does not count. None for no limit.
    target_volatility : float, optional
        Largest volatility of a year: the solved weights are scaled down, the rest is cash, so a
        minimum may be undercut; objective and residual are those before. None for no limit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    cap: float | None = Field(default=None, gt=0, le=1)
    minimum: float = Field(default=0.0, ge=0, lt=1)
    groups: tuple[Group, ...] = ()
    turnover: float | None = Field(default=None, gt=0, le=1)
    target_volatility: float | None = Field(default=None, gt=0, allow_inf_nan=False)

    @property
    def bounds(self) -> Mapping[str, object]:
        """The constraints that differ from their defaults, by name."""
        return {
            name: getattr(self, name)
            for name, field in Constraints.model_fields.items()
            if getattr(self, name) != field.default
        }
