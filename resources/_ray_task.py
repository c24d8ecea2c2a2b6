"""What runs inside a Ray worker: one batch of units."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from threadpoolctl import threadpool_limits

from quant_core.compute import running_unit
from quant_core.context import PREFIX, use_settings
from quant_core.errors import QuantError
from resources._ray_environment import replaced_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np

__all__ = ["Batch", "Outcome", "run_batch"]

_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Batch:
    """Units that run one after the other in one task.

    The references stand inside containers: Ray would dereference and copy them at top level.
    """

    function: Callable[[Any, Mapping[str, np.ndarray]], Any]
    units: tuple[tuple[int, Any], ...]
    shared: Mapping[str, Any]
    settings: tuple[Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one unit, or the error that it raised."""

    number: int
    value: Any
    error: Exception | None = None


def run_batch(batch: Batch) -> list[Outcome]:
    """Run the units of a batch in order, up to the first error.

    Parameters
    ----------
    batch : Batch
        The units, and references to the shared arrays, and to the settings and the ``TV_*``
        variables of the thread that maps.
    """
    import ray

    arrays = dict(zip(batch.shared, ray.get(list(batch.shared.values())), strict=True))
    for array in arrays.values():
        array.flags.writeable = False
    settings, variables = ray.get(batch.settings[0])
    outcomes: list[Outcome] = []
    with replaced_environment(variables, prefix=PREFIX), use_settings(settings):
        for number, unit in batch.units:
            outcomes.append(_run(batch.function, number, unit, arrays))
            if outcomes[-1].error is not None:
                break
    return outcomes


def _run(
    function: Callable[[Any, Mapping[str, np.ndarray]], Any],
    number: int,
    unit: Any,
    arrays: Mapping[str, np.ndarray],
) -> Outcome:
    try:
        with threadpool_limits(1), running_unit():
            return Outcome(number, function(unit, arrays))
    except Exception as error:  # noqa: BLE001 - it is raised again in the driver
        return Outcome(number, None, _named(error, number, unit))


def _named(error: Exception, number: int, unit: Any) -> Exception:
    shown = repr(unit)
    shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."
    error.add_note(f"raised in a Ray worker:\n{traceback.format_exc()}")
    if isinstance(error, QuantError) and len(error.args) == 1:
        error.args = (f"{error.args[0]} (unit {number}: {shown})",)
    else:
        error.add_note(f"while computing unit {number}: {shown}")
    return error
