"""What a cap leaves to each atom."""

from __future__ import annotations

from quant_core.engines.native._outcome import NotFound
from quant_core.profiles import Status

__all__ = ["ROUNDING", "room"]

ROUNDING = 1e-9
"""How far bounds may contradict each other before they count as infeasible."""


def room(cap: float | None, n: int) -> float | NotFound:
    """Return the largest weight that a cap leaves to each of n atoms.

    A cap below ``1/n`` is infeasible; within rounding of it, it is taken as ``1/n``.
    """
    bound = 1.0 if cap is None else cap
    if bound * n < 1 - ROUNDING:
        message = f"a cap of {bound:g} on {n} atoms cannot hold a full portfolio; need at least 1/n"
        return NotFound(Status.INFEASIBLE, message)
    return bound if bound * n > 1 + ROUNDING else 1.0 / n
