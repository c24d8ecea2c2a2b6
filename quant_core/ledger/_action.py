"""What an action leaves in the ledger."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

__all__ = ["Action"]


@dataclass(slots=True)
class Action:
    """An action under way; what it sets here goes into its ``success`` record.

    Parameters
    ----------
    seq : int
        Number of its ``intent`` record.
    """

    seq: int
    outputs: dict[str, Any] = field(default_factory=dict)
    """Digests of what was made, by name."""
    outcome: dict[str, Any] = field(default_factory=dict)
    """Facts about how it went: counts, seconds, statuses."""
