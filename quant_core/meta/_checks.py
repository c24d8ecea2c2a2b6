"""What must hold of a meta-portfolio, found again from its tables and the days of its members."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from quant_core.meta._flatten import LEAKAGE, leakage
from quant_core.meta._solving import BOUND_TOLERANCE
from quant_core.meta._tables import read_holdings
from quant_core.meta._weights import CASH, read_weights_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from quant_core.meta._config import MetaConfig

__all__ = ["bound_violations", "date_violations", "leaks", "weekend_fills"]

_ROUNDING = 1e-9


def leaks(holdings: pa.Table, weights: pa.Table) -> tuple[float, list[str]]:
    """Hold the flattened portfolio against the weights of the members.

    Parameters
    ----------
    holdings, weights : pyarrow.Table
        Tables of one meta-portfolio.

    Returns
    -------
    float
        The most that leaks on any day: between symbols and contributors, or between what the
        contributors of a member add up to, cash included, and the member's weight.
    list of str
        Where it is more than 1e-6.
    """
    solves = read_weights_table(weights)
    days: dict[tuple[str, str, object], list[dict[str, object]]] = defaultdict(list)
    for row in holdings.to_pylist():
        days[row["profile"], row["window"], row["date"]].append(row)
    worst, found = 0.0, []
    for (profile, window, day), rows in days.items():
        solve, flat = solves[profile, window], read_holdings(rows)
        asked: dict[str, float] = defaultdict(float)
        for holding in flat:
            for one in holding.contributors:
                below = one.path.split("/")[1:]
                asked[below[0] if below else one.sleeve or CASH] += one.weight
        wanted = dict(zip(solve.members, solve.weights.tolist(), strict=True))
        wanted[CASH] = 1.0 - float(solve.weights.sum())
        gaps = (abs(asked[name] - wanted.get(name, 0.0)) for name in {*asked, *wanted})
        lost = max(leakage(flat), *gaps)
        worst = max(worst, lost)
        if lost > LEAKAGE:
            found.append(f"{profile} on {day}: {lost:.3g} leaks")
    return worst, found


def bound_violations(config: MetaConfig, weights: pa.Table) -> list[str]:
    """Return the solves whose weights leave their bounds or do not sum to 1 with their cash."""
    found = [
        f"{profile} in {window}: a weight is {gap:.3g} outside {config.bounds.least:g} to "
        f"{config.bounds.most:g}"
        for (profile, window), solve in read_weights_table(weights).items()
        if (gap := solve.outside(config.bounds)) > BOUND_TOLERANCE
    ]
    totals: dict[tuple[str, str], float] = defaultdict(float)
    for row in weights.select(["profile", "window", "weight"]).to_pylist():
        totals[row["profile"], row["window"]] += row["weight"]
    found += [
        f"{profile} in {window}: weights and cash sum to {total!r}"
        for (profile, window), total in totals.items()
        if abs(total - 1.0) > BOUND_TOLERANCE
    ]
    return found


def date_violations(streams: pa.Table, nav: pa.Table, days: Mapping[str, np.ndarray]) -> list[str]:
    """Return what is wrong with the days: each must be one of every member, and none left out.

    Parameters
    ----------
    streams, nav : pyarrow.Table
        Tables of one meta-portfolio.
    days : mapping of str to numpy.ndarray of datetime64[D]
        Days of each member, as its own results have them.
    """
    found = []
    for name, table in (("streams", streams), ("paths", nav)):
        own = np.unique(table["date"].to_numpy().astype("datetime64[D]"))
        for member, known in days.items():
            strange = np.setdiff1d(own, known)
            if len(strange):
                found.append(f"{name}: {strange[0]} is no day of {member}")
        every = np.array(
            sorted(set.intersection(*(set(known.tolist()) for known in days.values())))
        )
        inside = [day for day in every if len(own) and own[0].item() <= day <= own[-1].item()]
        if len(inside) != len(own):
            found.append(f"{name}: {len(own)} days, and {len(inside)} are common to all members")
    return found


def weekend_fills(
    streams: pa.Table, sources: Mapping[tuple[str, str], tuple[np.ndarray, np.ndarray]]
) -> list[str]:
    """Return streams that do not hold what their source earned between any two common days.

    A return put in for a day without one, or one of a day that is not common left out, changes
    the growth between two common days.

    Parameters
    ----------
    streams : pyarrow.Table
        The streams.
    sources : mapping of (member, cell) to (days, nav)
        What they were taken from.
    """
    found = []
    groups: dict[tuple[str, str, str], list[tuple[np.datetime64, float]]] = defaultdict(list)
    for row in streams.select(["profile", "member", "cell", "date", "nav"]).to_pylist():
        key = row["profile"], row["member"], row["cell"]
        groups[key].append((np.datetime64(row["date"], "D"), row["nav"]))
    for (profile, member, cell), rows in groups.items():
        days, nav = sources[member, cell]
        last = dict(zip(days.tolist(), nav.tolist(), strict=True))
        growth = np.diff(np.log([max(value, 1e-300) for _, value in rows]))
        own = np.diff(np.log([max(last.get(day.item(), np.nan), 1e-300) for day, _ in rows]))
        wrong = np.flatnonzero(~(np.abs(growth - own) <= _ROUNDING))
        if len(wrong):
            day = rows[int(wrong[0]) + 1][0]
            found.append(f"{profile} of {member}: the return of {day} is not that of {cell}")
    return found
