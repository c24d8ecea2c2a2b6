"""One line of the ledger: its fields, its bytes and its hash."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, Self

from quant_core.canonical import canonical_json
from quant_core.errors import LedgerError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "MAX_LINE",
    "ORIGIN",
    "Head",
    "Kind",
    "ProblemKind",
    "Record",
    "RecordError",
    "decode",
    "encode",
    "members",
]

MAX_LINE = 16 * 1024 * 1024
ENVELOPE = {"seq": int, "ts": str, "prev_hash": str, "hash": str, "kind": str}


class Kind(StrEnum):
    """What a record tells."""

    GENESIS = "genesis"
    """A run begins: its id, configuration, data, code and seed."""
    ACTION = "action"
    """Something is about to happen, has happened or has failed."""
    MODEL_REGISTERED = "model_registered"
    """A model was stored under its checksum."""
    CANDIDATE = "candidate"
    """A cell that could become the champion, and what the gates said of it."""
    SEAL = "seal"
    """The bytes before this record are the remains of a write that never finished."""


class ProblemKind(StrEnum):
    """What is wrong with a ledger."""

    MALFORMED = "malformed"
    """The line is not JSON, and no seal accounts for it."""
    FORM = "form"
    """The line is JSON, and not a record in canonical form."""
    HASH = "hash"
    """The record was edited: its hash is not that of its content."""
    SEQUENCE = "sequence"
    """A record is missing, repeated, inserted or out of its place."""
    CHAIN = "chain"
    """The record does not follow the one before it: one of the two was replaced."""
    SEAL = "seal"
    """The seal does not describe the bytes before it."""
    GENESIS = "genesis"
    """The ledger does not begin with a genesis record."""
    TORN_TAIL = "torn_tail"
    """The last line is not finished; the next append seals it."""
    WITNESS = "witness"
    """The record that was witnessed elsewhere is another one here."""
    CUT_TAIL = "cut_tail"
    """The record that was witnessed elsewhere is gone."""


class Head(NamedTuple):
    """The last record of a ledger, to be witnessed elsewhere.

    Parameters
    ----------
    seq : int
        Its number, -1 for an empty ledger.
    hash : str
        Its hash, 64 hexadecimal characters.
    """

    seq: int
    hash: str

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a head back from its text ``"seq:hash"``.

        Raises
        ------
        LedgerError
            If the text is not of that form.
        """
        number, _, value = text.partition(":")
        try:
            head = cls(int(number), value)
            bytes.fromhex(value)
        except ValueError as error:
            raise LedgerError(
                f"head {text!r}: expected 'seq:hash', for example '41:9f...'"
            ) from error
        if len(value) != len(ORIGIN.hash):
            raise LedgerError(
                f"head {text!r}: expected a hash of 64 characters, found {len(value)}"
            )
        return head


ORIGIN = Head(-1, "0" * 64)


@dataclass(frozen=True, slots=True)
class Record:
    """A record that was read back.

    Parameters
    ----------
    seq : int
        Its number in the file, from 0.
    ts : str
        Instant of writing, ISO 8601 in UTC.
    prev_hash : str
        Hash of the record before it; 64 zeros for the first.
    hash : str
        SHA-256 of the canonical JSON of every other field.
    kind : Kind
        What it tells.
    body : mapping
        The fields that belong to the kind.
    """

    seq: int
    ts: str
    prev_hash: str
    hash: str
    kind: Kind
    body: Mapping[str, Any]

    @property
    def head(self) -> Head:
        """The number and hash of this record."""
        return Head(self.seq, self.hash)


class RecordError(LedgerError):
    """A line that is no record, and why."""

    def __init__(self, kind: ProblemKind, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def members(fields: Mapping[str, Any]) -> dict[str, bytes]:
    """Return the canonical bytes of each field, its name included."""
    return {name: canonical_json({name: value})[1:-1] for name, value in fields.items()}


def _join(parts: Mapping[str, bytes]) -> bytes:
    return b"{" + b",".join(parts[name] for name in sorted(parts)) + b"}"


def encode(previous: Head, *, ts: str, kind: Kind, body: Mapping[str, bytes]) -> tuple[bytes, Head]:
    """Return the line of the record after ``previous``, with its newline, and its head.

    ``body`` holds encoded members: the thread that writes for many only joins and hashes them.
    """
    parts = {
        **body,
        "seq": b'"seq":%d' % (previous.seq + 1),
        "ts": b'"ts":"%b"' % ts.encode(),
        "prev_hash": b'"prev_hash":"%b"' % previous.hash.encode(),
        "kind": b'"kind":"%b"' % kind.encode(),
    }
    head = Head(previous.seq + 1, hashlib.sha256(_join(parts)).hexdigest())
    parts["hash"] = b'"hash":"%b"' % head.hash.encode()
    return _join(parts) + b"\n", head


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _parse(line: bytes) -> Any:
    try:
        return json.loads(line.decode(), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise RecordError(ProblemKind.MALFORMED, f"not JSON ({error})") from error


def _check_hash(line: bytes, fields: Mapping[str, Any]) -> None:
    stated = fields["hash"]
    member = b'"hash":"%b",' % stated.encode()
    if line.count(member) == 1:
        rest = line.replace(member, b"")
    else:
        rest = canonical_json({name: fields[name] for name in fields if name != "hash"})
    found = hashlib.sha256(rest).hexdigest()
    if found != stated:
        raise RecordError(
            ProblemKind.HASH, f"its hash says {stated}, its content gives {found}: it was edited"
        )


def decode(line: bytes) -> Record:
    """Return the record of a line without its newline, after checking the line by itself.

    Raises
    ------
    RecordError
        If the line is not JSON, not in canonical form, or not what its hash says.
    """
    fields = _parse(line)
    if not isinstance(fields, dict) or canonical_json(fields) != line:
        raise RecordError(ProblemKind.FORM, "not an object in canonical JSON")
    for name, kind in ENVELOPE.items():
        if type(fields.get(name)) is not kind:
            raise RecordError(ProblemKind.FORM, f"field {name!r} is missing or not {kind.__name__}")
    if fields["kind"] not in Kind:
        raise RecordError(
            ProblemKind.FORM, f"unknown kind {fields['kind']!r}; known: {', '.join(Kind)}"
        )
    _check_hash(line, fields)
    seq, ts, prev_hash, stated, kind = (fields.pop(name) for name in ENVELOPE)
    return Record(seq, ts, prev_hash, stated, Kind(kind), fields)
