from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from quant_core.errors import LedgerError
from quant_core.ledger import Ledger, records, verify

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from quant_core.ledger import Head

    type Begin = Callable[[], AbstractContextManager[Ledger]]
    type Note = Callable[..., dict[str, object]]
    type Fault = Callable[..., int]


APPENDS = 6


class Disk:
    """Counts the calls of os.write, os.fsync and os.ftruncate and spoils one of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls = 0
        self.spoil = {}
        self.lasting = False
        self._real = {name: getattr(os, name) for name in ("write", "fsync", "ftruncate")}
        for name in self._real:
            monkeypatch.setattr(os, name, self._wrapped(name))

    def _wrapped(self, name: str) -> Callable[..., int]:
        def call(descriptor: int, *arguments: object) -> int:
            self.calls += name != "ftruncate"
            at, fault = self.spoil.get(name, (-1, None))
            if fault is not None and (self.calls == at or (self.lasting and self.calls > at)):
                return fault(self._real[name], descriptor, *arguments)
            return self._real[name](descriptor, *arguments)

        return call


def fails(number: int) -> Fault:
    def fault(_real: Callable[..., int], *_arguments: object) -> int:
        raise OSError(number, os.strerror(number))

    return fault


def fails_half_way(number: int) -> Fault:
    def fault(real: Callable[..., int], descriptor: int, data: bytes) -> int:
        real(descriptor, data[: len(data) // 2])
        raise OSError(number, os.strerror(number))

    return fault


def writes_one_byte(real: Callable[..., int], descriptor: int, data: bytes) -> int:
    return real(descriptor, data[:1])


def writes_nothing(_real: Callable[..., int], *_arguments: object) -> int:
    return 0


def is_interrupted_half_way(real: Callable[..., int], descriptor: int, data: bytes) -> int:
    real(descriptor, data[: len(data) // 2])
    raise KeyboardInterrupt


def append_all(ledger: Ledger, note: Note) -> tuple[list[Head], list[BaseException]]:
    """Append and return the heads that were acknowledged and the errors."""
    heads, errors = [], []
    for number in range(APPENDS):
        try:
            heads.append(ledger.append("action", note(number=number)))
        except (LedgerError, KeyboardInterrupt) as error:
            errors.append(error)
    return heads, errors


def check_nothing_lost(path: Path, heads: list[Head], note: Note) -> None:
    with Ledger(path) as ledger:
        ledger.append("action", note())
    *found, _ = (record.head for record in records(path, "action"))
    assert found == heads
    assert verify(path).ok


@pytest.fixture
def disk(begin: Begin, monkeypatch: pytest.MonkeyPatch) -> Disk:
    with begin():
        pass
    return Disk(monkeypatch)


WRITES = range(1, 2 * APPENDS, 2)
FSYNCS = range(2, 2 * APPENDS + 1, 2)


@pytest.mark.parametrize("at", WRITES)
@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (fails(errno.ENOSPC), "No space left on device"),
        (fails(errno.EIO), "Input/output error"),
        (fails(errno.EINTR), "Interrupted system call"),
        (fails_half_way(errno.ENOSPC), "No space left on device"),
        (writes_nothing, "nothing was written"),
    ],
)
def test_a_write_that_fails_leaves_nothing(
    path: Path, disk: Disk, note: Note, at: int, fault: Fault, message: str
) -> None:
    with Ledger(path) as ledger:
        disk.calls = 0
        disk.spoil["write"] = (at, fault)
        heads, (error,) = append_all(ledger, note)
    assert message in str(error)
    assert len(heads) == APPENDS - 1
    check_nothing_lost(path, heads, note)
    assert verify(path).seals == 0


@pytest.mark.parametrize("at", WRITES)
def test_a_short_write_is_continued(path: Path, disk: Disk, note: Note, at: int) -> None:
    with Ledger(path) as ledger:
        disk.calls = 0
        disk.spoil["write"] = (at, writes_one_byte)
        heads, errors = append_all(ledger, note)
    assert errors == []
    check_nothing_lost(path, heads, note)


@pytest.mark.parametrize("at", WRITES)
def test_an_interrupt_in_a_write_leaves_nothing(
    path: Path, disk: Disk, note: Note, at: int
) -> None:
    with Ledger(path) as ledger:
        disk.calls = 0
        disk.spoil["write"] = (at, is_interrupted_half_way)
        heads, (error,) = append_all(ledger, note)
    assert isinstance(error, KeyboardInterrupt)
    assert len(heads) == APPENDS - 1
    check_nothing_lost(path, heads, note)


@pytest.mark.parametrize("at", WRITES)
def test_a_write_that_cannot_be_taken_back_is_sealed_later(
    path: Path, disk: Disk, note: Note, at: int
) -> None:
    with Ledger(path) as ledger:
        disk.calls = 0
        disk.spoil["write"] = (at, fails_half_way(errno.EIO))
        disk.spoil["ftruncate"] = (at, fails(errno.EPERM))
        heads, errors = append_all(ledger, note)
    assert len(heads) == at // 2
    assert "Input/output error" in str(errors[0])
    assert all("left half done" in str(error) for error in errors[1:])
    check_nothing_lost(path, heads, note)
    assert verify(path).seals == 1


@pytest.mark.parametrize("at", FSYNCS)
@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC])
def test_a_failed_fsync_stops_the_ledger(
    path: Path, disk: Disk, note: Note, at: int, number: int
) -> None:
    with Ledger(path) as ledger:
        disk.calls = 0
        disk.spoil["fsync"] = (at, fails(number))
        heads, errors = append_all(ledger, note)
        assert len(heads) == at // 2 - 1
        assert os.strerror(number) in str(errors[0])
        assert all("an fsync failed before" in str(error) for error in errors[1:])
        with pytest.raises(LedgerError, match="an fsync failed before"):
            ledger.head()
        ledger.reopen()
        heads.append(ledger.append("action", note()))
    check_nothing_lost(path, heads, note)


@pytest.mark.usefixtures("disk")
def test_a_ledger_that_is_not_sound_is_not_reopened(path: Path, note: Note) -> None:
    with Ledger(path) as ledger:
        append_all(ledger, note)
        path.write_bytes(path.read_bytes().replace(b'"number":2', b'"number":7'))
        with pytest.raises(LedgerError, match="line 4: hash"):
            ledger.reopen()
        with pytest.raises(LedgerError, match="it is closed"):
            ledger.append("action", note())


def test_a_disk_that_stays_full_refuses_each_append(path: Path, disk: Disk, note: Note) -> None:
    with Ledger(path) as ledger:
        disk.calls, disk.lasting = 0, True
        disk.spoil["write"] = (3, fails_half_way(errno.ENOSPC))
        heads, errors = append_all(ledger, note)
        assert (len(heads), len(errors)) == (1, APPENDS - 1)
        disk.spoil.clear()
        heads.append(ledger.append("action", note()))
    check_nothing_lost(path, heads, note)


@pytest.mark.parametrize("at", [1, 2])
def test_an_opening_that_fails_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    disk = Disk(monkeypatch)
    disk.spoil["fsync"] = (at, fails(errno.EIO))
    before = list(Path("/proc/self/fd").iterdir())
    with pytest.raises(LedgerError, match="cannot be opened: Input/output error"):
        Ledger(tmp_path / "made" / "audit.jsonl")
    assert len(list(Path("/proc/self/fd").iterdir())) == len(before)


def test_the_folders_of_a_new_ledger_are_durable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = []
    real = os.fsync
    monkeypatch.setattr(
        os,
        "fsync",
        lambda fd: (synced.append(str(Path(f"/proc/self/fd/{fd}").readlink())), real(fd)),
    )
    with Ledger(tmp_path / "a" / "b" / "audit.jsonl"):
        pass
    assert synced == [str(tmp_path), str(tmp_path / "a"), str(tmp_path / "a" / "b")]
