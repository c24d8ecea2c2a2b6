from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from quant_core.ledger import Head, Ledger, records, verify
from quant_core.ledger._record import encode, members
from quant_core.replay import recorded_runs

from .conftest import CONFIG, Quant, price_lines

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def trail(finished: Path, tmp_path: Path) -> Path:
    """The ledger of the small tournament, alone in a folder."""
    (tmp_path / "trail").mkdir()
    return shutil.copy(finished / "audit.jsonl", tmp_path / "trail" / "audit.jsonl")


def rewrite(path: Path, change: Any) -> None:
    """Write a ledger again, well chained, with some bodies changed."""
    head, lines = Head(-1, "0" * 64), []
    for record in list(records(path)):
        body = change(record) or dict(record.body)
        line, head = encode(head, ts=record.ts, kind=record.kind, body=members(body))
        lines.append(line)
    path.write_bytes(b"".join(lines))


def test_a_run_comes_out_again(quant: Quant, trail: Path) -> None:
    found = quant("ledger", "replay", str(trail), "--backend", "serial")
    assert found.exit_code == 0, found.stderr
    assert "all came out again" in found.stdout
    said = json.loads(quant("ledger", "replay", str(trail), "--backend", "serial", "--json").stdout)
    assert (said["same"], said["differences"], said["releases"]) == (True, [], {})
    names = {one.kind for one in recorded_runs(trail)[-1].results}
    assert names == {"action", "candidate"}
    assert said["facts"] > 30


def test_what_was_recorded_holds_what_was_written(finished: Path) -> None:
    manifest = json.loads((finished / "manifest.json").read_text())
    made: dict[str, str] = {}
    for record in recorded_runs(finished / "audit.jsonl")[-1].results:
        if record.kind == "action":
            known = {
                name: record.body["inputs"][name] for name in made.keys() & record.body["inputs"]
            }
            assert known == {name: made[name] for name in known}
            made |= {k: v for k, v in record.body["outputs"].items() if k != "cells"}
    assert made == manifest["outputs"]


def test_the_second_run_of_a_folder_comes_out_again_from_an_empty_one(quant: Quant) -> None:
    """The first run counts as tried, and what the second found stored is computed."""
    assert quant.tournament("run").exit_code == 0
    more = CONFIG.replace("hrp]", "hrp, min_variance]")
    assert quant.tournament("run", config=more).exit_code == 0
    runs = recorded_runs(quant.out / "audit.jsonl")
    (rank,) = (r for r in runs[-1].results if r.body.get("name") == "rank")
    assert rank.body["outcome"]["trials"] == 8
    for run in runs:
        found = quant(
            "ledger", "replay", str(quant.out), "--run", run.run_id, "--backend", "serial"
        )
        assert found.exit_code == 0, found.stdout + found.stderr


def test_a_result_that_does_not_come_out_again_is_named(quant: Quant, trail: Path) -> None:
    def forged(record: Any) -> dict[str, Any] | None:
        if record.body.get("name") != "solve" or record.body["phase"] != "success":
            return None
        outputs = {**record.body["outputs"], "weights_cube.parquet": "0" * 32}
        return {**record.body, "outputs": outputs}

    rewrite(trail, forged)
    assert verify(trail).ok
    found = quant("ledger", "replay", str(trail), "--backend", "serial", "--json")
    assert found.exit_code == 1
    said = json.loads(found.stdout)
    (first, *_) = said["differences"]
    assert (first["record"], first["fact"]) == ("solve", "outputs: weights_cube.parquet")
    assert first["recorded"] == "0" * 32
    table = quant("ledger", "replay", str(trail), "--backend", "serial")
    assert table.exit_code == 1
    assert "facts differ" in table.stdout


def test_other_data_are_refused(quant: Quant, trail: Path) -> None:
    lines = price_lines()
    other = quant.write("other.csv", "\n".join([*lines[:-1], lines[-1].replace(".", ".9", 1)]))
    found = quant("ledger", "replay", str(trail), "--prices", other, "--backend", "serial")
    assert found.exit_code == 2
    assert "the file has changed since" in " ".join(found.stderr.split())


def test_the_same_data_may_lie_elsewhere(quant: Quant, trail: Path) -> None:
    moved = quant.write("moved.csv", "\n".join(price_lines()))
    found = quant("ledger", "replay", str(trail), "--prices", moved, "--backend", "serial")
    assert found.exit_code == 0, found.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--run", "nobody"), "expected a run nobody, found"),
        (("--prices", "a", "--returns", "b"), "expected one of them, found both"),
    ],
)
def test_what_cannot_be_replayed_is_said(
    quant: Quant, trail: Path, arguments: tuple[str, ...], message: str
) -> None:
    found = quant("ledger", "replay", str(trail), "--backend", "serial", *arguments)
    assert found.exit_code == 2
    assert message in " ".join(found.stderr.split())


