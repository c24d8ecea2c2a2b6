"""A meta-portfolio computed: streams joined, profiles solved, paths simulated."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from quant_core.canonical import digest_json
from quant_core.config._problems import nearest
from quant_core.errors import ConfigError, MissingPartitionError
from quant_core.meta._families import Family
from quant_core.meta._flatten import MetaHolder, SleeveHolder
from quant_core.meta._members import MemberStreams
from quant_core.meta._nesting import nested
from quant_core.meta._paths import simulate_family
from quant_core.meta._solving import solve_family
from quant_core.meta._streams import common_days
from quant_core.meta._weights import read_weights_table
from quant_core.profiles import Status

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from quant_core.meta._config import MemberConfig, MetaConfig
    from quant_core.meta._flatten import Holder
    from quant_core.meta._paths import MetaPath
    from quant_core.meta._sleeve import Book, Cell, SleeveResults
    from quant_core.meta._solving import MetaSolve
    from quant_core.windows import Window

__all__ = ["MetaPortfolio", "compute_metas"]

_ABSENT = (Status.UNAVAILABLE, Status.UNSUPPORTED, Status.FAILED)

type Place = tuple[str, str]


@dataclass(frozen=True, slots=True)
class MetaPortfolio:
    """A meta-portfolio.

    Parameters
    ----------
    config : MetaConfig
        Its configuration.
    days : mapping of str to numpy.ndarray of datetime64[D]
        Days of each member.
    common : numpy.ndarray of datetime64[D], shape (J,)
        Days that all members have.
    periods_per_year : int
        Common days in a year.
    windows : tuple of Window
        Windows over all common days but the first.
    families : tuple of Family
        The streams of each profile.
    solves : mapping of str to sequence of MetaSolve
        The weights of each profile, one a window; none where the family lacks a stream.
    paths : tuple of MetaPath
        The paths, profile by profile.
    absent : mapping of (profile, rebalance) to (status, reason)
        What has no path.
    holders : mapping of str to MetaHolder
        What each profile with weights means to hold.
    trials : int
        Configurations ever tried in the sleeves below it.
    computed : int
        Solves that were not found in an earlier run.
    """

    config: MetaConfig = field(repr=False)
    days: Mapping[str, np.ndarray] = field(repr=False)
    common: np.ndarray = field(repr=False)
    periods_per_year: int
    windows: tuple[Window, ...] = field(repr=False)
    families: tuple[Family, ...] = field(repr=False)
    solves: Mapping[str, Sequence[MetaSolve]] = field(repr=False)
    paths: tuple[MetaPath, ...] = field(repr=False)
    absent: Mapping[Place, tuple[str, str]]
    holders: Mapping[str, MetaHolder] = field(repr=False)
    trials: int
    computed: int

    @property
    def span(self) -> slice:
        """Rows of the families' values that the paths cover."""
        return slice(self.windows[0].test.start, self.windows[-1].test.stop)

    @property
    def first_rows(self) -> np.ndarray:
        """Row of each window's first day in the paths, shape (W,)."""
        rows = [window.test.start - self.span.start for window in self.windows]
        return np.array(rows, dtype=np.int64)

    @property
    def in_cash(self) -> dict[str, int]:
        """Windows without weights, by profile."""
        return {
            profile: sum(not solve.weighted for solve in solves)
            for profile, solves in self.solves.items()
        }

    @property
    def every_solve(self) -> list[MetaSolve]:
        """All solves, profile by profile."""
        return [solve for solves in self.solves.values() for solve in solves]

    def configurations(self) -> list[str]:
        """Return the identity of each profile and rebalance as a trial, sorted.

        What it is called and the seed of the bootstrap are no part of it.
        """
        plain = self.config.resolved()
        rules = {
            name: value
            for name, value in plain.items()
            if name not in {"name", "seed", "profiles", "rebalances"}
        }
        pairs = product(self.config.profiles, self.config.rebalances)
        return sorted(
            digest_json(["meta", rules, *(one.spec.model_dump(mode="json") for one in pair)])
            for pair in pairs
        )


def compute_metas(
    root: str,
    metas: Mapping[str, MetaConfig],
    sleeves: Mapping[str, SleeveResults],
    stored: Mapping[str, pa.Table | None],
) -> dict[str, MetaPortfolio]:
    """Compute a meta-portfolio and those inside it.

    Parameters
    ----------
    root : str
        The outermost.
    metas : mapping of str to MetaConfig
        Configurations by name.
    sleeves : mapping of str to SleeveResults
        Results of the sleeves by name.
    stored : mapping of str to pyarrow.Table or None
        Weights of an earlier run by meta-portfolio; what is still right is taken from them.

    Returns
    -------
    dict of str to MetaPortfolio
        By name, each after those that it holds.

    Raises
    ------
    ConfigError
        If a member is unknown, or portfolios are nested as they may not be.
    DataError
        If members have too few common days for one window.
    """
    found: dict[str, MetaPortfolio] = {}
    for name in nested(root, metas):
        if name in sleeves:
            raise ConfigError(f"meta-portfolio {name}: its name is that of a sleeve; change it")
        found[name] = _computed(metas[name], sleeves, found, stored.get(name))
    return found


