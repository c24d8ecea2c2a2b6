"""The tables that tell of a computed meta-portfolio."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from quant_core.meta._board import META_MEMBERS_SCHEMA, Conventions, board, members_board
from quant_core.meta._flatten import Contributor, FlatHolding, flatten
from quant_core.meta._paths import paths_of_meta
from quant_core.meta._weights import cell_text, weights_table
from quant_core.tournament._segments import TEXT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from quant_core.meta._families import Family
    from quant_core.meta._portfolio import MetaPortfolio

__all__ = ["META_HOLDINGS_SCHEMA", "META_STREAMS_SCHEMA", "MetaTables", "read_holdings"]

_CONTRIBUTOR = pa.struct(
    [
        *((name, pa.string()) for name in ("path", "sleeve", "cell", "atom")),
        ("weight", pa.float64()),
    ]
)

META_HOLDINGS_SCHEMA = pa.schema(
    [
        ("meta", TEXT),
        ("profile", TEXT),
        ("window", TEXT),
        ("date", pa.date32()),
        ("symbol", TEXT),
        ("net_weight", pa.float64()),
        ("contributors", pa.list_(_CONTRIBUTOR)),
    ]
)
"""One row a symbol and day on which a target changes; cash is a symbol."""

META_STREAMS_SCHEMA = pa.schema(
    [
        ("meta", TEXT),
        ("profile", TEXT),
        ("member", TEXT),
        ("cell", TEXT),
        ("date", pa.date32()),
        ("nav", pa.float64()),
    ]
)
"""Value of every stream that may stand for a member, on the common days."""


@dataclass(frozen=True, slots=True)
class MetaTables:
    """What is stored of a meta-portfolio.

    Parameters
    ----------
    weights, streams, nav, leaderboard, members, holdings : pyarrow.Table
        Weights of members, their streams, paths, figures of paths and of streams, and what is
        physically held.
    """

    weights: pa.Table = field(repr=False)
    streams: pa.Table = field(repr=False)
    nav: pa.Table = field(repr=False)
    leaderboard: pa.Table = field(repr=False)
    members: pa.Table = field(repr=False)
    holdings: pa.Table = field(repr=False)

    @classmethod
    def of(cls, meta: MetaPortfolio, *, tried: int) -> MetaTables:
        """Return the tables of a meta-portfolio.

        Parameters
        ----------
        meta : MetaPortfolio
            The portfolio.
        tried : int
            Configurations of meta-portfolios ever tried; those of the sleeves come on top,
            because their cells were tried before one was taken.
        """
        config = meta.config
        conventions = Conventions(
            meta.periods_per_year,
            config.risk_free / meta.periods_per_year,
            config.seed,
            tried + meta.trials,
        )
        figures = (config.name, meta.paths, meta.absent, meta.in_cash, meta.first_rows)
        return cls(
            weights=weights_table(config.name, meta.every_solve),
            streams=_streams_table(meta),
            nav=paths_of_meta(config.name, meta.paths),
            leaderboard=board(*figures, conventions),
            members=pa.Table.from_pylist(
                list(_members(meta, conventions)), schema=META_MEMBERS_SCHEMA
            ),
            holdings=_holdings_table(meta),
        )


def _members(meta: MetaPortfolio, conventions: Conventions) -> Iterator[dict[str, Any]]:
    for family in meta.families:
        if family.lack:
            continue
        used, weights = _used(meta, family)
        rows = members_board(meta.config.name, family, meta.span, weights, conventions)
        yield from (rows[column] for column in used)


def _used(meta: MetaPortfolio, family: Family) -> tuple[list[int], np.ndarray]:
    """Return the columns that stood for a member in some window, and all weights (W, K)."""
    solves = meta.solves[family.profile.label]
    places = {(s.member, s.cell): column for column, s in enumerate(family.streams)}
    weights, used = np.zeros((len(solves), len(places))), set[int]()
    for row, solve in enumerate(solves):
        columns = [places[one] for one in zip(solve.members, solve.cells, strict=True)]
        weights[row, columns] = solve.weights
        used.update(columns)
    return sorted(used), weights


def _streams_table(meta: MetaPortfolio) -> pa.Table:
    days, tables = pa.array(meta.common, pa.date32()), []
    for family in meta.families:
        # Those that never stood for a member, too: what is chosen later may change no earlier row.
        for column, stream in enumerate(() if family.lack else family.streams):
            texts = (meta.config.name, family.profile.label, stream.member, cell_text(stream.cell))
            tables.append(
                pa.table(
                    [
                        *(pa.array([text] * len(days)).cast(TEXT) for text in texts),
                        days,
                        pa.array(family.levels[:, column]),
                    ],
                    schema=META_STREAMS_SCHEMA,
                )
            )
    if not tables:
        return META_STREAMS_SCHEMA.empty_table()
    return pa.concat_tables(tables).unify_dictionaries().combine_chunks()


def _holdings_table(meta: MetaPortfolio) -> pa.Table:
    rows: list[dict[str, Any]] = []
    for profile, holder in meta.holders.items():
        solves = meta.solves[profile]
        days = np.array([solve.day for solve in solves])
        for day in _days_of(holder.changes(), meta.common):
            window = solves[int(np.searchsorted(days, day, side="right")) - 1].window
            told = {"meta": meta.config.name, "profile": profile, "window": window}
            rows += [{**told, "date": day.item(), **_row(one)} for one in flatten(holder, day)]
    return pa.Table.from_pylist(rows, schema=META_HOLDINGS_SCHEMA)


def _days_of(changes: np.ndarray, common: np.ndarray) -> Sequence[np.datetime64]:
    """Return the common days at whose close changes are first seen."""
    rows = np.searchsorted(common, changes)
    return list(common[np.unique(rows[rows < len(common)])])


def _row(holding: FlatHolding) -> dict[str, Any]:
    return {
        "symbol": holding.symbol,
        "net_weight": holding.net_weight,
        "contributors": [one._asdict() for one in holding.contributors],
    }


def read_holdings(rows: Iterable[dict[str, Any]]) -> list[FlatHolding]:
    """Read holdings back from rows of the table."""
    return [
        FlatHolding(
            row["symbol"],
            row["net_weight"],
            tuple(Contributor(**one) for one in row["contributors"]),
        )
        for row in rows
    ]
