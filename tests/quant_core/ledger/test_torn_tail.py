from __future__ import annotations

import hashlib
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from quant_core.errors import LedgerError
from quant_core.ledger import Ledger, ProblemKind, records, verify

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    type Begin = Callable[[], AbstractContextManager[Ledger]]
    type Note = Callable[..., dict[str, object]]


@pytest.fixture
def three(path: Path, begin: Begin, note: Note) -> bytes:
    with begin() as ledger:
        ledger.append("action", note(value=1))
        ledger.append("action", note(value="caf\u00e9"))
    return path.read_bytes()


def last_start(data: bytes) -> int:
    return data.rfind(b"\n", 0, -1) + 1


def test_a_tail_torn_at_every_byte_is_sealed(path: Path, three: bytes, note: Note) -> None:
    start = last_start(three)
    for cut in range(start + 1, len(three) - 1):
        path.write_bytes(three[:cut])
        fragment = three[start:cut]
        assert verify(path).problem.kind is ProblemKind.TORN_TAIL
        assert [record.seq for record in records(path)] == [0, 1]
        with Ledger(path) as ledger:
            assert ledger.head().seq == 1
            assert ledger.append("action", note()).seq == 3
        assert path.read_bytes().startswith(three[:cut] + b"\n")
        found = verify(path)
        assert (found.ok, found.records, found.seals) == (True, 4, 1)
        (seal,) = records(path, "seal")
        assert seal.seq == 2
        assert seal.body == {
            "fragment_bytes": len(fragment),
            "fragment_sha256": hashlib.sha256(fragment).hexdigest(),
        }


def test_a_record_that_lacks_only_its_newline_is_whole(
    path: Path, three: bytes, note: Note
) -> None:
    path.write_bytes(three[:-1])
    assert verify(path).problem.kind is ProblemKind.TORN_TAIL
    with Ledger(path) as ledger:
        assert ledger.append("action", note()).seq == 3
    assert path.read_bytes().startswith(three)
    assert (verify(path).ok, verify(path).seals) == (True, 0)


def test_a_seal_torn_at_every_byte_is_sealed_with_its_fragment(
    path: Path, three: bytes, note: Note
) -> None:
    torn = three[: last_start(three) + 40]
    path.write_bytes(torn)
    with Ledger(path) as ledger:
        ledger.append("action", note())
    sealed = path.read_bytes()
    end = sealed.index(b"\n", len(torn) + 1)
    for cut in range(len(torn), end):
        path.write_bytes(sealed[:cut])
        with Ledger(path) as ledger:
            ledger.append("action", note())
        found = verify(path)
        assert (found.ok, found.records, found.seals) == (True, 4, 1), cut


def test_a_torn_genesis_is_sealed(path: Path, three: bytes, note: Note, begin: Begin) -> None:
    path.write_bytes(three[:30])
    with Ledger(path) as ledger, pytest.raises(LedgerError, match="no genesis"):
        ledger.append("action", note())
    with begin() as ledger:
        ledger.append("action", note())
    assert [record.kind for record in records(path)] == ["seal", "genesis", "action"]
    assert verify(path).ok


def test_a_ledger_of_a_seal_and_nothing_else_has_not_begun(
    path: Path, three: bytes, note: Note, begin: Begin
) -> None:
    path.write_bytes(three[:30])
    with begin():
        pass
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:2]))
    assert verify(path).problem.kind is ProblemKind.GENESIS
    with Ledger(path) as ledger, pytest.raises(LedgerError, match="no genesis"):
        ledger.append("action", note())


def test_fragments_of_several_blocks_are_sealed(path: Path, begin: Begin, note: Note) -> None:
    with begin() as ledger:
        ledger.append("action", note(value="x" * 500_000))
    whole = path.read_bytes()
    for cut in (70_000, 300_000, len(whole) - 2):
        path.write_bytes(whole[:cut])
        with Ledger(path) as ledger:
            assert ledger.append("action", note()).seq == 2
        assert verify(path).seals == 1


def test_an_open_ledger_seals_what_another_writer_left(
    path: Path, begin: Begin, note: Note
) -> None:
    with begin() as ledger:
        ledger.append("action", note())
        with path.open("ab") as file:
            file.write(b'{"context"')
        ledger.append("action", note())
        with path.open("ab") as file:
            file.write(b"\x00" * 5000)
        ledger.append("action", note())
    assert [record.kind for record in records(path)] == [
        "genesis",
        "action",
        "seal",
        "action",
        "seal",
        "action",
    ]
    assert all(b.prev_hash == a.hash for a, b in pairwise(records(path)))
    assert verify(path).ok


def test_a_last_line_that_was_edited_is_not_sealed(path: Path, three: bytes, note: Note) -> None:
    path.write_bytes(three.replace("caf\u00e9".encode(), b"cafe"))
    with Ledger(path) as ledger, pytest.raises(LedgerError, match="no sound record: its hash says"):
        ledger.append("action", note())
