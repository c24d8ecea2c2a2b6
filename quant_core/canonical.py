"""Canonical bytes and digests: equal where equal is meant, different where it is not."""

from __future__ import annotations

import hashlib
import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["canonical_json", "digest", "digest_array", "digest_json", "digest_parts"]

_SIZE = 16


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        if math.isfinite(value):
            return value
        return {"nonfinite": "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"}
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if value is None or isinstance(value, (str, int, bool)):
        return value
    raise TypeError(
        "canonical JSON: expected None, bool, int, float, str, list or dict, "
        f"found {type(value).__name__}"
    )


def canonical_json(value: Any) -> bytes:
    """Encode a value as canonical JSON.

    Keys are sorted, separators carry no blanks, text is UTF-8, floats are written in their
    shortest form that reads back exactly. A float that is not finite becomes an object
    ``{"nonfinite": "nan" | "inf" | "-inf"}``: bare ``NaN`` is not JSON.

    Parameters
    ----------
    value : None, bool, int, float, str, list, tuple or dict
        The value; numpy scalars are taken as their Python equivalents.

    Returns
    -------
    bytes
        The encoded value, without a final newline.

    Raises
    ------
    TypeError
        If the value, or one inside it, is of another type.
    """
    text = json.dumps(
        _plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode()


def digest(data: bytes | memoryview) -> str:
    """Return the 128-bit BLAKE2b digest of bytes, as 32 hexadecimal characters."""
    return hashlib.blake2b(data, digest_size=_SIZE).hexdigest()


def digest_json(value: Any) -> str:
    """Return the digest of the canonical JSON of a value."""
    return digest(canonical_json(value))


def digest_array(array: np.ndarray) -> str:
    """Return the digest of an array: its element type, shape and C-ordered bytes.

    Every NaN counts as the same NaN, and ``-0.0`` as ``0.0``.
    """
    values = np.ascontiguousarray(array)
    if values.dtype.kind == "f":
        values = values + 0.0
        values[np.isnan(values)] = np.nan
    head = f"{values.dtype.str}{values.shape}".encode()
    return digest(head + values.tobytes())


def digest_parts(parts: Iterable[str]) -> str:
    """Return the digest of a sequence of strings; their borders count."""
    return digest("\x1f".join(parts).encode())