def _without_config(record: Any) -> dict[str, Any] | None:
    return {k: v for k, v in record.body.items() if k != "config"}


def _with_other_seed(record: Any) -> dict[str, Any] | None:
    if record.kind != "genesis":
        return None
    return {**record.body, "config": {**record.body["config"], "seed": 99}}


def _with_secret(record: Any) -> dict[str, Any] | None:
    if record.kind != "genesis":
        return None
    source = {**record.body["data"]["source"], "prices": "s3://[redacted]@host/prices.csv"}
    return {**record.body, "data": {**record.body["data"], "source": source}}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_without_config, "its genesis has no configuration"),
        (_with_other_seed, "a value looked like a secret"),
        (_with_secret, "held a secret, which no ledger keeps"),
    ],
)
def test_a_genesis_that_does_not_say_enough_is_refused(
    quant: Quant, trail: Path, change: Any, message: str
) -> None:
    rewrite(trail, change)
    found = quant("ledger", "replay", str(trail), "--backend", "serial")
    assert found.exit_code == 2
    assert message in " ".join(found.stderr.split())


def test_records_are_shown_and_chosen(quant: Quant, finished: Path) -> None:
    found = quant("ledger", "show", str(finished))
    assert found.exit_code == 0
    for text in ("genesis", "solve intent", "solve success", "rank success", "candidate"):
        assert text in found.stdout
    run_id = recorded_runs(finished / "audit.jsonl")[-1].run_id
    said = json.loads(
        quant(
            "ledger", "show", str(finished), "--run", run_id[:12], "--kind", "rank", "--json"
        ).stdout
    )
    assert [(one["name"], one["phase"]) for one in said] == [
        ("rank", "intent"),
        ("rank", "success"),
    ]
    assert all(len(one["hash"]) == 64 for one in said)
    last = json.loads(quant("ledger", "show", str(finished), "--last", "1", "--json").stdout)
    assert [one["seq"] for one in last] == [verify(finished / "audit.jsonl").head.seq]


def test_nothing_to_show_names_what_there_is(quant: Quant, finished: Path) -> None:
    found = quant("ledger", "show", str(finished), "--kind", "nothing")
    assert found.exit_code == 2
    said = " ".join(found.stderr.split())
    assert "kinds and actions: genesis, action, candidate, ingest, select, solve" in said


def test_a_witness_finds_a_cut_tail(quant: Quant, trail: Path) -> None:
    head = verify(trail).head
    sound = quant("ledger", "verify", str(trail), "--witness", str(head))
    assert (sound.exit_code, "holds 1 witnessed head" in sound.stdout) == (0, True)
    early = next(iter(records(trail))).head
    trail.write_bytes(b"".join(trail.read_bytes().splitlines(keepends=True)[:-3]))
    assert quant("ledger", "verify", str(trail)).exit_code == 0
    found = quant("ledger", "verify", str(trail), "--witness", str(early), "--witness", str(head))
    assert found.exit_code == 1
    assert "was witnessed, the file ends with" in " ".join(found.stderr.split())


def test_a_witness_finds_a_trail_that_was_written_anew(quant: Quant, trail: Path) -> None:
    head = verify(trail).head
    rewrite(trail, lambda record: {**record.body, "seed": 8} if record.kind == "genesis" else None)
    assert quant("ledger", "verify", str(trail)).exit_code == 0
    found = quant("ledger", "verify", str(trail), "--witness", str(head))
    assert found.exit_code == 1
    assert "was witnessed as" in " ".join(found.stderr.split())


def test_a_witness_that_is_no_head_is_an_error(quant: Quant, trail: Path) -> None:
    found = quant("ledger", "verify", str(trail), "--witness", "7")
    assert found.exit_code == 2
    assert "head '7': expected a hash of 64 characters" in " ".join(found.stderr.split())


def test_candidates_are_recorded_with_their_gates(finished: Path) -> None:
    with Ledger(finished / "audit.jsonl") as ledger:
        found = list(records(ledger.path, "candidate"))
    assert [record.body["rank"] for record in found] == list(range(1, len(found) + 1))
    assert all(len(record.body["cell"]) == 5 for record in found)
    failed = [record.body for record in found if not record.body["passed"]]
    assert failed
    assert all("dsr" in body["figures"] and body["reason"] for body in failed)
