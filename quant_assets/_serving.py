"""Whether what runners say they serve is what they were told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from quant_core.clock import clock

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from quant_core.live import StrategyRow
    from resources.strategy_database import Report, StrategyDatabase

__all__ = ["Told", "Word", "heard", "wait_for_word"]

_GOOD = ("serving", "warming")
_EVERY = 0.5


@dataclass(frozen=True, slots=True)
class Told:
    """What runners were told of a strategy, and when.

    Parameters
    ----------
    row : StrategyRow
        The row.
    at : datetime
        When it was written.
    """

    row: StrategyRow
    at: datetime


@dataclass(frozen=True, slots=True)
class Word:
    """What runners say of a strategy.

    Parameters
    ----------
    serves : bool or None
        Whether they serve what they were told; None when nobody has said anything.
    text : str
        Their words.
    """

    serves: bool | None
    text: str


def heard(told: Told, reports: Sequence[Report]) -> Word:
    """Judge the last report of every runner.

    A runner reports when something changes. One that said otherwise before it was told may not have
    heard yet, or be gone: its word counts only while nobody serves what was told.

    Parameters
    ----------
    told : Told
        What they were told.
    reports : sequence of Report
        What they last said, of any strategy.
    """
    own = [one for one in reports if one.served.strategy == told.row.name]
    if not own:
        return Word(None, "no runner has reported it: start one with `quant runner serve`")
    agree = [one for one in own if _serves(told.row, one)]
    against = [one for one in own if one not in agree and one.reported_at >= told.at]
    if against:
        return Word(False, _text(against))
    if agree:
        return Word(True, _text(agree))
    return Word(False, f"{_text(own)}; none has reported since it was told")


def _serves(row: StrategyRow, report: Report) -> bool:
    sha256 = row.model.sha256 if row.model is not None else ""
    found = report.served
    same = (found.model_version, found.sha256) == (row.version, sha256)
    return same and found.state in _GOOD


def _text(reports: Sequence[Report]) -> str:
    return "; ".join(
        f"{one.runner}: {one.served.state} {one.served.model_version} "
        f"({one.served.sha256[:12] or 'no model'}) since {one.reported_at:%Y-%m-%d %H:%M:%S} UTC"
        + (f", {one.served.detail}" if one.served.detail else "")
        for one in reports
    )


def wait_for_word(
    database: StrategyDatabase, names: Sequence[str], *, patience: float
) -> dict[str, Word]:
    """Ask until runners serve what they were told, at most so long.

    Parameters
    ----------
    database : StrategyDatabase
        The database.
    names : sequence of str
        Strategies.
    patience : float
        Seconds to wait for runners that have ever said anything.
    """
    versions = {name: database.history(name)[-1] for name in names}
    told = {name: Told(found.row, found.updated_at) for name, found in versions.items()}
    end = clock().seconds() + patience
    while True:
        reports = database.served()
        words = {name: heard(one, reports) for name, one in told.items()}
        settled = all(word.serves for word in words.values())
        if settled or not reports or clock().seconds() >= end:
            return words
        clock().sleep(_EVERY)
