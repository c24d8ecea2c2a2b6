from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from quant_core.errors import LedgerError
from quant_core.ledger import Head, Kind, Ledger, ProblemKind, records, verify
from quant_core.ledger._record import decode, encode, members

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


COUNT = 24
TORN = 12  # the line that is a fragment; its seal follows


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("sound") / "audit.jsonl"
    with Ledger(path) as ledger:
        ledger.genesis(run_id="r", config_hash="c", data_version="d", code_versions={}, seed=7)
        for number in range(1, TORN):
            ledger.append("action", {"phase": "success", "name": "note", "value": number})
    with path.open("ab") as file:
        file.write(b'{"context":{"cell"')
    with Ledger(path) as ledger:
        for number in range(TORN + 1, COUNT):
            ledger.append("action", {"phase": "success", "name": "note", "value": number})
    return path.read_bytes()


@pytest.fixture
def lines(path: Path, sound: bytes) -> list[bytes]:
    path.write_bytes(sound)
    return sound.splitlines(keepends=True)


def problem(path: Path, lines: list[bytes], **options: Head) -> tuple[int, ProblemKind] | None:
    path.write_bytes(b"".join(lines))
    found = verify(path, **options).problem
    return None if found is None else (found.line, found.kind)


def positions(*, first: int = 0, last: int = COUNT + 1) -> list[int]:
    return [spot for spot in range(first, last) if spot not in (TORN, TORN + 1)]


def rewritten(line: bytes, previous: Head | None = None, **changes: object) -> bytes:
    """A record that was changed by someone who can compute its hash."""
    record = decode(line[:-1])
    before = previous or Head(record.seq - 1, record.prev_hash)
    body = {**record.body, **changes}
    return encode(before, ts=record.ts, kind=record.kind, body=members(body))[0]


def test_what_was_not_touched_is_sound(path: Path, lines: list[bytes]) -> None:
    assert len(lines) == COUNT + 1
    assert problem(path, lines) is None


@pytest.mark.parametrize("spot", positions())
def test_an_edit_is_found(path: Path, lines: list[bytes], spot: int) -> None:
    lines[spot] = lines[spot].replace(b'"ts":"2', b'"ts":"3')
    assert problem(path, lines) == (spot + 1, ProblemKind.HASH)
    with pytest.raises(LedgerError, match=f"line {spot + 1}: hash"):
        list(records(path))


@pytest.mark.parametrize("spot", positions(last=COUNT))
def test_an_edit_with_a_new_hash_is_found_by_what_follows(
    path: Path, lines: list[bytes], spot: int
) -> None:
    lines[spot] = rewritten(lines[spot], forged=True)
    after = spot + 1
    expected = ProblemKind.MALFORMED if after == TORN else ProblemKind.CHAIN
    assert problem(path, lines) == (after + 1, expected)


@pytest.mark.parametrize("spot", positions(last=COUNT))
def test_a_deletion_is_found(path: Path, lines: list[bytes], spot: int) -> None:
    del lines[spot]
    expected = ProblemKind.MALFORMED if spot == TORN - 1 else ProblemKind.SEQUENCE
    assert problem(path, lines) == (spot + 1, expected)


@pytest.mark.parametrize("spot", positions(first=1))
def test_an_insertion_is_found(path: Path, lines: list[bytes], spot: int) -> None:
    before = decode(lines[spot - 1 if spot != TORN + 2 else TORN + 1][:-1])
    lines.insert(spot, rewritten(lines[1], previous=before.head, forged=True))
    assert problem(path, lines) == (spot + 2, ProblemKind.SEQUENCE)


@pytest.mark.parametrize(
    "spot", [*positions(last=TORN - 1), *positions(first=TORN + 2, last=COUNT)]
)
def test_a_swap_is_found(path: Path, lines: list[bytes], spot: int) -> None:
    lines[spot], lines[spot + 1] = lines[spot + 1], lines[spot]
    assert problem(path, lines) == (spot + 1, ProblemKind.SEQUENCE)


@pytest.mark.parametrize("spot", positions())
def test_a_repetition_is_found(path: Path, lines: list[bytes], spot: int) -> None:
    lines.insert(spot, lines[spot])
    assert problem(path, lines) == (spot + 2, ProblemKind.SEQUENCE)


@pytest.mark.parametrize("spot", positions())
def test_a_line_that_is_not_json_is_found(path: Path, lines: list[bytes], spot: int) -> None:
    lines[spot] = lines[spot][:-9] + b"\n"
    first = TORN if spot == TORN + 1 else spot
    assert problem(path, lines) == (first + 1, ProblemKind.MALFORMED)


@pytest.mark.parametrize("kept", range(1, COUNT + 1))
def test_a_cut_tail_is_found_by_the_witness(path: Path, lines: list[bytes], kept: int) -> None:
    head = verify(path).head
    found = problem(path, lines[:kept], head=head)
    if kept == TORN + 1:
        assert found == (TORN + 1, ProblemKind.MALFORMED)
    else:
        assert found == (kept + 1, ProblemKind.CUT_TAIL)
        assert problem(path, lines[:kept]) is None


