"""What an action leaves in the ledger."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from quant_core.ledger._record import Head

__all__ = ["Action"]


@dataclass(slots=True)
class Action:
    """An action under way; what it sets here goes into its ``success`` record.

    Parameters
    ----------
    head : Head
        Number and hash of its ``intent`` record.
    """

    head: Head
    outputs: dict[str, Any] = field(default_factory=dict)
    """Digests of what was made, by name."""
    outcome: dict[str, Any] = field(default_factory=dict)
    """Facts about how it went: counts, seconds, statuses."""

    @property
    def seq(self) -> int:
        """Number of its ``intent`` record."""
        return self.head.seq
