"""A published figure, and what this library measures in its place."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self

__all__ = ["Agreement", "PublishedResult"]


class Agreement(StrEnum):
    """Whether a published figure was reproduced."""

    AGREES = "agrees"
    """Measured within the tolerance."""
    OFF = "off"
    """Measured, and not within the tolerance."""
    UNAVAILABLE = "unavailable"
    """Not measured: data or a package are missing."""


@dataclass(frozen=True, slots=True)
class PublishedResult:
    """One published figure.

    Parameters
    ----------
    subject : str
        What it is about, for example ``"online portfolios"``.
    what : str
        Which figure.
    source : str
        Who published it.
    expected : float, optional
        The figure as published; None where the table that has it is missing.
    tolerance : float
        Largest difference that is still agreement: half a unit of the last published digit, or
        what the publisher's own solver leaves.
    measured : float, optional
        What this library gives; None if it could not be measured.
    note : str
        How it was measured, or why it was not.
    """

    subject: str
    what: str
    source: str
    expected: float | None
    tolerance: float
    measured: float | None = None
    note: str = ""

    @property
    def agreement(self) -> Agreement:
        """Whether it was reproduced; a figure that is not finite never is."""
        if self.measured is None or self.expected is None:
            return Agreement.UNAVAILABLE
        within = abs(self.measured - self.expected) <= self.tolerance
        return Agreement.AGREES if within else Agreement.OFF

    def found(self, measured: float, note: str = "") -> Self:
        """Return the result with what was measured."""
        return replace(self, measured=float(measured), note=note)

    def lacking(self, why: str) -> Self:
        """Return the result without a figure, and why there is none."""
        return replace(self, measured=None, note=why)
