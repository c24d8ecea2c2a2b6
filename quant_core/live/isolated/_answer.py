"""What a valid answer of a strategy in Python is."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["AnswerError", "checked"]

_LONGEST = 200


class AnswerError(ValueError):
    """An answer that is refused, with the countable reason."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


def checked(answer: Any, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return predictions and signals of an answer, both float64 of shape (count,).

    Raises
    ------
    AnswerError
        If it is not a pair of such arrays, or they are not finite or not in range.
    """
    if not isinstance(answer, tuple) or len(answer) != 2:  # noqa: PLR2004 - a pair
        raise AnswerError(
            "wrong_type", f"expected predictions and signals, a tuple of two; found {_name(answer)}"
        )
    predictions = _column("predictions", answer[0], count)
    signals = _column("signals", answer[1], count)
    beyond = np.flatnonzero(np.abs(signals) > 1.0)
    if len(beyond):
        raise AnswerError(
            "out_of_range",
            f"signals: expected values in [-1, 1], found {signals[beyond[0]]!r} "
            f"at {beyond[0]} of {count}",
        )
    return predictions, signals


def _column(name: str, value: Any, count: int) -> np.ndarray:
    if type(value) is not np.ndarray or value.dtype != np.float64:
        raise AnswerError(
            "wrong_type", f"{name}: expected an array of float64, found {_name(value)}"
        )
    if value.shape != (count,):
        raise AnswerError(
            "wrong_shape", f"{name}: expected shape ({count},), found {value.shape}"[:_LONGEST]
        )
    bad = np.flatnonzero(~np.isfinite(value))
    if len(bad):
        raise AnswerError(
            "not_finite",
            f"{name}: expected finite values, found {value[bad[0]]!r} at {bad[0]} of {count}",
        )
    return value


def _name(value: Any) -> str:
    if type(value) is np.ndarray:
        return f"an array of {value.dtype}"[:_LONGEST]
    if type(value) is tuple:
        return f"a tuple of {len(value)}"
    return type(value).__name__[:_LONGEST]
