from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from quant_core.ledger import Kind, Ledger, records
from quant_core.meta import MetaRecorder, MetaTables, compute_metas

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from quant_core.meta import MetaConfig

type Metas = dict[str, MetaConfig]


@pytest.fixture
def metas(meta: Callable[..., MetaConfig]) -> Metas:
    inner = meta("inner", members=[{"sleeve": "crypto"}, {"sleeve": "bonds"}])
    members = [{"sleeve": "us", "choose": "best"}, {"meta": "inner"}]
    outer = meta("outer", members=members, windows={"train": 20, "step": "month"})
    return {"inner": inner, "outer": outer}


def recorded(metas: Metas, sleeves: dict[str, Any], trail: Path) -> MetaRecorder:
    with Ledger(trail) as ledger:
        ledger.genesis(run_id="r1", config_hash="", data_version="", code_versions={}, seed=0)
        recorder = MetaRecorder(ledger, "r1", "outer", metas)
        with recorder.stage("solve", inputs={"us": "1"}) as action:
            found = compute_metas("outer", metas, sleeves, {})
            action.outputs = {"solves": recorder.solved(found)}
        with recorder.stage("simulate", inputs=action.outputs, configurations=["c"]) as action:
            action.outputs = {"paths": recorder.simulated(found)}
        with recorder.stage("flatten", inputs=action.outputs) as action:
            action.outcome = {"leakage": 0.0}
            recorder.flattened({name: MetaTables.of(one, tried=1) for name, one in found.items()})
    return recorder


def test_each_stage_says_what_it_read_and_changed_of_every_portfolio(
    metas: Metas, sleeves: dict[str, Any], tmp_path: Path
) -> None:
    recorder = recorded(metas, sleeves, tmp_path / "audit.jsonl")
    told = [
        one.body
        for one in records(tmp_path / "audit.jsonl")
        if one.kind == Kind.ACTION and one.body["phase"] == "success"
    ]
    solve, simulate, flatten = told
    assert [one["name"] for one in told] == ["solve", "simulate", "flatten"]
    assert [one["outcome"]["changed"] for one in told] == [
        step["changed"] for step in recorder.steps
    ]
    assert solve["inputs"] == {"us": "1"}
    assert simulate["inputs"] == solve["outputs"]
    assert simulate["context"] == {"run_id": "r1", "meta": "outer", "configurations": ["c"]}
    assert recorder.outputs == solve["outputs"] | simulate["outputs"]
    changed = solve["outcome"]["changed"]
    assert list(changed) == ["inner", "outer"]
    assert changed["inner"]["added"] == {"members": {"count": 2, "names": ["bonds", "crypto"]}}
    last = changed["inner"]["changed"]
    assert last["first"] == ["", "2020-01-01"]
    assert last["last"] == ["", "2021-02-03"]
    assert last["weights.equal_weight/bonds"] == [None, pytest.approx(0.5)]
    assert last["counts.common_days"] == [None, 286]
    # 400 days of crypto, 286 of them business days; nothing of the bonds is left out.
    assert last["counts.not_common/crypto"] == [None, 114]
    assert last["counts.not_common/bonds"] == [None, 0]
    assert list(simulate["outcome"]["changed"]["outer"]["changed"]) == [
        "counts.absent",
        "counts.paths",
    ]
    assert flatten["outcome"]["leakage"] == 0.0
    assert flatten["outcome"]["changed"]["inner"]["changed"]["counts.symbols"] == [None, 7]


def test_a_stream_that_changed_has_another_digest_and_no_other_has(
    metas: Metas, sleeves: dict[str, Any], tmp_path: Path
) -> None:
    before = recorded(metas, sleeves, tmp_path / "one.jsonl").contexts
    crypto = sleeves["crypto"]
    line = ("all", "native", "min_variance", "window", "custom")
    paths = {**crypto.paths, line: crypto.paths[line] * 2}
    changed = {**sleeves, "crypto": replace(crypto, paths=paths)}
    after = recorded(metas, changed, tmp_path / "two.jsonl").contexts
    found = after["inner"].diff(before["inner"]).changed
    assert list(found) == ["streams.crypto/min_variance"]
    assert len(before["outer"].streams) == 6


def test_a_stage_that_fails_is_no_step(metas: Metas, tmp_path: Path) -> None:
    with Ledger(tmp_path / "audit.jsonl") as ledger:
        ledger.genesis(run_id="r1", config_hash="", data_version="", code_versions={}, seed=0)
        recorder = MetaRecorder(ledger, "r1", "outer", metas)
        with pytest.raises(ValueError, match="no"), recorder.stage("solve", inputs={}):
            raise ValueError("no")
    assert recorder.steps == []
    assert [one.body.get("phase") for one in records(tmp_path / "audit.jsonl")][1:] == [
        "intent", "error",
    ]  # fmt: skip
