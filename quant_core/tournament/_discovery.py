"""Rules of membership in a window's universe: history, coverage and liquidity."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from quant_core.calendars import open_calendar
from quant_core.errors import DataError
from quant_core.tournament._universe import Members, members

if TYPE_CHECKING:
    from collections.abc import Iterable

    from quant_core.config import LiquidityConfig, TournamentConfig
    from quant_core.data import DollarVolume
    from quant_core.tournament._inputs import Inputs
    from quant_core.windows import Window

__all__ = ["discover"]


def discover(
    inputs: Inputs,
    config: TournamentConfig,
    windows: Iterable[Window],
    traded: DollarVolume | None = None,
) -> dict[str, Members] | None:
    """Say who may be chosen in each window, by the rules of the configuration.

    The rules come on top of a complete train period and read nothing else: not the day after it,
    and no volume from outside it. The reason of an atom is the first rule that it breaks: history,
    coverage, a complete train period, then liquidity among those that are left.

    Parameters
    ----------
    inputs : Inputs
        The returns matrix seen through the configuration.
    config : TournamentConfig
        The configuration.
    windows : iterable of Window
        The windows.
    traded : DollarVolume or None
        What was traded of the symbols; a date or symbol that it lacks counts as unknown.

    Returns
    -------
    dict of str to Members, or None
        By the key of the window; None where the configuration has no rules.

    Raises
    ------
    DataError
        If liquidity is asked for and there is no volume.
    """
    if not config.universe.given:
        return None
    if config.universe.liquidity is not None and traded is None:
        raise DataError(
            "universe.liquidity: the data have no volumes; name their column by data.volume"
        )
    return {window.key: _members(inputs, config, window, traded) for window in windows}


def _members(
    inputs: Inputs, config: TournamentConfig, window: Window, traded: DollarVolume | None
) -> Members:
    found = members(inputs.matrix.values, inputs.investable, window)
    rules = config.universe
    seen = (~np.isnan(inputs.matrix.values[window.train][:, found.columns])).sum(axis=0)
    reasons = np.array(found.reason, dtype=object)
    if rules.coverage is not None:
        count = _sessions(inputs, config, window)
        thin = seen < rules.coverage * count
        reasons[thin] = [f"coverage: {have} of {count} sessions observed" for have in seen[thin]]
    if rules.history is not None:
        short = seen < rules.history
        reasons[short] = [
            f"history: {have} of {rules.history} observations" for have in seen[short]
        ]
    if rules.liquidity is not None and traded is not None:
        left = np.flatnonzero(reasons == "")
        symbols = [inputs.atoms[column].symbol for column in found.columns[left]]
        dates = inputs.matrix.dates[window.train][-rules.liquidity.sessions :]
        reasons[left] = _liquidity(symbols, rules.liquidity, traded, dates)
    return Members(found.columns, tuple(str(reason) for reason in reasons))


def _sessions(inputs: Inputs, config: TournamentConfig, window: Window) -> int:
    days = inputs.matrix.dates[window.train].astype("datetime64[D]")
    calendar = open_calendar(config.calendar)
    return len(calendar.sessions(days[0], days[-1])) if calendar.judges else len(days)


def _liquidity(
    symbols: list[str], rule: LiquidityConfig, traded: DollarVolume, dates: np.ndarray
) -> list[str]:
    """Return the reason of each symbol's atom, empty for the most traded ones."""
    rows = np.searchsorted(traded.dates, dates)
    there = rows < len(traded.dates)
    there[there] = traded.dates[rows[there]] == dates[there]
    place = {name: number for number, name in enumerate(traded.symbols)}
    medians = {
        name: _median(traded.values[rows[there], place[name]])
        for name in dict.fromkeys(symbols)
        if name in place
    }
    known = sorted((-median, name) for name, median in medians.items() if not np.isnan(median))
    kept = {name for _, name in known[: rule.top]}
    ranked = {name for _, name in known}
    silent = f"liquidity: no volume in the last {rule.sessions} observations"
    low = f"liquidity: not among the {rule.top} most traded"
    return ["" if name in kept else low if name in ranked else silent for name in symbols]


def _median(values: np.ndarray) -> float:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if len(known) else float("nan")