@pytest.mark.parametrize("spot", positions())
def test_a_chain_computed_anew_is_found_by_the_witness(
    path: Path, lines: list[bytes], spot: int
) -> None:
    witnessed = verify(path).head
    previous = Head(-1, "0" * 64) if spot == 0 else None
    for number in range(spot, len(lines)):
        if number == TORN:
            continue
        lines[number] = rewritten(
            lines[number], previous, **({"forged": True} if number == spot else {})
        )
        previous = decode(lines[number][:-1]).head
    assert problem(path, lines) is None
    assert problem(path, lines, head=witnessed) == (len(lines), ProblemKind.WITNESS)


def test_records_after_the_witness_are_welcome(path: Path, lines: list[bytes]) -> None:
    for line in (lines[0], lines[3], lines[-1]):
        assert problem(path, lines, head=decode(line[:-1]).head) is None


@pytest.mark.parametrize(
    "fragment", [b'{"context":{"cells"', b'{"context":{"cell', b"", b'{"context":{"cell"\nx']
)
def test_a_fragment_that_was_edited_is_found(
    path: Path, lines: list[bytes], fragment: bytes
) -> None:
    lines[TORN] = fragment + b"\n"
    line = TORN + 2 + fragment.count(b"\n")
    assert problem(path, lines) == (line, ProblemKind.SEAL)


def test_a_fragment_that_was_deleted_is_found(path: Path, lines: list[bytes]) -> None:
    del lines[TORN]
    assert problem(path, lines) == (TORN + 1, ProblemKind.SEAL)


def test_a_seal_that_was_edited_is_found(path: Path, lines: list[bytes]) -> None:
    lines[TORN + 1] = rewritten(lines[TORN + 1], fragment_bytes=17)
    assert problem(path, lines) == (TORN + 2, ProblemKind.SEAL)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda line: line.replace(b'":', b'": ', 1),
        lambda line: line.replace(b'"kind"', b'"kind":"seal","kind"'),
        lambda line: b"[" + line[:-1] + b"]\n",
        lambda line: (
            json.dumps({**json.loads(line), "seq": "5"}, separators=(",", ":")).encode() + b"\n"
        ),
        lambda line: line.replace(b'"kind":"action"', b'"kind":"rumour"'),
        lambda line: line.replace(b'"seq":5', b'"seq":true'),
        lambda _: b"7\n",
    ],
)
def test_another_form_of_a_record_is_found(
    path: Path, lines: list[bytes], spoil: Callable[[bytes], bytes]
) -> None:
    lines[5] = spoil(lines[5])
    assert problem(path, lines) == (6, ProblemKind.FORM)


def test_a_hash_hidden_inside_the_record_is_found(path: Path, lines: list[bytes]) -> None:
    previous = decode(lines[4][:-1]).head
    line, head = encode(
        previous, ts="t", kind=Kind.ACTION, body=members({"context": {"phase": "x"}})
    )
    member = b'"hash":"%b",' % head.hash.encode()
    lines[5] = line.replace(b'{"phase"', b"{" + member + b'"phase"')
    assert problem(path, lines) == (6, ProblemKind.HASH)


@pytest.mark.parametrize("seq", [0, COUNT - 2, COUNT, 99])
def test_another_number_on_the_last_record_is_found(
    path: Path, lines: list[bytes], seq: int
) -> None:
    last = decode(lines[-1][:-1])
    previous = Head(seq - 1, last.prev_hash)
    lines[-1] = rewritten(lines[-1], previous)
    expected = None if seq == last.seq else (len(lines), ProblemKind.SEQUENCE)
    assert problem(path, lines) == expected


def test_bare_nan_is_found(path: Path, lines: list[bytes]) -> None:
    lines[5] = lines[5].replace(b'"value":5', b'"value":NaN')
    assert problem(path, lines) == (6, ProblemKind.MALFORMED)


def test_a_line_without_end_is_read_in_bounded_memory(path: Path, lines: list[bytes]) -> None:
    lines[5] = b"x" * (2**24 + 1) + b"\n"
    assert problem(path, lines) == (6, ProblemKind.MALFORMED)


@pytest.mark.parametrize("kinds", [(), (Kind.ACTION,), (Kind.MODEL_REGISTERED, Kind.GENESIS)])
def test_a_ledger_that_does_not_begin_with_genesis_is_found(
    path: Path, kinds: tuple[Kind, ...]
) -> None:
    head, lines = Head(-1, "0" * 64), []
    for kind in kinds:
        line, head = encode(head, ts="t", kind=kind, body={})
        lines.append(line)
    assert problem(path, lines) == (1, ProblemKind.GENESIS)
