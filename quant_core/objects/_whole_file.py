"""Local files that are whole or not there."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["UNFINISHED", "whole_file"]

UNFINISHED = ".unfinished"
"""How the name of a file ends that is not whole yet."""


@contextmanager
def whole_file(path: Path, *, durable: bool = True) -> Iterator[Path]:
    """Write a local file under another name, and give it its own only when it is complete.

    Parameters
    ----------
    path : pathlib.Path
        The name the file gets at the end of the block; its folder is created.
    durable : bool
        Whether the file must survive a power cut from the end of the block on. A killed process
        loses nothing either way.

    Yields
    ------
    pathlib.Path
        The name to write to. It is removed when the block raises.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}{UNFINISHED}")
    try:
        yield unfinished
        if durable:
            _sync(unfinished)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    if durable:
        _sync(path.parent)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
