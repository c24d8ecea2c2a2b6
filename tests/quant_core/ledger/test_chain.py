from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_core.errors import LedgerError
from quant_core.ledger import Head, Kind, Ledger, Verification, records, verify

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    type Begin = Callable[[], AbstractContextManager[Ledger]]
    type Note = Callable[..., dict[str, object]]


ZEROS = "0" * 64
GOLDEN = (
    b'{"code_versions":{"engines":"e1"},"config_hash":"c0ffee","data_version":"d1",'
    b'"hash":"@0","kind":"genesis","prev_hash":"' + ZEROS.encode() + b'",'
    b'"run_id":"run-1","seed":7,"seq":0,"ts":"2026-01-02T03:04:06.000000+00:00"}\n'
    b'{"context":{"cell":"c1","window":"2020-02-01"},"hash":"@1","inputs":{"cube":"aa"},'
    b'"kind":"action","name":"simulate","phase":"intent","prev_hash":"@0","seq":1,'
    b'"ts":"2026-01-02T03:04:07.000000+00:00"}\n'
    b'{"context":{"cell":"c1","window":"2020-02-01"},"hash":"@2","inputs":{"cube":"aa"},'
    b'"intent":1,"kind":"action","name":"simulate",'
    b'"outcome":{"gap":{"nonfinite":"nan"},"seconds":0.5},"outputs":{"nav":"bb"},'
    b'"phase":"success","prev_hash":"@1","seq":2,"ts":"2026-01-02T03:04:08.000000+00:00"}\n'
    b'{"hash":"@3","kind":"model_registered","prev_hash":"@2","seq":3,"sha256":"ff",'
    b'"ts":"2026-01-02T03:04:09.000000+00:00","uri":"models/\xc3\xa9.onnx"}\n'
)
HASHES = (
    b"da281370daeaede6293761169f7f6e56095e1706983285bd3d4bc29024d4d1d0",
    b"5c16647b8baa723a6a4c587c6486fe1c8e9e7f023fd63b93b43809f2266e8bd8",
    b"d998d8a2995c83c9e5a36bff4abded10ee5089fab38e77bcff3d87ed0ed6922a",
    b"87cf3e65ff3244f7cd52518ccdb1d0159bae58a18409740afb37842894457d86",
)


def golden() -> bytes:
    data = GOLDEN
    for number, value in enumerate(HASHES):
        data = data.replace(b"@%d" % number, value)
    return data


@pytest.mark.usefixtures("frozen_clock")
def test_the_bytes_of_a_run(path: Path, begin: Begin) -> None:
    with begin() as ledger:
        context = {"cell": "c1", "window": "2020-02-01"}
        with ledger.action("simulate", context=context, inputs={"cube": "aa"}) as action:
            action.outputs["nav"] = "bb"
            action.outcome.update(seconds=0.5, gap=math.nan)
        ledger.append("model_registered", {"uri": "models/\u00e9.onnx", "sha256": "ff"})
    assert path.read_bytes() == golden()
    assert verify(path) == Verification(4, Head(3, HASHES[3].decode()), 0, None)


def test_the_hash_is_sha256_of_the_record_without_it(path: Path, begin: Begin, note: Note) -> None:
    with begin() as ledger:
        ledger.append("action", note(value=1.5))
    previous = ZEROS
    for line in path.read_text().splitlines():
        fields = json.loads(line)
        stated = fields.pop("hash")
        text = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert stated == hashlib.sha256(text.encode()).hexdigest()
        assert fields["prev_hash"] == previous
        previous = stated


def test_a_second_run_continues_the_chain(path: Path, begin: Begin, note: Note) -> None:
    with begin() as ledger:
        ledger.append("action", note())
    with begin() as ledger:
        assert ledger.append("action", note()).seq == 3
    assert [record.kind for record in records(path)] == ["genesis", "action"] * 2
    assert [record.seq for record in records(path, "genesis")] == [0, 2]
    assert verify(path).ok


def test_the_head_counts_what_others_appended(path: Path, begin: Begin, note: Note) -> None:
    with begin() as ledger, Ledger(path) as other:
        assert other.head() == ledger.head()
        written = other.append(Kind.ACTION, note())
        assert ledger.head() == written == verify(path).head
        assert Head.parse(str(written)) == written


def test_an_empty_ledger_has_no_head(path: Path) -> None:
    with Ledger(path) as ledger:
        assert ledger.head() == Head(-1, ZEROS)


