"""What a contract kept, dropped and noticed."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from quant_core.errors import ContractError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ContractReport", "Notice", "Reason"]


class Reason(StrEnum):
    """Why an observation is dropped."""

    NOT_A_SESSION = "not_a_session"
    """A day on which the universe does not trade, by its calendar."""
    MISSING = "missing"
    """A row of a long file without a value."""
    MISSING_SYMBOL = "missing_symbol"
    """A row of a long file without a symbol."""
    NON_FINITE = "non_finite"
    """Plus or minus infinity."""
    NON_POSITIVE_PRICE = "non_positive_price"
    """A price of zero or below."""
    DUPLICATE = "duplicate"
    """The same date and symbol again; only where the configuration keeps the first."""
    RETURN_OUT_OF_RANGE = "return_out_of_range"
    """A return outside (-1, 5]."""
    NO_RETURN = "no_return"
    """The observations of a symbol that never gives a return, for example a single price."""
    ALL_MISSING_SYMBOL = "all_missing_symbol"
    """A symbol without any observation; no observation is counted for it."""


class Notice(StrEnum):
    """What is kept and reported."""

    RETURN_PAST_ONE = "return_past_one"
    """A return above +1."""
    GAP_RESTART = "gap_restart"
    """A price after a gap longer than the longest allowed one: a new start without a return."""
    INNER_GAP = "inner_gap"
    """A date without an observation between a symbol's first and last one."""
    MISSING_SESSION = "missing_session"
    """A session of the calendar, inside the data, on which no symbol has an observation."""
    LATE_START = "late_start"
    """A symbol whose first observation is after the first date."""
    EARLY_END = "early_end"
    """A symbol whose last observation is before the last date."""


def _counts(counts: Mapping[str, int]) -> Mapping[str, int]:
    return MappingProxyType(
        {str(name): int(counts[name]) for name in sorted(counts) if counts[name]}
    )


@dataclass(frozen=True, slots=True)
class ContractReport:
    """The books of one pass of a contract, in observations.

    An observation is a non-empty cell of a wide file or a row of a long one. An empty cell before
    a symbol's first observation is absent, neither kept nor dropped.

    Parameters
    ----------
    rows_in : int
        Observations found.
    kept : int
        Observations that passed.
    dropped : mapping of str to int
        Observations dropped, by reason; reasons that took none are left out.
    reported : mapping of str to int
        What was kept and noticed, by name.
    symbols_dropped : mapping of str to str
        Symbols that are not in the result, each with its reason.

    Raises
    ------
    ContractError
        If ``kept + dropped`` is not ``rows_in``.
    """

    rows_in: int
    kept: int
    dropped: Mapping[str, int] = field(default_factory=dict)
    reported: Mapping[str, int] = field(default_factory=dict)
    symbols_dropped: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        lost = {name: self.symbols_dropped[name] for name in sorted(self.symbols_dropped)}
        object.__setattr__(self, "dropped", _counts(self.dropped))
        object.__setattr__(self, "reported", _counts(self.reported))
        object.__setattr__(
            self,
            "symbols_dropped",
            MappingProxyType({name: str(why) for name, why in lost.items()}),
        )
        if self.kept + self.dropped_total != self.rows_in or min(self.kept, self.rows_in) < 0:
            raise ContractError(
                f"contract report: kept + dropped must equal the observations found, but "
                f"{self.kept} + {self.dropped_total} is not {self.rows_in}"
            )

    @property
    def dropped_total(self) -> int:
        """Observations dropped, all reasons together."""
        return sum(self.dropped.values())

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain values, for the ledger and the manifest."""
        return {
            "rows_in": self.rows_in,
            "kept": self.kept,
            "dropped": dict(self.dropped),
            "reported": dict(self.reported),
            "symbols_dropped": dict(self.symbols_dropped),
        }
