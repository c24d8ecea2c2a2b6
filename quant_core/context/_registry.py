"""Stages by name: what each needs and provides, in which order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from quant_core.errors import StageError

__all__ = ["Stage", "StageRegistry"]

type Work[R] = Callable[[R, Mapping[str, Any]], Mapping[str, Any] | None]


def _always(_run: object) -> bool:
    return True


def _nothing(_run: object) -> Mapping[str, Any]:
    return {}


@dataclass(frozen=True, slots=True)
class Stage[R]:
    """A named step of a run.

    Parameters
    ----------
    name : str
        Its name; the ledger's actions carry it.
    work : callable
        ``work(run, given)``: takes the run and what it needs by name, and returns what it
        provides by name. It may not read what it does not declare.
    needs, provides : tuple of str
        Names of values.
    reads, writes : tuple of str
        Files of the run's folder; their digests go to the ledger.
    about : callable, optional
        ``about(run)`` returns what else the ledger's records of the stage say.
    applies : callable, optional
        ``applies(run)`` returns whether the run has this stage at all; by default it does.
    after : callable, optional
        ``after(run, values)`` is called when the stage is recorded, for records of its own.
    """

    name: str
    work: Work[R] = field(repr=False)
    needs: tuple[str, ...] = ()
    provides: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    about: Callable[[R], Mapping[str, Any]] = field(default=_nothing, repr=False)
    applies: Callable[[R], bool] = field(default=_always, repr=False)
    after: Callable[[R, Mapping[str, Any]], None] | None = field(default=None, repr=False)

    def given(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the stage needs of the values so far.

        Raises
        ------
        StageError
            If something is missing.
        """
        missing = [name for name in self.needs if name not in values]
        if missing:
            raise StageError(
                f"stage {self.name!r}: needs {', '.join(missing)}, found "
                f"{', '.join(sorted(values)) or 'nothing'}; run a stage that provides it first"
            )
        return {name: values[name] for name in self.needs}

    def provided(self, made: Mapping[str, Any] | None) -> dict[str, Any]:
        """Return what the stage has made, if it is what it declares.

        Raises
        ------
        StageError
            If something is missing, or more than declared.
        """
        found = dict(made or {})
        missing = [name for name in self.provides if name not in found]
        beyond = [name for name in found if name not in self.provides]
        if missing or beyond:
            wrong = [f"did not return {name}" for name in missing]
            wrong += [f"returned {name}, which it does not declare" for name in beyond]
            raise StageError(f"stage {self.name!r}: {'; '.join(wrong)}; correct its provides")
        return found


class StageRegistry[R]:
    """Stages in their order; changing one returns another registry.

    Parameters
    ----------
    stages : iterable of Stage
        The stages, in order.

    Raises
    ------
    StageError
        If two have the same name.

    Examples
    --------
    >>> from quant_core.context import Stage, StageRegistry
    >>> stages = StageRegistry([Stage("ingest", lambda run, given: {"x": 1}, provides=("x",))])
    >>> shout = Stage("shout", lambda run, given: print(given["x"]), needs=("x",))
    >>> stages.insert(shout, after="ingest").names
    ('ingest', 'shout')
    """

    def __init__(self, stages: Iterable[Stage[R]]) -> None:
        self._stages = tuple(stages)
        names = [stage.name for stage in self._stages]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise StageError(f"stage {twice[0]!r}: the name is taken; replace it, or rename one")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the stages, in order."""
        return tuple(stage.name for stage in self._stages)

    def __iter__(self) -> Iterator[Stage[R]]:
        return iter(self._stages)

    def __len__(self) -> int:
        return len(self._stages)

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __getitem__(self, name: str) -> Stage[R]:
        return self._stages[self._place(name)]

    def insert(
        self, stage: Stage[R], *, before: str | None = None, after: str | None = None
    ) -> StageRegistry[R]:
        """Return a registry with one more stage, at the end unless a neighbour is named."""
        if before is not None and after is not None:
            raise StageError(f"stage {stage.name!r}: expected before or after, found both")
        place = len(self)
        if before is not None:
            place = self._place(before)
        elif after is not None:
            place = self._place(after) + 1
        return StageRegistry([*self._stages[:place], stage, *self._stages[place:]])

    def replace(self, stage: Stage[R]) -> StageRegistry[R]:
        """Return a registry with another stage of the same name in its place."""
        place = self._place(stage.name)
        return StageRegistry([*self._stages[:place], stage, *self._stages[place + 1 :]])

    def remove(self, name: str) -> StageRegistry[R]:
        """Return a registry without a stage."""
        place = self._place(name)
        return StageRegistry([*self._stages[:place], *self._stages[place + 1 :]])

    def of(self, run: R, *, given: Iterable[str] = ()) -> StageRegistry[R]:
        """Return the stages that a run has, checked that each finds what it needs.

        Parameters
        ----------
        run : R
            The run.
        given : iterable of str
            Names of the values that are there before the first stage.

        Raises
        ------
        StageError
            If a stage needs what no earlier one provides.
        """
        own = StageRegistry(stage for stage in self._stages if stage.applies(run))
        known = set(given)
        for stage in own:
            missing = [name for name in stage.needs if name not in known]
            if missing:
                raise StageError(
                    f"stage {stage.name!r}: needs {', '.join(missing)}, which no stage before it "
                    f"provides ({self._provider(missing[0])})"
                )
            known.update(stage.provides)
        return own

    def _provider(self, name: str) -> str:
        found = [stage.name for stage in self._stages if name in stage.provides]
        return f"stage {found[0]!r} does, but comes later" if found else "none does"

    def _place(self, name: str) -> int:
        if name in self.names:
            return self.names.index(name)
        near = get_close_matches(name, self.names, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(self.names)}"
        raise StageError(f"stage {name!r}: unknown; {hint}")
