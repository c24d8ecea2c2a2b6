"""The contract of each level as a pandera schema: tier 1 here, tier 2 by the checks of an audit."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from quant_core.contracts import _rules
from quant_core.contracts._audit_schema import audit_schema
from quant_core.errors import ContractError

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import pandera.pandas as pandera

    from quant_core.calendars import Calendar
    from quant_core.contracts._audit_rules import AuditRules
    from quant_core.contracts._levels import Level

__all__ = ["ROW_RULES", "schema"]

ROW_RULES = {
    "high_is_highest": "high",
    "low_is_lowest": "low",
    "reason_given": "reason",
    "net_is_signed": "net_weight",
    "sums_to_one": "weight",
}
"""Rules on whole rows, and the column that stands for the row."""


def schema(
    level: Level,
    *,
    tier: Literal[1, 2] = 1,
    calendar: Calendar | np.ndarray | None = None,
    rules: AuditRules | None = None,
) -> pandera.DataFrameSchema:
    """Return the schema of a level.

    Tier 1 describes the frame that `as_frame` makes: rows are numbered from 0, so that a failure
    case names a position, never a label. A schema judges; `keep_valid` drops what it finds. It is
    built when it is first asked for.

    Tier 2, for a frame that holds tier 1, has a check of each name in `CHECKS`, which calls
    `audit`. A failure case is a cell: of the symbol and the first day of a finding (after a gap: of
    its first return), or of the column ``date`` where a day as a whole is meant (after a missing
    session: of the next row). It bears the label of its row, so that a frame with dates as its
    index has the day there. Notes are no failures.

    Parameters
    ----------
    level : {"prices", "returns", "features", "scores", "weights"}
        Level of the data; of tier 2, ``"returns"``.
    tier : {1, 2}
        Rules on single observations, or on what they show together.
    calendar : Calendar or numpy.ndarray of datetime64, optional
        Of tier 2: sessions, as `audit` takes them.
    rules : AuditRules, optional
        Of tier 2: thresholds.

    Raises
    ------
    ContractError
        If the level has no tier 2, or tier 1 is given a calendar or thresholds.
    """
    if tier == 2:  # noqa: PLR2004 - the tiers are named by number
        second: pandera.DataFrameSchema = audit_schema(level, calendar, rules)
        return second
    if calendar is not None or rules is not None:
        raise ContractError("schema: a calendar and rules are of tier 2; give tier=2")
    return _first_tier(level)


@cache
def _first_tier(level: Level) -> pandera.DataFrameSchema:
    built: pandera.DataFrameSchema = _BUILDERS[level]()
    return built


def _prices() -> Any:
    pa = _pandera()
    price = [_check(_rules.finite), pa.Check.gt(0, error="positive")]
    columns = {
        "date": _date(),
        "symbol": _name(),
        "value": pa.Column("float64", price),
        "volume": pa.Column(
            None, [_check(_rules.finite), pa.Check.ge(0, error="not_negative")], required=False
        ),
    }
    columns |= {bar: pa.Column("float64", price, required=False) for bar in ("open", "high", "low")}
    return pa.DataFrameSchema(
        columns,
        checks=[_check(_rules.high_is_highest), _check(_rules.low_is_lowest)],
        unique=["date", "symbol"],
        report_duplicates="exclude_first",
    )


def _returns() -> Any:
    return _pandera().DataFrameSchema(
        {"date": _date(_rules.increasing)},
        checks=[_check(_rules.all_numbers), _check(_rules.returns_in_range)],
    )


def _features() -> Any:
    return _pandera().DataFrameSchema(
        {"date": _date(), "symbol": _name()},
        checks=[_check(_rules.all_numbers), _check(_rules.finite_numbers)],
        unique=["date", "symbol"],
        report_duplicates="exclude_first",
    )


def _scores() -> Any:
    pa = _pandera()
    return pa.DataFrameSchema(
        {
            "window": _name(),
            "selection": _name(),
            "atom": pa.Column(None, nullable=True),
            "selected": pa.Column("bool", nullable=True, coerce=False),
            "score": pa.Column("float64", _check(_rules.finite), nullable=True),
            "reason": pa.Column(None, nullable=True),
        },
        checks=_check(_rules.reason_given),
        unique=["window", "selection", "atom"],
        report_duplicates="exclude_first",
    )


def _weights() -> Any:
    pa = _pandera()
    limits = [
        _check(_rules.finite),
        pa.Check.in_range(0.0, 1.0, error="in_unit_interval"),
    ]
    return pa.DataFrameSchema(
        {
            "atom": pa.Column(None, nullable=True),
            "weight": pa.Column("float64", limits, nullable=True),
        },
        checks=[_check(_rules.net_is_signed), _check(_rules.sums_to_one)],
    )


_BUILDERS: dict[str, Callable[[], Any]] = {
    "prices": _prices,
    "returns": _returns,
    "features": _features,
    "scores": _scores,
    "weights": _weights,
}


def _date(*rules: Callable[..., Any]) -> Any:
    return _pandera().Column(None, [_check(rule) for rule in (_rules.utc, *rules)])


def _name() -> Any:
    return _pandera().Column(None, _check(_rules.named))


def _check(rule: Callable[..., Any]) -> Any:
    # ignore_na would hide the rows in which any other column is empty.
    return _pandera().Check(rule, name=rule.__name__, error=rule.__name__, ignore_na=False)


def _pandera() -> Any:
    import pandera.pandas

    return pandera.pandas
