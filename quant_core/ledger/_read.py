"""Read a ledger: verify it, walk its records, count what was tried."""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from quant_core.errors import LedgerError
from quant_core.ledger._chain import BrokenChainError, Chain, Problem
from quant_core.ledger._record import MAX_LINE, ORIGIN, Head, Kind, ProblemKind, Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["Verification", "records", "tried_configurations", "verify"]


@dataclass(frozen=True, slots=True)
class Verification:
    """What reading a whole ledger found.

    Parameters
    ----------
    records : int
        Sound records before the first problem, seals included.
    head : Head
        The last of them; ``(-1, "000...")`` if there is none.
    seals : int
        Seals among them: how many torn writes the file survived.
    problem : Problem or None
        The first problem, None for a sound ledger.
    """

    records: int
    head: Head
    seals: int
    problem: Problem | None

    @property
    def ok(self) -> bool:
        """Whether the ledger is sound."""
        return self.problem is None


def _settled_size(descriptor: int) -> int:
    fcntl.flock(descriptor, fcntl.LOCK_SH)  # no writer is in the middle of a line
    try:
        return os.fstat(descriptor).st_size
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


def _lines(path: str | os.PathLike[str]) -> Iterator[bytes]:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - a path or its text
            left = _settled_size(file.fileno())
            while left > 0 and (line := file.readline(min(left, MAX_LINE + 1))):
                left -= len(line)
                yield line
    except OSError as error:
        raise LedgerError(f"ledger {os.fspath(path)}: cannot be read: {error.strerror}") from error


def _check_witness(chain: Chain, record: Record | None, wanted: Mapping[int, set[str]]) -> None:
    for said in sorted(wanted.get(record.seq, ())) if record is not None else ():
        if record is not None and record.hash != said:
            message = f"record {record.seq} was witnessed as {said}, found {record.hash}"
            raise BrokenChainError(Problem(chain.line, ProblemKind.WITNESS, message))


def _check_end(chain: Chain, wanted: Mapping[int, set[str]]) -> None:
    last = max(wanted, default=ORIGIN.seq)
    if chain.head.seq < last:
        message = f"record {last} was witnessed, the file ends with {chain.head.seq}"
        raise BrokenChainError(Problem(chain.line + 1, ProblemKind.CUT_TAIL, message))
    if chain.records == chain.seals:
        message = "there is no genesis record"
        raise BrokenChainError(Problem(chain.line + 1, ProblemKind.GENESIS, message))


def verify(
    path: str | os.PathLike[str], *, head: Head | None = None, witnesses: Iterable[Head] = ()
) -> Verification:
    """Check every line of a ledger, in constant memory.

    Found are records that were edited, deleted, inserted, swapped or repeated, lines that are not
    JSON, seals that do not fit, and an unfinished last line. The chain has no secret in it: who
    can rewrite the file can compute it anew from any record to the end, or cut the end off. Only
    a head that was witnessed elsewhere finds that.

    Parameters
    ----------
    path : str or path-like
        The file.
    head : Head, optional
        The number and hash of a record that were witnessed elsewhere; later records may follow.
    witnesses : iterable of Head
        More of them; the file has to hold every one.

    Returns
    -------
    Verification
        What was found, up to the first problem.

    Raises
    ------
    LedgerError
        If the file cannot be read.
    """
    chain = Chain()
    wanted: dict[int, set[str]] = {}
    for one in [*witnesses, *([head] if head is not None else [])]:
        wanted.setdefault(one.seq, set()).add(one.hash)
    wanted.pop(ORIGIN.seq, None)
    problem = None
    try:
        for line in _lines(path):
            _check_witness(chain, chain.step(line), wanted)
        chain.finish()
        _check_end(chain, wanted)
    except BrokenChainError as error:
        problem = error.problem
    return Verification(chain.records, chain.head, chain.seals, problem)


def records(path: str | os.PathLike[str], *kinds: Kind | str) -> Iterator[Record]:
    """Yield the records of a ledger in order, each after the chain up to it was checked.

    An unfinished last line is left out: nobody was told that it was written.

    Parameters
    ----------
    path : str or path-like
        The file.
    *kinds : Kind or str
        What to yield; everything by default.

    Raises
    ------
    LedgerError
        If the file cannot be read, or at the first broken line; the message names it.
    """
    wanted = frozenset(Kind(kind) for kind in kinds or Kind)
    chain = Chain()
    try:
        for line in _lines(path):
            if not line.endswith(b"\n") and len(line) <= MAX_LINE:
                break
            record = chain.step(line)
            if record is not None and record.kind in wanted:
                yield record
        chain.finish()
    except BrokenChainError as error:
        raise LedgerError(f"ledger {os.fspath(path)}: {error}") from error


def tried_configurations(path: str | os.PathLike[str]) -> tuple[str, ...]:
    """Return the distinct configurations whose results were seen, sorted.

    Their number is the trial count of the deflated Sharpe ratio. They are read from the
    ``configurations`` in the context of every ``simulate`` action that succeeded, in all the runs
    that share the file.

    Raises
    ------
    LedgerError
        If the file cannot be read or its chain is broken.
    """
    seen: set[str] = set()
    for record in records(path, Kind.ACTION):
        body = record.body
        if body.get("name") == "simulate" and body.get("phase") == "success":
            seen.update(str(name) for name in (body.get("context") or {}).get("configurations", ()))
    return tuple(sorted(seen))
