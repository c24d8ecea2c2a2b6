"""Reading UBJSON, the binary JSON that XGBoost saves; its own reader runs past a cut-off file."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["read_ubjson"]

_NUMBERS = {
    ord("i"): ">i1",
    ord("U"): ">u1",
    ord("I"): ">i2",
    ord("l"): ">i4",
    ord("L"): ">i8",
    ord("d"): ">f4",
    ord("D"): ">f8",
}
_INTEGERS = frozenset(b"iUIlL")
_CONSTANTS = {ord("T"): True, ord("F"): False, ord("Z"): None}
_DEEPEST = 32


def read_ubjson(data: bytes) -> Any:
    """Read one value that fills the bytes.

    Raises
    ------
    ValueError
        If the bytes end within the value, go on after it, or are not UBJSON.
    """
    reader = _Reader(data)
    value = reader.value(reader.byte(), 0)
    if reader.place != len(data):
        raise ValueError(f"expected the end at byte {reader.place}, found more")
    return value


class _Reader:
    """A place in the bytes."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.place = 0

    def take(self, count: int) -> bytes:
        if count < 0 or self.place + count > len(self.data):
            raise ValueError(f"expected {count} bytes at {self.place}, found the end")
        self.place += count
        return self.data[self.place - count : self.place]

    def byte(self) -> int:
        return self.take(1)[0]

    def peek(self) -> int:
        return self.data[self.place] if self.place < len(self.data) else -1

    def value(self, marker: int, depth: int) -> Any:
        if depth > _DEEPEST:
            raise ValueError(f"expected at most {_DEEPEST} levels, found more")
        if marker in _NUMBERS:
            return self.numbers(marker, 1).tolist()[0]
        if marker in _CONSTANTS:
            return _CONSTANTS[marker]
        if marker == ord("S"):
            return self.text()
        if marker == ord("{"):
            return self.object(depth)
        if marker == ord("["):
            return self.array(depth)
        raise ValueError(f"expected a value at {self.place - 1}, found byte {marker:#04x}")

    def numbers(self, marker: int, count: int) -> np.ndarray:
        dtype = np.dtype(_NUMBERS[marker])
        return np.frombuffer(self.take(dtype.itemsize * count), dtype)

    def count(self) -> int:
        marker = self.byte()
        if marker not in _INTEGERS:
            raise ValueError(f"expected a length at {self.place - 1}, found byte {marker:#04x}")
        return int(self.numbers(marker, 1)[0])

    def text(self) -> str:
        return self.take(self.count()).decode()

    def object(self, depth: int) -> dict[str, Any]:
        found = {}
        while self.peek() != ord("}"):
            key = self.text()
            found[key] = self.value(self.byte(), depth + 1)
        self.place += 1
        return found

    def array(self, depth: int) -> list[Any]:
        if self.peek() == ord("$"):
            _, marker, sharp = self.take(3)
            if marker not in _NUMBERS or sharp != ord("#"):
                raise ValueError(f"expected an array of numbers at {self.place}")
            values: list[Any] = self.numbers(marker, self.count()).tolist()
            return values
        if self.peek() == ord("#"):
            self.place += 1
            count = self.count()
            if count < 0:
                raise ValueError(f"expected a count that is not negative at {self.place}")
            return [self.value(self.byte(), depth + 1) for _ in range(count)]
        found = []
        while self.peek() != ord("]"):
            found.append(self.value(self.byte(), depth + 1))
        self.place += 1
        return found
