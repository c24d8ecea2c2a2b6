"""What the services have in common: days, pauses between retries, and rows of observations."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from quant_core.clock import clock
from quant_core.data._observations import RawObservations
from quant_core.errors import DataError, SourceError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = [
    "UNREADABLE",
    "Series",
    "complete_days",
    "live_library",
    "observations",
    "patient",
    "unreadable",
]

UNREADABLE = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What the libraries raise on an answer that is not what the service documents."""


def live_library(name: str) -> Any:
    """Return the library of a service, imported now, or say which extra brings it."""
    try:
        return import_module(name)
    except ImportError as error:
        raise UnavailableError(
            f"data.source: kind {name} needs the library of that name, which is not installed; "
            "install the extra: pip install 'quant-assets[sources]'"
        ) from error


class Series(NamedTuple):
    """Closes and volumes of one symbol, in the order of the answer."""

    symbol: str
    days: np.ndarray
    closes: np.ndarray
    volumes: np.ndarray


def complete_days(
    start: np.datetime64 | None, end: np.datetime64 | None, *, origin: str
) -> tuple[np.datetime64, np.datetime64]:
    """Return the first day to ask for, and the day after the last one.

    Today is left out: its bar is not complete.

    Raises
    ------
    DataError
        If there is no first day.
    """
    if start is None:
        raise DataError(f"{origin}: data.start: expected the first day to ask for, found none")
    today = np.datetime64(clock().now().date(), "D")
    first = np.datetime64(start, "D")
    after = today if end is None else min(np.datetime64(end, "D"), today)
    return first, max(first, after)


def patient[T](
    ask: Callable[[], T], *, transient: tuple[type[Exception], ...], retries: int, what: str
) -> T:
    """Ask a service; ask again after 1, 2, 4 ... seconds where it failed for a moment.

    Parameters
    ----------
    ask : callable
        The question.
    transient : tuple of type
        Exceptions after which it is worth asking again.
    retries : int
        How often.
    what : str
        What was asked, for messages.

    Raises
    ------
    SourceError
        If the last attempt failed, too.
    Exception
        As it was raised, where the server refuses the question.
    """
    for attempt in range(retries + 1):
        try:
            return ask()
        except transient as error:
            if _refused(error):
                raise
            if attempt == retries:
                raise SourceError(
                    f"{what}: no answer in {retries + 1} attempts; try again later, or raise "
                    f"data.source.retries and data.source.timeout: {error}"
                ) from error
            clock().sleep(2.0**attempt)
    raise AssertionError("the last attempt returns or raises")


def _refused(error: Exception) -> bool:
    """Whether a server said that the question is wrong: 4xx, but 429 that asks to slow down."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    return status is not None and 400 <= status < 500 and status != 429  # noqa: PLR2004 - of HTTP


def unreadable(what: str, error: Exception) -> str:
    """Return the message for an answer that a library cannot read."""
    return (
        f"{what}: the answer is not what the service documents ({type(error).__name__}: {error}); "
        "a newer release of the library may read it"
    )


def observations(series: Sequence[Series], *, origin: str) -> RawObservations:
    """Return series as observations, symbol by symbol."""
    symbols = tuple(sorted(one.symbol for one in series))
    codes = [np.full(len(one.days), symbols.index(one.symbol), np.int32) for one in series]
    count = sum(len(one.days) for one in series)

    def column(parts: list[np.ndarray], kind: str) -> np.ndarray:
        whole = np.concatenate([np.zeros(0, kind), *parts])
        return np.ascontiguousarray(whole.astype(kind)).reshape(-1, 1)

    return RawObservations(
        kind="prices",
        origin=origin,
        symbols=symbols,
        dates=column([one.days for one in series], "datetime64[us]"),
        codes=column(codes, "int32"),
        values=column([one.closes for one in series], "float64"),
        rows=np.arange(1, count + 1, dtype=np.int32).reshape(-1, 1),
        value_column="close",
        row_word="bar",
        volume=column([one.volumes for one in series], "float64"),
    )
