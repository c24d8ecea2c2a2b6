"""The settings in force, one set for each context of execution."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from quant_core.context._resolve import of_environment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quant_core.context._settings import Settings

__all__ = ["current_settings", "use_settings"]

_CURRENT: ContextVar[Settings | None] = ContextVar("quant_settings", default=None)


def current_settings() -> Settings:
    """Return the settings in force: those of `use_settings`, else those of the environment now.

    Raises
    ------
    ConfigError
        If the environment or the settings file is wrong.
    """
    return _CURRENT.get() or of_environment()


@contextmanager
def use_settings(settings: Settings) -> Iterator[Settings]:
    """Put settings in force inside a ``with`` block, for this thread or task alone.

    A thread that is started inside begins with those of the environment, unless it runs in a copy
    of the context (`contextvars.copy_context`); workers of a compute backend are given them.

    Parameters
    ----------
    settings : Settings
        What `current_settings` returns inside.

    Examples
    --------
    >>> from quant_core.context import Settings, current_settings, use_settings
    >>> with use_settings(Settings(workers=3)):
    ...     current_settings().workers
    3
    """
    token = _CURRENT.set(settings)
    try:
        yield settings
    finally:
        _CURRENT.reset(token)
