"""The bytes of a batch: what ends the last line, the seal it may need, then the records."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC
from typing import TYPE_CHECKING

from quant_core.clock import clock
from quant_core.ledger._record import Head, Kind, encode, members
from quant_core.ledger._tail import Tail

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from quant_core.ledger._queue import Entry

__all__ = ["Batch", "compose"]


@dataclass(slots=True)
class Batch:
    """Lines that follow a head, and which entry became which record."""

    head: Head
    lines: list[bytes] = field(default_factory=list)
    heads: list[tuple[Entry, Head]] = field(default_factory=list)

    @property
    def payload(self) -> bytes:
        """The lines as they go to the file."""
        return b"".join(self.lines)

    def add(self, kind: Kind, body: Mapping[str, bytes]) -> None:
        """Chain one more record."""
        now = clock().now().astimezone(UTC).isoformat(timespec="microseconds")
        line, self.head = encode(self.head, ts=now, kind=kind, body=body)
        self.lines.append(line)

    def after(self, before: Tail) -> Tail:
        """Return the end of the file once the batch is in it."""
        return Tail(before.size + sum(map(len, self.lines)), self.head, begun=True)


def compose(before: Tail, entries: Sequence[Entry]) -> Batch:
    """Chain entries after the end of a file; those that precede every genesis are refused."""
    batch = Batch(before.head, [before.newline])
    if before.torn is not None:
        batch.add(Kind.SEAL, members(before.seal()))
    begun = before.begun
    for entry in entries:
        begun = begun or entry.kind is Kind.GENESIS
        if begun:
            batch.add(entry.kind, entry.body)
            batch.heads.append((entry, batch.head))
        else:
            entry.refusal = "audit record: the ledger has no genesis record yet; write it first"
    return batch
