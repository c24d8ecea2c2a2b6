"""From rows of the strategy database to what is served: models loaded before anything changes."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from quant_core.clock import clock
from quant_core.errors import ConfigError, QuantError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from quant_core.inference import Predictor
    from quant_core.live._strategy import StrategyRow
    from quant_core.models import ModelSpec

__all__ = ["Changes", "Prepared", "Serves", "prepare"]


@dataclass(frozen=True, slots=True)
class Serves:
    """One strategy as it is served.

    Parameters
    ----------
    row : StrategyRow
        The row in force.
    model : Predictor or None
        Its model; None for a strategy in Python.
    """

    row: StrategyRow
    model: Predictor | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Prepared:
    """What rows ask for, ready to be served.

    Parameters
    ----------
    rows : tuple of StrategyRow
        All rows, by name.
    serves : dict of str to Serves
        What will be served, by name.
    refused : dict of str to str
        Why the new version of a strategy is not served; the one before goes on if there is one.
    seconds : dict of str to float
        Time that each model took to load.
    """

    rows: tuple[StrategyRow, ...]
    serves: dict[str, Serves]
    refused: dict[str, str]
    seconds: dict[str, float]


@dataclass(frozen=True, slots=True)
class Changes:
    """What `Engine.apply` changed, each as sorted names of strategies.

    Parameters
    ----------
    added, changed, removed, refused, unchanged : tuple of str
        Served for the first time, served by another row than before, served no longer, not served
        as the row says, served as before.
    """

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)


def prepare(
    rows: Sequence[StrategyRow],
    now: Mapping[str, Serves],
    open_model: Callable[[ModelSpec], Predictor],
    *,
    lane: bool,
) -> Prepared:
    """Load what rows ask for and is not there, without changing anything.

    Parameters
    ----------
    rows : sequence of StrategyRow
        Every row.
    now : mapping of str to Serves
        What is served.
    open_model : callable
        Verifies and loads a model.
    lane : bool
        Whether strategies in Python can be served.

    Raises
    ------
    ConfigError
        If a name stands twice.
    """
    ordered = tuple(sorted(rows, key=lambda row: row.name))
    for before, after in pairwise(ordered):
        if before.name == after.name:
            raise ConfigError(f"strategies: expected each name once, found {after.name} twice")
    prepared = Prepared(ordered, {}, {}, {})
    for row in ordered:
        if row.enabled:
            _prepare_one(row, now.get(row.name), open_model, prepared, lane=lane)
    return prepared


def _prepare_one(
    row: StrategyRow,
    before: Serves | None,
    open_model: Callable[[ModelSpec], Predictor],
    prepared: Prepared,
    *,
    lane: bool,
) -> None:
    started = clock().seconds()
    try:
        prepared.serves[row.name] = Serves(row, _model(row, before, open_model, lane=lane))
    except (QuantError, OSError) as error:
        prepared.refused[row.name] = str(error)
        if before is not None:
            prepared.serves[row.name] = before
        return
    if not row.python and (before is None or before.row.model != row.model):
        prepared.seconds[row.name] = clock().seconds() - started


def _model(
    row: StrategyRow,
    before: Serves | None,
    open_model: Callable[[ModelSpec], Predictor],
    *,
    lane: bool,
) -> Predictor | None:
    if row.python:
        if not lane:
            raise ConfigError(
                f"{row.name}: expected a strategy without Python, found {row.python}; this runner "
                "was made without a lane for them"
            )
        return None
    if before is not None and before.model is not None and before.row.model == row.model:
        return before.model
    if row.model is None:
        raise ConfigError(f"{row.name}: expected a model, found none")
    return open_model(row.model)
