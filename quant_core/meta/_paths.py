"""The path of a meta-portfolio: its members' streams, held by the weights of each window."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from quant_core.canonical import digest_array, digest_json, digest_parts
from quant_core.cells import CellIdentity, code_version
from quant_core.simulators import Custom, code_modules, simulate
from quant_core.tournament._segments import TEXT, constant

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from quant_core.config import Choice
    from quant_core.meta._config import MetaConfig
    from quant_core.meta._families import Family
    from quant_core.meta._solving import MetaSolve
    from quant_core.windows import Window

__all__ = ["META_NAV_SCHEMA", "MetaPath", "paths_of_meta", "simulate_family"]

_FIGURES = ("nav", "period_return", "turnover", "cost")

META_NAV_SCHEMA = pa.schema(
    [
        ("meta", TEXT),
        ("profile", TEXT),
        ("rebalance", TEXT),
        ("date", pa.date32()),
        *((name, pa.float64()) for name in _FIGURES),
        ("key", TEXT),
    ]
)


@dataclass(frozen=True, slots=True)
class MetaPath:
    """The path of one profile and rebalance.

    Parameters
    ----------
    profile, rebalance : str
        Labels.
    key : str
        Its content key.
    days : numpy.ndarray of datetime64[D], shape (T,)
        Common days from the first trade on.
    nav, period_return, turnover, cost : numpy.ndarray, shape (T,)
        As a simulator gives them, the cost of moving money between members included.
    hhi : float
        Mean over windows of the sum of squared weights of the members.
    """

    profile: str
    rebalance: str
    key: str
    days: np.ndarray = field(repr=False)
    nav: np.ndarray = field(repr=False)
    period_return: np.ndarray = field(repr=False)
    turnover: np.ndarray = field(repr=False)
    cost: np.ndarray = field(repr=False)
    hhi: float


def simulate_family(
    config: MetaConfig,
    family: Family,
    windows: Sequence[Window],
    solves: Sequence[MetaSolve],
    rebalance: Choice[Any],
) -> MetaPath:
    """Simulate a profile's weights on the streams of its family.

    A window without weights is cash. Where another cell comes to stand for a member, the member is
    sold and bought in full: a cost too high rather than one too low.

    Parameters
    ----------
    config : MetaConfig
        The meta-portfolio.
    family : Family
        The streams, K of them.
    windows : sequence of Window
        The windows.
    solves : sequence of MetaSolve
        The weights of each.
    rebalance : Choice
        When members are traded back to their weights.
    """
    first, last = windows[0].test.start, windows[-1].test.stop
    rows = np.array([window.test.start - first for window in windows], dtype=np.int64)
    places = {(s.member, s.cell): column for column, s in enumerate(family.streams)}
    weights = np.zeros((len(windows), len(family.streams)))
    for row, solve in enumerate(solves):
        held = zip(solve.members, solve.cells, strict=True)
        weights[row, [places[one] for one in held]] = solve.weights
    values = family.values[first:last]
    simulator = Custom()
    path = simulate(
        simulator,
        rebalance.spec,
        values=values,
        weights=weights,
        rows=rows,
        rate=config.costs.rate,
    )
    modules = code_modules(simulator, rebalance.spec)
    parameters = digest_json([rebalance.spec.model_dump(mode="json"), config.costs.rate])
    read = [*(solve.key for solve in solves), digest_array(values), digest_array(rows)]
    identity = CellIdentity(
        "simulation", code_version(*modules, alone=(__name__,)), parameters, 0, digest_parts(read)
    )
    return MetaPath(
        profile=family.profile.label,
        rebalance=rebalance.label,
        key=identity.key,
        days=family.days[first:last],
        nav=path.nav,
        period_return=path.period_returns,
        turnover=path.turnover,
        cost=path.cost,
        hhi=float(np.mean([np.square(solve.weights).sum() for solve in solves])),
    )


def paths_of_meta(meta: str, paths: Iterable[MetaPath]) -> pa.Table:
    """Return paths as a table, in the order given, days ascending."""
    tables = [
        pa.table(
            [
                constant(meta, len(path.days)),
                constant(path.profile, len(path.days)),
                constant(path.rebalance, len(path.days)),
                pa.array(path.days, pa.date32()),
                *(pa.array(getattr(path, name), pa.float64()) for name in _FIGURES),
                constant(path.key, len(path.days)),
            ],
            schema=META_NAV_SCHEMA,
        )
        for path in paths
    ]
    if not tables:
        return META_NAV_SCHEMA.empty_table()
    return pa.concat_tables(tables).unify_dictionaries().combine_chunks()
