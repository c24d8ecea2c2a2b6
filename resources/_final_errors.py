"""Errors that no retry can mend."""

from __future__ import annotations

import inspect
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any

import dagster as dg  # noqa: TID253 - the orchestrator's way to say so

from quant_core.errors import QuantError, SourceError, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["final_errors", "without_retry"]


@contextmanager
def final_errors() -> Iterator[None]:
    """Keep Dagster from retrying what will fail again: what is not of a store or service."""
    try:
        yield
    except (SourceError, StoreError):
        raise
    except QuantError as error:
        raise dg.Failure(
            str(error), metadata={"error": type(error).__name__}, allow_retries=False
        ) from error


def without_retry[**P, R](body: Callable[P, R]) -> Callable[P, R]:
    """Return the body of an asset whose own errors are final.

    Parameters
    ----------
    body : callable
        A function, or a generator function.
    """
    if inspect.isgeneratorfunction(body):

        @wraps(body)
        def generated(*values: P.args, **named: P.kwargs) -> Any:
            with final_errors():
                yield from body(*values, **named)

        return generated

    @wraps(body)
    def returned(*values: P.args, **named: P.kwargs) -> R:
        with final_errors():
            return body(*values, **named)

    return returned
