"""The log of a runner: one JSON object a line."""

from __future__ import annotations

import json
import logging
import math
import re
from contextlib import contextmanager
from logging.handlers import WatchedFileHandler
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quant_core.clock import clock
from quant_core.errors import ConfigError
from quant_core.live._protocols import Unlogged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quant_core.live._protocols import Log
    from quant_core.live._settings import Settings

__all__ = ["JsonLog", "opened_log"]

_LONGEST = 2000
_ACCESS = re.compile(r"://[^/@\s]*@")


class JsonLog:
    """Writes each line as a JSON object: ``at``, ``runner``, ``event``, then the event's fields.

    ``at`` is the instant on the clock. A number that is not finite becomes null, a text is cut at
    2,000 characters, and what stands before the @ of a URL is left out. A file that is moved away,
    as by logrotate, is begun anew; a line that cannot be written is reported on stderr by
    `logging` and stops nothing.

    Parameters
    ----------
    handler : logging.Handler
        Where lines go.
    runner : str
        What lines call this runner.
    share : float
        Share of the ticks that get a line, from 0 to 1.
    seed : int
        Which ticks these are.

    Examples
    --------
    >>> import sys
    >>> log = JsonLog(logging.StreamHandler(sys.stderr), "runner")
    >>> log.write("strategy_loaded", strategy="ridge", model_version="3")
    """

    def __init__(
        self, handler: logging.Handler, runner: str, *, share: float = 0.0, seed: int = 0
    ) -> None:
        self._handler, self._runner = handler, runner
        self.on, self.share, self.seed = True, share, seed

    def write(self, event: str, **fields: Any) -> None:
        """Write a line."""
        at = clock().now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = {"at": at, "runner": self._runner, "event": event}
        line |= {name: _plain(value) for name, value in fields.items()}
        text = json.dumps(line, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
        record = logging.LogRecord("quant_core.live", logging.INFO, "", 0, text, None, None)
        self._handler.handle(record)


@contextmanager
def opened_log(settings: Settings, runner: str, default: str | Path) -> Iterator[Log]:
    """Open the log that ``STRATEGY__LOG`` names.

    Parameters
    ----------
    settings : Settings
        ``log``: ``stderr``, ``off`` or a file, which is appended to; ``log_sample``, ``log_seed``.
    runner : str
        What lines call the runner.
    default : str or pathlib.Path
        ``stderr``, or a file that is begun anew, where the settings name none.

    Raises
    ------
    ConfigError
        If the file cannot be opened.
    """
    place = str(default) if settings.log is None else settings.log
    if place == "off":
        yield Unlogged()
        return
    handler = _handler(place, fresh=settings.log is None)
    try:
        yield JsonLog(handler, runner, share=settings.log_sample, seed=settings.log_seed)
    finally:
        handler.close()


def _handler(place: str, *, fresh: bool) -> logging.Handler:
    if place == "stderr":
        return logging.StreamHandler()
    try:
        Path(place).parent.mkdir(parents=True, exist_ok=True)
        return WatchedFileHandler(place, mode="w" if fresh else "a", encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"STRATEGY__LOG: expected stderr, off or a file that can be written, found {place}: "
            f"{error.strerror}"
        ) from error


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str):
        return _ACCESS.sub("://***@", value[:_LONGEST])
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return value
