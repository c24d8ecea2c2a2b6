"""A gate: one figure, one threshold, and why it did not pass."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from numbers import Real
from typing import Literal

from quant_core.errors import ConfigError

__all__ = ["Figure", "Gate", "GateResult", "Verdict"]


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure that a gate judges, or why there is none.

    Parameters
    ----------
    value : float or None
        The figure.
    missing : str
        Why it is missing or undefined; empty when it is known.
    """

    value: float | None
    missing: str = ""


@dataclass(frozen=True, slots=True)
class GateResult:
    """What a gate said of one figure.

    Parameters
    ----------
    name : str
        The gate.
    value : float or None
        The figure; None when it is missing or undefined.
    threshold : float
        What it was held to.
    passed : bool
        Whether it passed.
    reason : str
        Why not; empty when it passed.
    """

    name: str
    value: float | None
    threshold: float
    passed: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Gate:
    """One condition that must hold before anything is deployed.

    Parameters
    ----------
    name : str
        Its name.
    threshold : float
        The limit; a figure equal to it passes.
    side : {"at most", "at least"}
        On which side of the threshold a figure passes.
    definition : str
        What the figure is.

    Raises
    ------
    ConfigError
        If the threshold is not finite: every figure, or none, would pass.

    Examples
    --------
    >>> Gate("turnover", 0.5, "at most", "mean of a window").judge(Figure(0.6)).reason
    '0.6 is not at most 0.5'
    """

    name: str
    threshold: float
    side: Literal["at most", "at least"]
    definition: str

    def __post_init__(self) -> None:
        if not math.isfinite(self.threshold):
            raise ConfigError(
                f"gate {self.name}: expected a finite threshold, found {self.threshold}"
            )

    def judge(self, figure: Figure) -> GateResult:
        """Hold a figure to the threshold; one that is missing or not finite does not pass.

        Parameters
        ----------
        figure : Figure
            The figure.
        """
        value = _finite(figure.value)
        if value is None:
            why = figure.missing or f"undefined: {figure.value}"
            return GateResult(self.name, None, self.threshold, passed=False, reason=why)
        low = self.side == "at most"
        passed = value <= self.threshold if low else value >= self.threshold
        reason = "" if passed else f"{value:.6g} is not {self.side} {self.threshold:g}"
        return GateResult(self.name, value, self.threshold, passed=passed, reason=reason)


def _finite(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, Real):
        return None
    number = float(value)
    return number if math.isfinite(number) else None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gates said of one candidate.

    Parameters
    ----------
    cell : tuple of str
        Names of the candidate: selection, engine, profile, rebalance and simulator of a cell.
    results : tuple of GateResult
        One result a gate.
    passed : bool
        Whether every gate passed; without a gate nothing passes.
    """

    cell: tuple[str, ...]
    results: tuple[GateResult, ...] = field(repr=False)
    passed: bool = field(init=False)

    def __post_init__(self) -> None:
        every = bool(self.results) and all(result.passed for result in self.results)
        object.__setattr__(self, "passed", every)

    @property
    def reason(self) -> str:
        """Every gate that did not pass, with its reason; empty when all did."""
        return "; ".join(f"{one.name}: {one.reason}" for one in self.results if not one.passed)
