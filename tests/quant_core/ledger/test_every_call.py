"""Whatever call to the system fails, an append is refused with a clean error or is there."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from quant_core.errors import LedgerError
from quant_core.ledger import Ledger, records, verify

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from quant_core.ledger import Head

    type Begin = Callable[[], AbstractContextManager[Ledger]]
    type Note = Callable[..., dict[str, object]]

CALLS = (
    (os, "open"),
    (os, "close"),
    (os, "write"),
    (os, "fsync"),
    (os, "fstat"),
    (os, "pread"),
    (os, "ftruncate"),
    (Path, "stat"),
    (fcntl, "flock"),
)
ERRORS = ("EIO", "ENOSPC", "EINTR")


class System:
    """Counts the calls that a ledger makes and lets one of them go wrong."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[str] = []
        self.spoil, self.fault = 0, ""
        self.on = False
        for place, name in CALLS:
            monkeypatch.setattr(place, name, self._wrapped(name, getattr(place, name)))

    def _wrapped(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            if not self.on:
                return real(*arguments, **options)
            self.calls.append(name)
            if len(self.calls) != self.spoil:
                return real(*arguments, **options)
            return self._spoilt(name, real, *arguments, **options)

        return call

    def _spoilt(self, name: str, real: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        if self.fault == "short write":
            data = arguments[1]
            return real(arguments[0], data[: max(1, len(data) // 2)])
        if self.fault.startswith("half "):
            data = arguments[1]
            real(arguments[0], data[: len(data) // 2])
        elif name == "close":
            real(*arguments, **options)  # whatever it says, Linux has let go of the descriptor
        number = getattr(errno, self.fault.split()[-1])
        raise OSError(number, os.strerror(number))


class Session:
    """One opening of the ledger: append, read its head, seal what another left, close."""

    def __init__(self) -> None:
        self.heads: list[Head] = []
        self.errors: list[BaseException] = []

    def run(self, path: Path, note: Note) -> None:
        ledger = self._tried(lambda: Ledger(path))
        if ledger is None:
            return
        self._append(ledger, note(number=1))
        self._append(ledger, note(number=2))
        self._tried(ledger.head)
        torn(path)
        self._append(ledger, note(after="a torn tail"))
        self._tried(ledger.close)

    def _append(self, ledger: Ledger, body: dict[str, object]) -> None:
        head = self._tried(lambda: ledger.append("action", body))
        self.heads += [head] if head else []

    def _tried(self, step: Callable[[], Any]) -> Any:
        try:
            return step()
        except LedgerError as error:
            self.errors.append(error)
        return None


def torn(path: Path) -> None:
    """Another writer dies in the middle of a line."""
    with path.open("ab") as file:
        file.write(b'{"context":{"cell"')


def run_with_fault(
    path: Path, system: System, note: Note, at: int, fault: str
) -> tuple[list[Head], list[BaseException]]:
    system.calls, system.spoil, system.fault, system.on = [], at, fault, True
    try:
        session = Session()
        session.run(path, note)
        session.run(path, note)
        return session.heads, session.errors
    finally:
        system.on = False


def check(path: Path, note: Note, heads: list[Head]) -> None:
    with Ledger(path) as ledger:
        last = ledger.append("action", note(last=True))
    assert verify(path, head=last).ok
    found = {record.head for record in records(path, "action")}
    assert [head for head in heads if head not in found] == []


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> System:
    return System(monkeypatch)


@pytest.mark.parametrize("fault", [*ERRORS, *(f"half {name}" for name in ERRORS), "short write"])
def test_a_fault_in_any_call_is_a_clean_error_or_an_append(
    path: Path, begin: Begin, note: Note, system: System, fault: str
) -> None:
    with begin():
        pass
    sound = path.read_bytes()
    heads, errors = run_with_fault(path, system, note, 0, "")
    calls, whole = list(system.calls), len(heads)
    assert (whole, errors) == (6, [])
    assert {name for _, name in CALLS} - set(calls) == {"ftruncate"}
    of_writes = fault.startswith(("half", "short"))
    spots = [at for at, name in enumerate(calls, 1) if name == "write" or not of_writes]
    for at in spots:
        path.write_bytes(sound)
        heads, errors = run_with_fault(path, system, note, at, fault)
        told = f"call {at}, {calls[at - 1]}: {fault}: {errors}"
        # Closing gives nothing up that was acknowledged; every other fault is told or made good.
        assert errors or len(heads) == whole, told
        assert calls[at - 1] not in ("write", "fsync") or fault == "short write" or errors, told
        check(path, note, heads)
    assert len(spots) >= 6


def test_a_fault_while_a_failed_write_is_taken_back_is_sealed(
    path: Path, begin: Begin, note: Note, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    with begin():
        pass
    sound = path.read_bytes()
    run_with_fault(path, system, note, 0, "")
    spots = [at for at, name in enumerate(system.calls, 1) if name == "write"]
    for number in (errno.EIO, errno.EPERM, errno.EINTR):

        def refused(*_: object, number: int = number) -> None:
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(os, "ftruncate", refused)
        for at in spots:
            path.write_bytes(sound)
            heads, errors = run_with_fault(path, system, note, at, "half EIO")
            assert errors
            check(path, note, heads)
