"""The audit trail of a run: a chain of records that many processes and threads append to."""

from __future__ import annotations

import os
import threading
import weakref
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from quant_core.errors import LedgerError
from quant_core.ledger._action import Action
from quant_core.ledger._compose import compose
from quant_core.ledger._file import LedgerFile
from quant_core.ledger._queue import Entry, GroupCommit
from quant_core.ledger._read import verify
from quant_core.ledger._record import ENVELOPE, MAX_LINE, Head, Kind, ProblemKind, members
from quant_core.ledger._redact import error_text, redact

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import TracebackType

__all__ = ["Ledger"]

_BOUND = 1024
_ENVELOPE_BYTES = 512
_REQUIRED: dict[Kind, tuple[str, ...]] = {
    Kind.GENESIS: ("run_id", "config_hash", "data_version", "code_versions", "seed"),
    Kind.ACTION: ("phase", "name"),
    Kind.MODEL_REGISTERED: ("uri", "sha256"),
    Kind.CANDIDATE: ("run_id", "cell", "passed"),
}
_PHASES = ("intent", "success", "error")


def _check_body(kind: Kind, body: Mapping[str, Any]) -> None:
    if kind not in _REQUIRED:
        raise LedgerError(f"audit record: {kind} is written by the ledger itself")
    if taken := sorted(ENVELOPE.keys() & body.keys()):
        raise LedgerError(
            f"audit record {kind}: {', '.join(taken)} belongs to the ledger; rename it"
        )
    if missing := [name for name in _REQUIRED[kind] if name not in body]:
        raise LedgerError(f"audit record {kind}: field {', '.join(missing)} is missing")
    if kind is Kind.ACTION and body["phase"] not in _PHASES:
        raise LedgerError(
            f"audit record action: phase must be {', '.join(_PHASES)}; found {body['phase']!r}"
        )


def _encode_body(kind: Kind, body: Mapping[str, Any]) -> dict[str, bytes]:
    _check_body(kind, body)
    try:
        parts = members(redact(body))
    except (TypeError, ValueError) as error:
        raise LedgerError(f"audit record {kind}: cannot be written as JSON: {error}") from error
    size = sum(map(len, parts.values()))
    if size > MAX_LINE - _ENVELOPE_BYTES - len(parts):
        raise LedgerError(
            f"audit record {kind}: {size} bytes are more than the {MAX_LINE - _ENVELOPE_BYTES} "
            "that fit a record; write a digest of what is large"
        )
    return parts


