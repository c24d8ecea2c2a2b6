"""Follow a ledger line by line and stop at the first thing that is wrong."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import NoReturn

from quant_core.errors import LedgerError
from quant_core.ledger._record import (
    MAX_LINE,
    ORIGIN,
    Head,
    Kind,
    ProblemKind,
    Record,
    RecordError,
    decode,
)

__all__ = ["BrokenChainError", "Chain", "Problem"]


@dataclass(frozen=True, slots=True)
class Problem:
    """The first thing that is wrong with a ledger.

    Parameters
    ----------
    line : int
        Where, counted from 1.
    kind : ProblemKind
        What.
    message : str
        What was expected and what was found.
    """

    line: int
    kind: ProblemKind
    message: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.kind}: {self.message}"


class BrokenChainError(LedgerError):
    """A line that does not belong where it stands."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


class _Fragment:
    """Lines that are not JSON, waiting for the seal that accounts for them."""

    def __init__(self, problem: Problem, line: bytes) -> None:
        self.problem = problem
        self._size = len(line)
        self._hash = hashlib.sha256(line)

    def extend(self, line: bytes) -> None:
        self._size += 1 + len(line)
        self._hash.update(b"\n")
        self._hash.update(line)

    def sealed_by(self, record: Record) -> bool:
        return dict(record.body) == {
            "fragment_bytes": self._size,
            "fragment_sha256": self._hash.hexdigest(),
        }


@dataclass(slots=True)
class Chain:
    """Where the reading of a ledger stands."""

    head: Head = ORIGIN
    line: int = 0
    records: int = 0
    seals: int = 0
    _begun: bool = False
    _fragment: _Fragment | None = field(default=None, repr=False)

    def step(self, line: bytes) -> Record | None:
        """Take the next line, newline included; return its record, or None for a fragment.

        Raises
        ------
        BrokenChainError
            If the line cannot stand here.
        """
        self.line += 1
        if len(line) > MAX_LINE:
            self._stop(ProblemKind.MALFORMED, f"longer than {MAX_LINE} bytes")
        if not line.endswith(b"\n"):
            self.finish()
            self._stop(ProblemKind.TORN_TAIL, "the last line is not finished; an append seals it")
        try:
            record = decode(line[:-1])
        except RecordError as error:
            self._take_fragment(error, line[:-1])
            return None
        self._check_place(record)
        self._check_role(record)
        self.head, self.records = record.head, self.records + 1
        return record

    def finish(self) -> None:
        """Say that no line follows.

        Raises
        ------
        BrokenChainError
            If a fragment was left without a seal.
        """
        if self._fragment is not None:
            raise BrokenChainError(self._fragment.problem)

    def _stop(self, kind: ProblemKind, message: str) -> NoReturn:
        raise BrokenChainError(Problem(self.line, kind, message))

    def _take_fragment(self, error: RecordError, line: bytes) -> None:
        # A torn write leaves a prefix of an object, which is never JSON: what parses was edited.
        if error.kind is not ProblemKind.MALFORMED:
            self.finish()
            self._stop(error.kind, str(error))
        if self._fragment is None:
            self._fragment = _Fragment(Problem(self.line, error.kind, str(error)), line)
        else:
            self._fragment.extend(line)

    def _check_place(self, record: Record) -> None:
        if record.seq == self.head.seq + 1 and record.prev_hash == self.head.hash:
            return
        self.finish()
        if record.seq != self.head.seq + 1:
            how = "missing before it" if record.seq > self.head.seq else "repeated or moved"
            self._stop(
                ProblemKind.SEQUENCE,
                f"expected seq {self.head.seq + 1}, found {record.seq}: records are {how}",
            )
        self._stop(
            ProblemKind.CHAIN,
            f"expected prev_hash {self.head.hash}, found {record.prev_hash}: this record or the "
            "one before it was replaced",
        )

    def _check_role(self, record: Record) -> None:
        if record.kind is Kind.SEAL:
            if self._fragment is None or not self._fragment.sealed_by(record):
                self._stop(ProblemKind.SEAL, "the seal does not describe the bytes before it")
            self._fragment, self.seals = None, self.seals + 1
            return
        self.finish()
        if not self._begun and record.kind is not Kind.GENESIS:
            self._stop(ProblemKind.GENESIS, f"expected a genesis record first, found {record.kind}")
        self._begun = True
