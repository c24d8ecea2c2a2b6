"""Progress bars of a run: stage, count, rate and hits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
)

from quant_core.clock import clock

if TYPE_CHECKING:
    from types import TracebackType

    from rich.console import Console
    from rich.progress import TaskID

__all__ = ["Bars"]

_TITLES = {
    "model": "training",
    "selection": "selecting",
    "solve": "solving",
    "simulation": "simulating",
    "finalists": "finalists",
}


class _RateColumn(TextColumn):
    """Cells a second, those that were found included."""

    def __init__(self) -> None:
        super().__init__("")

    def render(self, task: Task) -> str:  # type: ignore[override]  # a plain string is renderable
        # rich's own speed looks at the last samples only, and leaps when a batch arrives.
        return _rate(int(task.completed), task.elapsed or 0.0) if task.completed else ""


class Bars:
    """Progress on a console: live bars on a terminal, one line a stage elsewhere.

    Parameters
    ----------
    console : rich.console.Console
        Where to draw; nothing is drawn when it is quiet.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars = Progress(
            SpinnerColumn(finished_text=" "),
            TextColumn("{task.description:<11}"),
            BarColumn(bar_width=32),
            MofNCompleteColumn(),
            _RateColumn(),
            TextColumn("{task.fields[hits]} hits", style="dim"),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self._stages: dict[str, _Stage] = {}

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bars.stop()

    def start(self, stage: str, total: int) -> None:
        """Begin a stage of ``total`` cells."""
        title = _TITLES.get(stage, stage)
        task = self._bars.add_task(title, total=total, hits=0)
        self._stages[stage] = _Stage(title, task, clock().seconds())

    def advance(self, stage: str, *, hits: int = 0, computed: int = 0) -> None:
        """Count cells of a stage that were found or computed."""
        found = self._stages[stage]
        found.hits += hits
        found.computed += computed
        self._bars.update(found.task, advance=hits + computed, hits=found.hits)

    def finish(self, stage: str) -> None:
        """End a stage and say what it did."""
        found = self._stages[stage]
        spent = clock().seconds() - found.started
        self._bars.remove_task(found.task)
        total = found.hits + found.computed
        self._console.print(
            f"{found.title:<11} {total:>8,} cells  {found.hits:>8,} hits  "
            f"{found.computed:>8,} computed  {spent:>7.1f} s  {_rate(total, spent):>8}"
        )


class _Stage:
    """What is known of a stage while it runs."""

    def __init__(self, title: str, task: TaskID, started: float) -> None:
        self.title, self.task, self.started = title, task, started
        self.hits = self.computed = 0


def _rate(cells: int, seconds: float) -> str:
    return f"{cells / seconds:,.0f}/s" if seconds > 0 else ""
