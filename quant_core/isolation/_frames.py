"""Messages between a process and its workers: a JSON header, then raw little-endian arrays."""

from __future__ import annotations

import json
import math
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from quant_core.canonical import canonical_json

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Frame", "FrameError", "FrameReader", "encode"]

_PREFIX = struct.Struct("<IQ")  # bytes of the header, bytes of the arrays
_TYPES = ("<f8", "<i4", "<i8")
_ALIGNMENT = 8


class FrameError(ValueError):
    """What came is no frame, or is longer than allowed."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One message: its fields and its arrays."""

    fields: dict[str, Any]
    arrays: dict[str, np.ndarray]


def encode(fields: Mapping[str, Any], arrays: Mapping[str, np.ndarray] | None = None) -> bytes:
    """Return the bytes of a message."""
    body = bytearray()
    described = []
    for name, array in (arrays or {}).items():
        described.append([name, array.dtype.newbyteorder("<").str, list(array.shape)])
        body += array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
        body += bytes(-len(body) % _ALIGNMENT)
    header = canonical_json({"fields": dict(fields), "arrays": described})
    return _PREFIX.pack(len(header), len(body)) + header + body


class FrameReader:
    """Cuts a stream of bytes into messages.

    Parameters
    ----------
    limit : int
        Bytes that one message may have; a longer one is a `FrameError` before it is read.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept = bytearray()

    def feed(self, data: bytes) -> list[Frame]:
        """Take bytes as they come, and return the messages that they complete."""
        self._kept += data
        frames = []
        while (end := self._end()) is not None:
            frames.append(_decode(self._kept[:end]))
            del self._kept[:end]
        return frames

    def _end(self) -> int | None:
        if len(self._kept) < _PREFIX.size:
            return None
        header, body = _PREFIX.unpack_from(self._kept)
        end: int = _PREFIX.size + header + body
        if end > self._limit:
            raise FrameError(f"expected a message of at most {self._limit} bytes, found {end}")
        return end if len(self._kept) >= end else None


def _decode(data: bytearray) -> Frame:
    header, _ = _PREFIX.unpack_from(data)
    start = _PREFIX.size + header
    try:
        parsed = json.loads(data[_PREFIX.size : start])
        fields, described = dict(parsed["fields"]), list(parsed["arrays"])
        arrays = {}
        body = memoryview(bytearray(data[start:]))  # of its own, so that it is aligned
        place = 0
        for name, dtype, shape in described:
            if dtype not in _TYPES or min(shape, default=0) < 0:
                raise FrameError(f"expected {_TYPES} and a shape, found {dtype!r} and {shape!r}")
            array = np.frombuffer(body, dtype=dtype, count=math.prod(shape), offset=place)
            arrays[str(name)] = array.reshape(shape)
            place += array.nbytes + -array.nbytes % _ALIGNMENT
    except (KeyError, TypeError, ValueError) as error:
        raise FrameError(f"expected a message of fields and arrays: {error}") from error
    return Frame(fields, arrays)