def _computed(
    config: MetaConfig,
    sleeves: Mapping[str, SleeveResults],
    metas: Mapping[str, MetaPortfolio],
    stored: pa.Table | None,
) -> MetaPortfolio:
    streams = {member.name: _streams(config, member, sleeves, metas) for member in config.members}
    days = {name: one.days for name, one in streams.items()}
    common = common_days(days)
    periods = config.periods_per_year or min(
        _periods(member, sleeves, metas) for member in config.members
    )
    families = tuple(
        Family.of(
            profile,
            common,
            {name: one.families[profile.label] for name, one in streams.items()},
            {name: one.lacks[profile.label] for name, one in streams.items()},
        )
        for profile in config.profiles
    )
    windows = tuple(config.windows.grid.windows(common[1:]))
    known, computed = read_weights_table(stored), 0
    solves: dict[str, list[MetaSolve]] = {}
    for family in families:
        if not family.lack:
            solves[family.profile.label], fresh = solve_family(
                config, family, windows, periods_per_year=periods, stored=known
            )
            computed += fresh
    paths, absent = _simulated(config, families, windows, solves)
    return MetaPortfolio(
        config=config,
        days=days,
        common=common,
        periods_per_year=periods,
        windows=windows,
        families=families,
        solves=solves,
        paths=tuple(paths),
        absent=absent,
        holders=_holders(config, days, solves, sleeves, metas),
        trials=_trials(config, sleeves, metas),
        computed=computed,
    )


def _streams(
    config: MetaConfig,
    member: MemberConfig,
    sleeves: Mapping[str, SleeveResults],
    metas: Mapping[str, MetaPortfolio],
) -> MemberStreams:
    if member.meta:
        labels = [choice.label for choice in metas[member.meta].config.rebalances]
        if member.rebalance is not None and member.rebalance not in labels:
            raise ConfigError(
                f"member {member.name}: rebalance: it has no {member.rebalance!r}"
                f"{nearest(member.rebalance, labels)}; expected one of {', '.join(labels)}"
            )
        return MemberStreams.of_meta(member, config.profiles, metas[member.meta])
    if member.name not in sleeves:
        raise MissingPartitionError(
            f"meta-portfolio {config.name}: no results of sleeve {member.name!r}"
            f"{nearest(member.name, sleeves)}; give them, or run its tournament first"
        )
    return MemberStreams.of_sleeve(member, config.profiles, sleeves[member.name])


def _periods(
    member: MemberConfig,
    sleeves: Mapping[str, SleeveResults],
    metas: Mapping[str, MetaPortfolio],
) -> int:
    if member.meta:
        return metas[member.meta].periods_per_year
    return int(sleeves[member.name].config["periods_per_year"])


def _trials(
    config: MetaConfig,
    sleeves: Mapping[str, SleeveResults],
    metas: Mapping[str, MetaPortfolio],
) -> int:
    return sum(
        metas[member.meta].trials + len(metas[member.meta].configurations())
        if member.meta
        else sleeves[member.name].trials
        for member in config.members
    )


def _simulated(
    config: MetaConfig,
    families: Sequence[Family],
    windows: Sequence[Window],
    solves: Mapping[str, Sequence[MetaSolve]],
) -> tuple[list[MetaPath], dict[Place, tuple[str, str]]]:
    paths: list[MetaPath] = []
    absent: dict[Place, tuple[str, str]] = {}
    for family, rebalance in product(families, config.rebalances):
        label = family.profile.label
        why = (str(Status.UNAVAILABLE), family.lack) if family.lack else _absence(solves[label])
        if why is None:
            paths.append(simulate_family(config, family, windows, solves[label], rebalance))
        else:
            absent[label, rebalance.label] = why
    return paths, absent


def _absence(solves: Sequence[MetaSolve]) -> tuple[str, str] | None:
    """Return why a profile can have no path: a solve that gave nothing, or nothing but cash."""
    found = Counter(solve.status for solve in solves)
    status = next((str(one) for one in _ABSENT if found[one]), None)
    if status is None and not any(solve.weighted for solve in solves):
        status = found.most_common(1)[0][0]
    if status is None:
        return None
    first = next(solve for solve in solves if solve.status == status)
    where = f"in {found[status]} of {len(solves)} windows, the first {first.window}"
    return status, f"{status} {where}: {first.message}"


def _holders(
    config: MetaConfig,
    days: Mapping[str, np.ndarray],
    solves: Mapping[str, Sequence[MetaSolve]],
    sleeves: Mapping[str, SleeveResults],
    metas: Mapping[str, MetaPortfolio],
) -> dict[str, MetaHolder]:
    members = {member.name: member for member in config.members}
    read: dict[tuple[str, Cell], list[Book]] = {}

    def holder(name: str, cell: Cell) -> Holder:
        member = members[name]
        if member.meta:
            return metas[member.meta].holders[cell[0]]
        line = name, cell[:3]
        if line not in read:
            read[line] = sleeves[name].books(cell[:3], days[name])
        return SleeveHolder(name, cell, read[line], member.symbols)

    found: dict[str, MetaHolder] = {}
    for profile, own in solves.items():
        held = {
            (name, cell): weight
            for solve in own
            for name, cell, weight in zip(solve.members, solve.cells, solve.weights, strict=True)
            if weight
        }
        holders = {(name, cell): holder(name, cell) for name, cell in held}
        cell = (profile, config.rebalances[0].label)
        found[profile] = MetaHolder(config.name, cell, own, holders)
    return found