class Ledger:
    """An append-only chain of records in one file, ``audit.jsonl``.

    Many threads and many processes may append to one file, on a local file system. `append`
    returns when the record is on the disk; threads that wait together share one fsync. What a
    killed writer left unfinished is kept and sealed by the next append.

    Parameters
    ----------
    path : str or path-like
        The file; it and its folders are created when missing.

    Raises
    ------
    LedgerError
        If the file cannot be opened.

    Examples
    --------
    >>> from quant_core.ledger import Ledger, verify
    >>> with Ledger("out/audit.jsonl") as ledger:  # doctest: +SKIP
    ...     ledger.genesis(
    ...         run_id="r1", config_hash="9f", data_version="3c", code_versions={}, seed=7
    ...     )
    ...     with ledger.action("simulate", context={"configurations": ["c1"]}) as action:
    ...         action.outputs["nav"] = "77"
    >>> verify("out/audit.jsonl").ok  # doctest: +SKIP
    True
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._open(Path(path))
        _OPEN.add(self)

    def _open(self, path: Path) -> None:
        self._file = LedgerFile(path)
        self._reading = threading.Lock()
        self._queue = GroupCommit(self._commit, _BOUND)

    @property
    def path(self) -> Path:
        """The file, as an absolute path."""
        return self._file.path

    def append(self, kind: Kind | str, body: Mapping[str, Any]) -> Head:
        """Write a record and return its number and hash once it is durable.

        Parameters
        ----------
        kind : Kind or str
            ``genesis``, ``action``, ``model_registered`` or ``candidate``.
        body : mapping
            Its fields, of JSON's types; secrets are taken out before they are written.

        Raises
        ------
        LedgerError
            If the record is not valid, or the file cannot take it.
        """
        if kind not in Kind:
            raise LedgerError(f"audit record: unknown kind {kind!r}; known: {', '.join(_REQUIRED)}")
        kind = Kind(kind)
        entry = Entry(kind, _encode_body(kind, body))
        self._queue.submit(entry)
        if entry.head is None:
            raise LedgerError(entry.refusal)
        return entry.head

    def genesis(
        self,
        *,
        run_id: str,
        config_hash: str,
        data_version: str,
        code_versions: Mapping[str, str],
        seed: int,
        **facts: Any,
    ) -> Head:
        """Say that a run begins; in a file that others began, it continues their chain.

        Parameters
        ----------
        run_id, config_hash, data_version : str
            Identities of the run, of its resolved configuration and of its input.
        code_versions : mapping of str to str
            Version of what computes, by name.
        seed : int
            The seed of the run.
        **facts : Any
            What else identifies the run.
        """
        body = {
            **facts,
            "run_id": run_id,
            "config_hash": config_hash,
            "data_version": data_version,
            "code_versions": code_versions,
            "seed": seed,
        }
        return self.append(Kind.GENESIS, body)

    def candidate(
        self, *, run_id: str, cell: Sequence[str], passed: bool, reason: str = "", **facts: Any
    ) -> Head:
        """Say that a cell could become the champion, and what the gates said of it.

        Parameters
        ----------
        run_id : str
            The run that judged it.
        cell : sequence of str
            Selection, engine, profile, rebalance and simulator.
        passed : bool
            Whether it passed every gate.
        reason : str
            Which gates it failed, and by how much; empty when it passed.
        **facts : Any
            What else is known of it: rank, key, figures, gates.
        """
        verdict = {"run_id": run_id, "cell": list(cell), "passed": passed, "reason": reason}
        return self.append(Kind.CANDIDATE, {**facts, **verdict})

    @contextmanager
    def action(
        self,
        name: str,
        *,
        context: Mapping[str, Any] | None = None,
        inputs: Mapping[str, str] | None = None,
    ) -> Iterator[Action]:
        """Record an action: the intent before it, then its success or its error.

        Parameters
        ----------
        name : str
            What is done, for example ``"simulate"``.
        context : mapping, optional
            Where: cell, window, partition, configurations.
        inputs : mapping of str to str, optional
            Digests of what is read, by name.

        Yields
        ------
        Action
            Takes the digests of the outputs and the facts of the outcome.
        """
        body: dict[str, Any] = {
            "name": name,
            "context": dict(context or {}),
            "inputs": dict(inputs or {}),
        }
        done = Action(self.append(Kind.ACTION, {**body, "phase": "intent"}))
        body["intent"] = done.seq
        try:
            yield done
        except BaseException as error:
            self._record_error(body, error)
            raise
        result = {"outputs": done.outputs, "outcome": done.outcome}
        self.append(Kind.ACTION, {**body, **result, "phase": "success"})

    def _record_error(self, body: Mapping[str, Any], error: BaseException) -> None:
        outcome = {"error": type(error).__name__, "message": error_text(error)}
        try:
            self.append(Kind.ACTION, {**body, "outcome": outcome, "phase": "error"})
        except LedgerError as failure:
            error.add_note(f"the audit trail does not hold this error: {failure}")

    def head(self) -> Head:
        """Return the number and hash of the last record in the file, to be witnessed elsewhere."""
        with self._reading, self._file.locked():
            return self._file.tail().head

    def reopen(self) -> None:
        """Verify the file and take appends again after a write went wrong.

        Raises
        ------
        LedgerError
            If the file is not sound.
        """
        self.close()
        found = verify(self.path)
        if found.problem is not None and found.problem.kind is not ProblemKind.TORN_TAIL:
            raise LedgerError(f"ledger {self.path}: {found.problem}")
        self._open(self.path)

    def close(self) -> None:
        """Give the file back; later appends are refused."""
        with self._reading:
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _commit(self, entries: Sequence[Entry]) -> None:
        with self._reading, self._file.locked():
            before = self._file.tail()
            batch = compose(before, entries)
            if batch.heads:
                self._file.extend(before, batch.payload, batch.after(before))
        for entry, head in batch.heads:
            entry.head = head

    def _renew(self) -> None:
        self._file.renew()
        self._reading = threading.Lock()
        self._queue = GroupCommit(self._commit, _BOUND)


_OPEN: weakref.WeakSet[Ledger] = weakref.WeakSet()


def _renew_after_fork() -> None:
    # A forked child shares the parent's lock on the file; the threads that held ours are gone.
    for ledger in list(_OPEN):
        ledger._renew()  # noqa: SLF001 - the module's own class


os.register_at_fork(after_in_child=_renew_after_fork)
