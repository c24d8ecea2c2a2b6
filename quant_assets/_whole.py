"""A sleeve as a whole: every month that has been solved, for the stages after the cube."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from quant_assets._windows import inputs_of
from quant_assets.partitions import partition_key
from quant_core.canonical import digest_json
from quant_core.errors import DataError, MissingPartitionError
from quant_core.frames import digest_frame
from quant_core.tournament import CubeIndex, SimulationStage, by_month, collect_atoms

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from quant_assets._resources import LakehouseRoot
    from quant_assets._sleeves import Sleeve
    from quant_core.cells import FolderStore
    from quant_core.config import TournamentConfig
    from quant_core.tournament import AtomsRecord, Inputs
    from quant_core.windows import Window

__all__ = ["WholeSleeve"]


@dataclass(frozen=True, slots=True)
class WholeSleeve:
    """What simulating and ranking read.

    Parameters
    ----------
    sleeve : Sleeve
        The sleeve.
    inputs : Inputs
        Returns of every stored month.
    windows : tuple of Window
        Windows with test rows, in time order.
    atoms : mapping of (window, selection) to AtomsRecord
        What was selected.
    index : CubeIndex
        What was solved.
    cube : FolderStore
        Where the weights are.
    """

    sleeve: Sleeve
    inputs: Inputs = field(repr=False)
    windows: tuple[Window, ...] = field(repr=False)
    atoms: Mapping[tuple[str, str], AtomsRecord] = field(repr=False)
    index: CubeIndex = field(repr=False)
    cube: FolderStore = field(repr=False)

    @classmethod
    def read(cls, sleeve: Sleeve, lakehouse: LakehouseRoot) -> WholeSleeve:
        """Read a sleeve from its first month to the last one that has been solved.

        Raises
        ------
        MissingPartitionError
            If a month in between was never materialized.
        DataError
            If no window has a full train period, or the cube lacks one.
        """
        returns, atoms, cube = (
            lakehouse.store(asset, sleeve.name)
            for asset in ("atom_returns", "selected_atoms", "weights_cube")
        )
        months = _months(sleeve, cube)
        tables = {str(partition_key(sleeve.name, m)): _required(returns, m) for m in months}
        inputs = inputs_of(sleeve, tables)
        windows = inputs.windows()
        solved = by_month(windows)
        index = CubeIndex.read(cube, solved)
        _check_windows(sleeve, windows, index)
        selected = collect_atoms(atoms, solved, inputs.matrix.symbols)
        return cls(sleeve, inputs, tuple(windows), selected, index, cube)

    @property
    def digests(self) -> dict[str, str]:
        """Digests of what is read: the returns, and what the keys of the solves stand for."""
        lines = {"/".join(names): self.index.keys(names) for names in self.index.solves}
        solves = digest_json([list(self.index.windows), lines])
        return {"atom_returns": digest_frame(self.inputs.matrix), "weights_cube": solves}

    def stage(self, config: TournamentConfig) -> SimulationStage:
        """Return stage two of a configuration."""
        return SimulationStage(self.inputs, config, self.windows, self.atoms, self.index)


def _months(sleeve: Sleeve, cube: FolderStore) -> list[str]:
    months = [month for month in cube.partitions() if sleeve.holds(month)]
    if not months:
        raise MissingPartitionError(
            f"weights_cube: no month of sleeve {sleeve.name} has been materialized; "
            "materialize the job 'research' first"
        )
    wanted = _between(sleeve.first, months[-1])
    missing = sorted(set(wanted) - set(months))
    if missing:
        raise MissingPartitionError(
            f"weights_cube: {len(missing)} months of sleeve {sleeve.name} before {months[-1]} have "
            f"never been materialized, the first is {missing[0]}; a path cannot skip them"
        )
    return wanted


def _between(first: str, last: str) -> list[str]:
    stop = np.datetime64(last, "M") + np.timedelta64(1, "M")
    return [str(month) for month in np.arange(np.datetime64(first, "M"), stop)]


def _required(store: FolderStore, month: str) -> pa.Table:
    table = store.read(month)
    if table is None:
        raise MissingPartitionError(
            f"{store.path(month)}: atom_returns of {month} has never been materialized"
        )
    return table


def _check_windows(sleeve: Sleeve, windows: Sequence[Window], index: CubeIndex) -> None:
    wanted = tuple(window.key for window in windows)
    if index.windows != wanted:
        differ = sorted(set(wanted) ^ set(index.windows))
        raise DataError(
            f"weights_cube of {sleeve.name}: its windows are not those of the data, the first "
            f"that differs is {differ[0]}; materialize weights_cube again"
        )
