"""Contracts of a stage, declared where the stage is."""

from __future__ import annotations

from functools import wraps
from inspect import signature
from typing import TYPE_CHECKING, Any

from quant_core.compute import unit_runs
from quant_core.contracts._hold import require
from quant_core.contracts._levels import level_of
from quant_core.errors import ContractError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["validate_io"]


def validate_io[**P, R](
    inputs: Mapping[str, str] | None = None, output: str | Mapping[str, str] | None = None
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Hold what a stage takes and returns to the tier-1 contracts of their levels.

    Inside a unit of work nothing is validated: its inputs were, before the units were made, and a
    cell costs less than a look at its matrix.

    Parameters
    ----------
    inputs : mapping of str to str, optional
        Level of each parameter that is held, by its name. An argument that is None is left out.
    output : str or mapping of str to str, optional
        Level of the result, or of its entries (a mapping) or attributes by name.

    Raises
    ------
    ContractError
        When the stage is defined: a level that does not exist, a parameter that the stage does
        not have. When it is called: what breaks a contract, with stage, column, row and value.

    Examples
    --------
    >>> @validate_io(inputs={"matrix": "returns"}, output="weights")
    ... def stage(matrix):
    ...     return some_weights(matrix)
    """
    held = dict(inputs or {})
    results = {"": output} if isinstance(output, str) else dict(output or {})
    for level in (*held.values(), *results.values()):
        level_of(level)

    def decorate(stage: Callable[P, R]) -> Callable[P, R]:
        takes = signature(stage)
        name = getattr(stage, "__name__", type(stage).__name__)
        missing = sorted(set(held) - set(takes.parameters))
        if missing:
            raise ContractError(
                f"validate_io: {name} has no parameter {missing[0]!r}; it takes "
                f"{', '.join(takes.parameters)}"
            )

        @wraps(stage)
        def validated(*args: P.args, **kwargs: P.kwargs) -> R:
            if unit_runs():
                return stage(*args, **kwargs)
            given = takes.bind(*args, **kwargs).arguments
            for parameter, level in held.items():
                if given.get(parameter) is not None:
                    require(level, given[parameter], what=f"{name}, {parameter}")
            found = stage(*args, **kwargs)
            for entry, level in results.items():
                what = f"{name}, result {entry}".rstrip()
                require(level, _entry(found, entry, what), what=what)
            return found

        return validated

    return decorate


def _entry(found: Any, entry: str, what: str) -> Any:
    if not entry:
        return found
    try:
        return found[entry] if isinstance(found, dict) else getattr(found, entry)
    except (KeyError, AttributeError) as error:
        raise ContractError(
            f"{what}: expected such an entry, found {type(found).__name__}"
        ) from error