@pytest.mark.parametrize("text", ["", "7", "x:" + ZEROS, "1:zz", "1:ff"])
def test_a_head_that_is_none(text: str) -> None:
    with pytest.raises(LedgerError, match="head"):
        Head.parse(text)


@pytest.mark.parametrize(
    ("kind", "body", "message"),
    [
        ("rumour", {}, "unknown kind 'rumour'; known: genesis, action, model_registered"),
        ("seal", {}, "seal is written by the ledger itself"),
        ("action", {"name": "x"}, "field phase is missing"),
        ("action", {"name": "x", "phase": "later"}, "phase must be intent, success, error"),
        ("action", {"name": "x", "phase": "intent", "seq": 3}, "seq belongs to the ledger"),
        ("model_registered", {"uri": "x"}, "field sha256 is missing"),
        ("action", {"name": "x", "phase": "intent", "y": {1, 2}}, "found set"),
        ("action", {"name": "x", "phase": "intent", "y": "\ud800"}, "surrogates not allowed"),
        ("action", {"name": "x", "phase": "intent", "y": 10**5000}, "integer string"),
        ("action", {"name": "x", "phase": "intent", "y": "a" * 2**24}, "more than the 16776704"),
    ],
)
def test_a_record_that_is_refused(
    path: Path, begin: Begin, kind: str, body: dict[str, object], message: str
) -> None:
    with begin() as ledger:
        with pytest.raises(LedgerError, match=message):
            ledger.append(kind, body)
        assert ledger.head().seq == 0
    assert verify(path).records == 1


def test_nesting_is_bounded(begin: Begin, note: Note) -> None:
    deep: list[object] = []
    deep.append(deep)
    with begin() as ledger, pytest.raises(LedgerError, match="64 levels"):
        ledger.append("action", note(deep=deep))


def test_a_ledger_begins_with_genesis(path: Path, note: Note) -> None:
    with Ledger(path) as ledger, pytest.raises(LedgerError, match="no genesis record yet"):
        ledger.append("action", note())
    assert path.read_bytes() == b""


def test_a_closed_ledger_refuses(begin: Begin, note: Note) -> None:
    with begin() as ledger:
        ledger.close()
        with pytest.raises(LedgerError, match="it is closed"):
            ledger.append("action", note())


def test_folders_are_made(tmp_path: Path) -> None:
    with Ledger(tmp_path / "a" / "b" / "audit.jsonl") as ledger:
        assert ledger.path == (tmp_path / "a" / "b" / "audit.jsonl").resolve()


def test_a_folder_is_no_ledger(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="Is a directory"):
        Ledger(tmp_path)


def test_a_missing_ledger_is_named(path: Path) -> None:
    with pytest.raises(LedgerError, match=r"audit\.jsonl: cannot be read: No such file"):
        verify(path)


def test_a_file_that_was_moved_is_noticed(path: Path, begin: Begin, note: Note) -> None:
    with begin() as ledger:
        path.rename(path.with_name("elsewhere.jsonl"))
        with pytest.raises(LedgerError, match="moved or deleted"):
            ledger.append("action", note())


def test_a_file_that_was_cut_is_noticed(path: Path, begin: Begin, note: Note) -> None:
    with begin() as ledger:
        ledger.append("action", note())
        path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])
        with pytest.raises(LedgerError, match="it was cut from"):
            ledger.append("action", note())


def test_a_numpy_scalar_is_a_number(path: Path, begin: Begin, note: Note) -> None:
    with begin() as ledger:
        ledger.append("action", note(value=np.float64(0.25), count=np.int64(3)))
    *_, last = records(path)
    assert (last.body["value"], last.body["count"]) == (0.25, 3)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8", exclude_characters=":=@/"), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(JSON, st.booleans()), max_size=6))
def test_what_is_written_is_read(values: list[tuple[object, bool]]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "audit.jsonl"
        ledgers = [Ledger(path), Ledger(path)]
        ledgers[0].append(
            "genesis",
            dict.fromkeys(("run_id", "config_hash", "data_version", "code_versions", "seed"), 0),
        )
        heads = [
            ledgers[which].append("action", {"phase": "intent", "name": "n", "value": value})
            for value, which in values
        ]
        for ledger in ledgers:
            ledger.close()
        found = list(records(path, "action"))
        assert [record.body["value"] for record in found] == [value for value, _ in values]
        assert [record.head for record in found] == heads
        assert all(verify(path, head=head).ok for head in heads)
