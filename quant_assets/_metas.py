"""The meta-portfolios: their files, and what they read of the sleeves in the lakehouse."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from quant_assets._sleeves import sleeves
from quant_core.context import current_settings
from quant_core.errors import ConfigError, MissingPartitionError
from quant_core.meta import Book, books_of, load_metas, navs_of, nested, sleeves_of
from quant_core.tournament import CUBE_NAMES

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import numpy as np

    from quant_assets._resources import LakehouseRoot
    from quant_assets._sleeves import Sleeve
    from quant_core.meta import Cell, MetaConfig

__all__ = ["LakehouseSleeve", "metas", "metas_of_sleeves", "results_of", "stored_weights"]

_PACKAGED = Path(__file__).with_name("sleeves")
_BOOK = ["window", *CUBE_NAMES, "key", "atom", "symbol", "net_weight", "status"]


def metas() -> dict[str, MetaConfig]:
    """Return the meta-portfolios of the folder ``meta`` among the sleeves' files, by name.

    Raises
    ------
    ConfigError
        If a file is wrong, one has the name of a sleeve, or a member is neither a sleeve nor a
        meta-portfolio.
    """
    folder = Path(current_settings().sleeves or _PACKAGED) / "meta"
    found, known = load_metas(folder), sleeves()
    for name in found:
        if name in known:
            raise ConfigError(f"{folder}: meta-portfolio {name!r} has the name of a sleeve")
        unknown = [sleeve for sleeve in sleeves_of(name, found) if sleeve not in known]
        if unknown:
            raise ConfigError(
                f"{folder}: meta-portfolio {name!r}: no sleeve {unknown[0]!r}; known: "
                f"{', '.join(known)}"
            )
    return found


def metas_of_sleeves() -> dict[str, set[str]]:
    """Return the meta-portfolios that hold each sleeve, at any depth."""
    found, own = metas(), dict[str, set[str]]()
    for name in found:
        for sleeve in sleeves_of(name, found):
            own.setdefault(sleeve, set()).add(name)
    return own


def results_of(name: str, lakehouse: LakehouseRoot) -> dict[str, LakehouseSleeve]:
    """Return the results of every sleeve below a meta-portfolio, by name."""
    found, known = metas(), sleeves()
    return {one: LakehouseSleeve.of(known[one], lakehouse) for one in sleeves_of(name, found)}


def stored_weights(name: str, lakehouse: LakehouseRoot) -> dict[str, pa.Table | None]:
    """Return the stored weights of a meta-portfolio and of those inside it."""
    store = lakehouse.store("meta_weights")
    return {one: store.read(one) for one in nested(name, metas())}


@dataclass(frozen=True, slots=True)
class LakehouseSleeve:
    """The results of a sleeve in the lakehouse.

    Parameters
    ----------
    sleeve : Sleeve
        The sleeve.
    lakehouse : LakehouseRoot
        Where its results are.
    trials : int
        Configurations ever tried, by its leaderboard.
    version : str
        Digest of its leaderboard.
    """

    sleeve: Sleeve
    lakehouse: LakehouseRoot = field(repr=False)
    trials: int
    version: str

    @classmethod
    def of(cls, sleeve: Sleeve, lakehouse: LakehouseRoot) -> LakehouseSleeve:
        """Find the results of a sleeve.

        Raises
        ------
        MissingPartitionError
            If it has no leaderboard.
        """
        store = lakehouse.store("leaderboard")
        board, receipt = store.read(sleeve.name, ["trials"]), store.receipt(sleeve.name)
        if board is None or receipt is None:
            raise MissingPartitionError(
                f"leaderboard of sleeve {sleeve.name} has never been materialized; materialize it "
                "first"
            )
        return cls(sleeve, lakehouse, int(pc.max(board["trials"]).as_py()), receipt.digest)

    @property
    def name(self) -> str:
        """Name of the sleeve."""
        return self.sleeve.name

    @property
    def config(self) -> Mapping[str, Any]:
        """Its configuration as plain values."""
        return self.sleeve.config.resolved()

    def navs(self, cells: Collection[Cell]) -> tuple[np.ndarray, dict[Cell, np.ndarray]]:
        """Return days and NAV paths; see `quant_core.meta.SleeveResults`."""
        store = self.lakehouse.store("simulation_results", self.name)
        tables = []
        for simulator in sorted({cell[-1] for cell in cells}):
            table = store.read(simulator)
            if table is None:
                raise MissingPartitionError(
                    f"simulation_results: {simulator} of sleeve {self.name} has never been "
                    "materialized; materialize it first"
                )
            tables.append(table.replace_schema_metadata(None))

        def read(where: pc.Expression) -> pa.Table:
            return pa.concat_tables(tables).unify_dictionaries().filter(where).combine_chunks()

        return navs_of(read, cells)

    def books(self, line: tuple[str, ...], days: np.ndarray) -> list[Book]:
        """Return what a line means to hold; see `quant_core.meta.SleeveResults`."""
        store = self.lakehouse.store("weights_cube", self.name)
        months = [month for month in store.partitions() if self.sleeve.holds(month)]
        tables = [store.read(month, _BOOK) for month in months]
        found: list[Book] = []
        for table in tables:
            if table is not None and table.num_rows:
                for axis, name in zip(CUBE_NAMES, line, strict=True):
                    table = table.filter(pc.field(axis) == name)  # noqa: PLW2901 - narrowed
                found += books_of(table, line, days) if table.num_rows else []
        return found
