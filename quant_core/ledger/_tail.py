"""Find the last whole record of a ledger without reading the file from its start."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import Any

from quant_core.ledger._record import ORIGIN, Head, Kind, ProblemKind, Record, RecordError, decode

__all__ = ["EMPTY", "Tail", "read_tail"]

_BLOCK = 64 * 1024


@dataclass(frozen=True, slots=True)
class Tail:
    """The end of a ledger of ``size`` bytes.

    ``torn`` holds what follows the last whole record: the remains of a write that never finished.
    ``unended`` says that nothing but the newline of that record is missing.
    """

    size: int
    head: Head = ORIGIN
    begun: bool = False
    unended: bool = False
    torn: bytes | None = None

    @property
    def settled(self) -> bool:
        """Whether a record may follow at once."""
        return self.torn is None and not self.unended

    @property
    def newline(self) -> bytes:
        """What ends the last line."""
        torn = self.torn is not None and not self.torn.endswith(b"\n")
        return b"\n" if torn or self.unended else b""

    def seal(self) -> dict[str, Any]:
        """Return the body of the seal that accounts for the torn bytes."""
        fragment = (self.torn or b"").removesuffix(b"\n")
        return {
            "fragment_bytes": len(fragment),
            "fragment_sha256": hashlib.sha256(fragment).hexdigest(),
        }


EMPTY = Tail(0)


def _decode_unless_torn(line: bytes) -> Record | None:
    try:
        return decode(line)
    except RecordError as error:
        # A prefix of an object is never JSON: a line that parses was not torn but edited.
        if error.kind is ProblemKind.MALFORMED:
            return None
        raise


def _last_record(data: bytes, *, aligned: bool) -> tuple[Record, int] | None:
    end = len(data)
    while True:
        start = data.rfind(b"\n", 0, end) + 1
        if start == 0 and not aligned:
            return None
        if start < end and (record := _decode_unless_torn(data[start:end])):
            return record, end
        if start == 0:
            return None
        end = start - 1


def _begun(descriptor: int, size: int, record: Record) -> bool:
    """Whether a record other than a seal exists; the first few lines tell."""
    if record.kind is not Kind.SEAL:
        return True
    with open(os.dup(descriptor), "rb") as file:  # noqa: PTH123 - an open descriptor has no path
        file.seek(0)
        while file.tell() < size and (line := file.readline()):
            found = _decode_unless_torn(line.removesuffix(b"\n"))
            if found is not None and found.kind is not Kind.SEAL:
                return True
    return False


def read_tail(descriptor: int, size: int, known: Tail = EMPTY) -> Tail:
    """Return the end of a file of ``size`` bytes, reading no further back than ``known``.

    Raises
    ------
    RecordError
        If the last whole line is JSON and not a sound record: it was edited.
    """
    span = _BLOCK
    while True:
        start = max(known.size, size - span)
        aligned = start == known.size
        data = os.pread(descriptor, size - start, start)
        found = _last_record(data, aligned=aligned)
        if found is not None:
            record, end = found
            begun = known.begun or _begun(descriptor, size, record)
            rest = data[end + 1 :]
            return Tail(size, record.head, begun, unended=end == len(data), torn=rest or None)
        if aligned:
            return Tail(size, known.head, known.begun, torn=data or None)
        span *= 4
