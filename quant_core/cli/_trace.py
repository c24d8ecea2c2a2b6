"""Walking from a signal back to what it was made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.tree import Tree

from quant_core.cli._console import print_json, results
from quant_core.errors import ConfigError
from quant_core.lineage import find_signal, trace
from quant_core.live import open_strategies

if TYPE_CHECKING:
    from pathlib import Path

    from quant_core.lineage import Link
    from quant_core.live import StrategyRow

__all__ = ["trace_signal"]

_SIGNALS = ("signals.parquet", "live/signals.parquet")


def trace_signal(
    signal_id: str,
    *,
    out: Path | None,
    signals: Path | None,
    strategies: str | None,
    ledger: Path | None,
    as_json: bool,
) -> bool:
    """Print the chain of a signal and return whether every link of it is sound.

    Parameters
    ----------
    signal_id : str
        The signal.
    out : pathlib.Path or None
        Folder of a run, which has all that is not named by itself.
    signals, strategies, ledger
        Where they are, in place of the folder's.
    as_json : bool
        Whether to print JSON.

    Raises
    ------
    ConfigError
        If it is nowhere said where the signals or the strategies are.
    """
    file = signals or _required(_first(out, *_SIGNALS), "--signals")
    source = strategies or str(_required(_first(out, "strategies.yaml"), "--strategies"))
    signal = find_signal(signal_id, file)
    rows = _rows(source, signal["strategy"])
    walk = trace(signal, rows=rows, ledger=ledger or _first(out, "audit.jsonl"))
    if as_json:
        print_json({"sound": _sound(walk), "links": [link.to_dict() for link in walk]})
    else:
        _show(walk)
    return _sound(walk)


def _first(out: Path | None, *names: str) -> Path | None:
    found = (out / name for name in names) if out is not None else ()
    return next((path for path in found if path.is_file()), None)


def _required(path: Path | None, option: str) -> Path:
    if path is None:
        raise ConfigError(f"{option}: expected it, or --out with the folder of a run that has it")
    return path


def _rows(source: str, strategy: str) -> list[StrategyRow]:
    """Return the rows of a store, and those that the strategy had before where it keeps them."""
    store = open_strategies(source)
    history: Any = getattr(store, "history", None)
    before = [version.row for version in reversed(history(strategy))] if history else []
    return [*store.rows(), *before]


def _sound(walk: tuple[Link, ...]) -> bool:
    return all(link.sound for link in walk)


def _show(walk: tuple[Link, ...]) -> None:
    console = results()
    tree = here = Tree(f"[bold]{escape(str(walk[0].facts['signal_id']))}[/bold]")
    for link in walk:
        here = here.add(f"[bold]{link.name}[/bold]{'' if link.sound else '  [red]broken[/red]'}")
        for name, value in link.facts.items():
            if value is not None and name != "signal_id":
                here.add(f"{name}  {escape(str(value))}")
        for problem in link.problems:
            here.add(f"[red]{escape(problem)}[/red]")
    console.print(tree, soft_wrap=True)
    console.print("every link is sound" if _sound(walk) else "the chain is broken")
