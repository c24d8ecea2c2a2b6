"""The selection stage: which atoms each window may hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from quant_core.canonical import digest_json, digest_parts
from quant_core.cells import CellIdentity, code_version
from quant_core.covariance import CODE_MODULES, CovarianceSpec
from quant_core.selection import Selected, TrainView
from quant_core.tournament._atoms import ATOMS_SCHEMA, AtomsRecord, atoms_table, read_atoms
from quant_core.tournament._staleness import Slot, StagePlan, plan_partition
from quant_core.tournament._universe import members, observed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pyarrow as pa

    from quant_core.atoms import Atom
    from quant_core.cells import Kind, PartitionStore
    from quant_core.config import TournamentConfig
    from quant_core.selection import Selection
    from quant_core.tournament._inputs import Inputs
    from quant_core.tournament._staleness import WindowPlan
    from quant_core.tournament._universe import Members
    from quant_core.windows import Window

__all__ = ["SELECTION_NAMES", "SelectionStage", "plan_selections"]

SELECTION_NAMES = ("selection",)
_RULES = "quant_core.tournament._discovery"
_OWN_CODE = ("quant_core.tournament._universe", *CODE_MODULES)


def plan_selections(
    inputs: Inputs,
    config: TournamentConfig,
    partitions: Mapping[str, Sequence[Window]],
    store: PartitionStore,
    universe: Mapping[str, Members] | None = None,
) -> StagePlan:
    """Say which selections of which windows have to be computed.

    Parameters
    ----------
    inputs : Inputs
        The returns matrix seen through the configuration.
    config : TournamentConfig
        The configuration.
    partitions : mapping of str to sequence of Window
        The windows of each partition, in time order.
    store : PartitionStore
        Where selected atoms are kept.
    universe : mapping of str to Members, optional
        Who may be chosen in each window, where there are rules beside a complete train period.
    """
    own = (*_OWN_CODE, *(() if universe is None else (_RULES,)))
    identities = [
        (
            choice.label,
            code_version(choice.spec.code_module, *own, alone=(__name__,)),
            digest_json(choice.spec.model_dump(mode="json")),
        )
        for choice in config.selections
    ]

    def wanted(windows: Iterable[Window]) -> Iterable[tuple[Window, list[Slot]]]:
        for window in windows:
            columns = observed(inputs.matrix.values, inputs.investable, window)
            digests = inputs.column_digests(window.train, columns)
            judged = [] if universe is None else [digest_parts(universe[window.key].reason)]
            reads = digest_parts([inputs.block_digest(window.train), *digests, *judged])
            yield (
                window,
                [
                    Slot((label,), CellIdentity("selection", code, parameters, 0, reads))
                    for label, code, parameters in identities
                ],
            )

    return StagePlan(
        tuple(
            plan_partition(store, partition, wanted(windows), SELECTION_NAMES, sleeve=config.sleeve)
            for partition, windows in partitions.items()
        )
    )


@dataclass(frozen=True, slots=True)
class SelectionStage:
    """The selection stage without its arrays.

    Parameters
    ----------
    sleeve : str
        The sleeve.
    atoms : tuple of Atom
        What the columns of the matrix are.
    investable : numpy.ndarray of int64
        Columns that are not the benchmark.
    rules : tuple of Selection
        The selections, in the order of the slots.
    universe : mapping of str to Members, or None
        As in `plan_selections`.
    """

    sleeve: str
    atoms: tuple[Atom, ...] = field(repr=False)
    investable: np.ndarray = field(repr=False)
    rules: tuple[Selection, ...]
    universe: Mapping[str, Members] | None = field(repr=False, default=None)

    name: ClassVar[Kind] = "selection"
    schema: ClassVar[pa.Schema] = ATOMS_SCHEMA

    @classmethod
    def of(
        cls,
        inputs: Inputs,
        config: TournamentConfig,
        universe: Mapping[str, Members] | None = None,
    ) -> SelectionStage:
        """Return the stage of a configuration."""
        rules = tuple(choice.spec for choice in config.selections)
        return cls(config.sleeve, inputs.atoms, inputs.investable, rules, universe)

    def members(self, values: np.ndarray, window: Window) -> Members:
        """Return who may be chosen in a window."""
        if self.universe is not None:
            return self.universe[window.key]
        return members(values, self.investable, window)

    def bind(self, shared: Mapping[str, np.ndarray]) -> _Selector:
        """Return the stage bound to ``values`` and ``blocks``."""
        return _Selector(self, shared["values"], shared["blocks"])


class _Selector:
    def __init__(self, stage: SelectionStage, values: np.ndarray, blocks: np.ndarray) -> None:
        self._stage = stage
        self._values = values
        from quant_core.covariance import RollingCovariance  # noqa: PLC0415 - brings the compiler

        self._rolling = RollingCovariance(values, blocks)
        self._latest: tuple[slice, np.ndarray] | None = None

    def compute(self, plan: WindowPlan, number: int) -> AtomsRecord:
        slot, train = plan.slots[number], plan.window.train
        universe = self._stage.members(self._values, plan.window)
        columns = universe.eligible
        outcome = self._outcome(number, train, columns)
        place = np.searchsorted(universe.columns, columns)
        reason = np.array(universe.reason, dtype=object)
        vetoes = np.full(len(reason), "", dtype=object)
        reason[place], vetoes[place] = outcome.reason, outcome.vetoes
        return AtomsRecord(
            key=slot.identity.key,
            inputs_hash=slot.identity.inputs_hash,
            code_version=slot.identity.code_version,
            columns=universe.columns,
            chosen=_spread(outcome.chosen, place, len(reason), fill=False),
            score=_spread(outcome.score, place, len(reason), fill=np.nan),
            cluster=_spread(outcome.cluster, place, len(reason), fill=-1),
            reason=tuple(reason.tolist()),
            stage=_spread(outcome.stage, place, len(reason), fill=0),
            vetoes=tuple(vetoes.tolist()),
        )

    def _outcome(self, number: int, train: slice, columns: np.ndarray) -> Selected:
        if not len(columns):
            return Selected.ranked(np.zeros(0, bool), np.zeros(0), "")
        symbols = tuple(self._stage.atoms[column].column for column in columns)
        returns = np.ascontiguousarray(self._values[train][:, columns])
        correlation = partial(self._correlation, train, columns)
        return self._stage.rules[number].select(TrainView(symbols, returns, correlation))

    def _correlation(self, train: slice, columns: np.ndarray) -> np.ndarray:
        # Every rule of a window asks for the same one.
        if self._latest is None or self._latest[0] != train:
            estimate = self._rolling.estimate(CovarianceSpec(name="sample"), train, columns)
            deviation = np.sqrt(np.diag(estimate.covariance))
            found = np.asarray(estimate.covariance / np.outer(deviation, deviation))
            self._latest = train, found
        return self._latest[1]

    def read(self, table: pa.Table) -> Mapping[tuple[str, tuple[str, ...]], AtomsRecord]:
        return read_atoms(table, [atom.column for atom in self._stage.atoms])

    def table(self, plan: WindowPlan, records: Sequence[AtomsRecord]) -> pa.Table:
        labels = [slot.names[0] for slot in plan.slots]
        return atoms_table(self._stage.sleeve, plan.window.key, labels, records, self._stage.atoms)


def _spread(values: np.ndarray, place: np.ndarray, length: int, *, fill: float) -> np.ndarray:
    whole = np.full(length, fill, dtype=values.dtype)
    whole[place] = values
    return whole
