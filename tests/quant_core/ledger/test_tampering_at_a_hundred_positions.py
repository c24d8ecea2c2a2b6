"""Seven kinds of tampering at a hundred positions each: every one is found."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from quant_core.ledger import Kind, Ledger, verify
from quant_core.ledger._record import decode, encode, members

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from quant_core.ledger import Head

    type Tamper = Callable[[list[bytes], int, random.Random], bytes]

POSITIONS = 100
COUNT = 104
TORN = 50  # the line that is a fragment; its seal follows


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, Head]:
    path = tmp_path_factory.mktemp("sound") / "audit.jsonl"
    with Ledger(path) as ledger:
        ledger.genesis(run_id="r", config_hash="c", data_version="d", code_versions={}, seed=7)
        for number in range(1, TORN):
            ledger.append("action", {"phase": "success", "name": "note", "value": number})
    with path.open("ab") as file:
        file.write(b'{"context":{"cell"')
    with Ledger(path) as ledger:
        for number in range(TORN + 1, COUNT):
            ledger.append("action", {"phase": "success", "name": "note", "value": number / 7})
        return path.read_bytes(), ledger.head()


def a_byte_changed(lines: list[bytes], at: int, random_: random.Random) -> bytes:
    data = bytearray(b"".join(lines))
    start = sum(map(len, lines[:at]))
    spot = start + random_.randrange(len(lines[at]))
    data[spot] ^= 1 << random_.randrange(8)
    return bytes(data)


def a_record_forged(lines: list[bytes], at: int, _: random.Random) -> bytes:
    record = decode(lines[at][:-1])
    before = type(record.head)(record.seq - 1, record.prev_hash)
    body = members({**record.body, "forged": True})
    line, _head = encode(before, ts=record.ts, kind=record.kind, body=body)
    return b"".join([*lines[:at], line, *lines[at + 1 :]])


def a_record_deleted(lines: list[bytes], at: int, _: random.Random) -> bytes:
    return b"".join(lines[:at] + lines[at + 1 :])


def a_record_inserted(lines: list[bytes], at: int, _: random.Random) -> bytes:
    # Before the record, and well chained; behind the last one it would be an honest append.
    after = decode(lines[at][:-1])
    before = type(after.head)(after.seq - 1, after.prev_hash)
    body = members({"phase": "success", "name": "forged"})
    line, _head = encode(before, ts="2026-01-01", kind=Kind.ACTION, body=body)
    return b"".join([*lines[:at], line, *lines[at:]])


def two_records_swapped(lines: list[bytes], at: int, random_: random.Random) -> bytes:
    others = [other for other in records_of(lines) if other != at]
    other = random_.choice(others)
    turned = list(lines)
    turned[at], turned[other] = turned[other], turned[at]
    return b"".join(turned)


def a_record_repeated(lines: list[bytes], at: int, _: random.Random) -> bytes:
    return b"".join(lines[: at + 1] + lines[at:])


def the_tail_cut_off(lines: list[bytes], at: int, _: random.Random) -> bytes:
    return b"".join(lines[:at])


KINDS: tuple[Tamper, ...] = (
    a_byte_changed,
    a_record_forged,
    a_record_deleted,
    a_record_inserted,
    two_records_swapped,
    a_record_repeated,
    the_tail_cut_off,
)


def records_of(lines: list[bytes]) -> list[int]:
    return [number for number in range(len(lines)) if number != TORN]


@pytest.mark.parametrize("tamper", KINDS)
def test_every_tampering_is_found(path: Path, sound: tuple[bytes, Head], tamper: Tamper) -> None:
    data, head = sound
    lines = data.splitlines(keepends=True)
    moments = random.Random(20_260_102)  # noqa: S311 - where to tamper is no secret
    spots = moments.sample(records_of(lines), POSITIONS)
    path.write_bytes(data)
    assert verify(path, head=head).ok
    missed = []
    for spot in spots:
        path.write_bytes(tamper(lines, spot, moments))
        if verify(path, head=head).ok:
            missed.append(spot)
    assert len(spots) == POSITIONS
    assert missed == []


def test_without_a_witness_a_cut_tail_is_a_shorter_ledger(
    path: Path, sound: tuple[bytes, Head]
) -> None:
    data, head = sound
    lines = data.splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-7]))
    assert verify(path).ok
    found = verify(path, head=head)
    assert found.problem is not None
    assert found.problem.kind == "cut_tail"
