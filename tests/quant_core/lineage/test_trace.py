"""A signal is walked back to its inputs, and every break in the chain is named."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from quant_core.clock import generator
from quant_core.errors import DataError, LedgerError
from quant_core.features import Feature, FeatureSet
from quant_core.ledger import Kind, Ledger
from quant_core.lineage import find_signal, trace
from quant_core.live import SIGNALS_SCHEMA, StrategyRow
from quant_core.models import Linear, ModelStore, Signature

ID = "replay/0/41/trend"
FEATURES = FeatureSet(
    features=(Feature(kind="momentum", window=5), Feature(kind="zscore", window=10))
)


@pytest.fixture
def row(tmp_path: Path) -> StrategyRow:
    rows = generator(3, "lineage").normal(size=(50, 2))
    fitted = Linear().fit(rows, rows @ np.array([0.5, -0.25]), seed=7)
    spec = ModelStore(str(tmp_path / "models")).put(
        fitted.to_onnx(),
        framework=fitted.framework,
        version="trend-2020-01",
        signature=Signature(inputs=2),
        feature_hash=FEATURES.hash,
    )
    lineage = {"sleeve": "us", "strategy": "trend", "month": "2020-01", "inputs_hash": "abc"}
    return StrategyRow(name="trend", features=FEATURES, model=spec, seed=7, lineage=lineage)


@pytest.fixture
def ledger(tmp_path: Path, row: StrategyRow) -> Path:
    assert row.model is not None
    path = tmp_path / "audit.jsonl"
    with Ledger(path) as book:
        book.genesis(run_id="run-1", config_hash="c0", data_version="d0", code_versions={}, seed=7)
        with book.action("ingest", context={"origin": "prices.parquet"}) as action:
            action.outcome = {"kept": 100}
        body = {"uri": row.model.uri, "sha256": row.model.sha256, "strategy": "trend"}
        book.append(Kind.MODEL_REGISTERED, {**body, "month": "2020-01", "inputs_hash": "abc"})
    return path


def signal_of(row: StrategyRow, **changed: Any) -> dict[str, Any]:
    found = dict.fromkeys(SIGNALS_SCHEMA.names)
    own = {"signal_id": ID, "strategy": "trend", "model_version": row.version, "seed": 7}
    return {**found, **own, "feature_hash": FEATURES.hash, **changed}


def test_a_sound_chain_reaches_the_inputs(row: StrategyRow, ledger: Path) -> None:
    walk = trace(signal_of(row), rows=[row], ledger=ledger)
    assert [link.name for link in walk] == [
        "signal",
        "strategy",
        "model",
        "registration",
        "training",
        "inputs",
    ]
    assert all(link.sound for link in walk), [link.problems for link in walk]
    facts = {link.name: link.facts for link in walk}
    assert facts["registration"]["seq"] == 3
    assert facts["training"] == {
        "sleeve": "us",
        "strategy": "trend",
        "month": "2020-01",
        "run_id": "run-1",
        "config_hash": "c0",
        "code_versions": {},
        "seed": 7,
    }
    assert facts["inputs"]["inputs_hash"] == "abc"
    assert facts["inputs"]["data_version"] == "d0"
    assert facts["inputs"]["context"] == {"origin": "prices.parquet"}


def test_an_earlier_version_of_the_row_is_found(row: StrategyRow, ledger: Path) -> None:
    assert row.model is not None
    newer = row.model_copy(update={"model": row.model.model_copy(update={"version": "next"})})
    assert all(link.sound for link in trace(signal_of(row), rows=[newer, row], ledger=ledger))


@pytest.mark.parametrize(
    ("changed", "link", "words"),
    [
        ({"model_version": "other"}, "strategy", "the signal says 'other'"),
        ({"feature_hash": "0"}, "strategy", "feature_hash: the signal says '0'"),
        ({"seed": 8}, "strategy", "seed: the signal says 8"),
    ],
)
def test_a_signal_that_its_row_contradicts(
    row: StrategyRow, ledger: Path, changed: dict[str, Any], link: str, words: str
) -> None:
    walk = trace(signal_of(row, **changed), rows=[row], ledger=ledger)
    broken = [item for item in walk if not item.sound]
    assert [item.name for item in broken] == [link]
    assert words in broken[0].problems[0]


def test_a_model_file_that_was_changed(row: StrategyRow, ledger: Path) -> None:
    assert row.model is not None
    file = Path(row.model.uri)
    file.write_bytes(file.read_bytes() + b"\0")
    walk = trace(signal_of(row), rows=[row], ledger=ledger)
    assert [item.name for item in walk if not item.sound] == ["model"]


def test_lineage_that_the_audit_trail_contradicts(row: StrategyRow, ledger: Path) -> None:
    wrong = row.model_copy(update={"lineage": {**row.lineage, "inputs_hash": "xyz"}})
    walk = trace(signal_of(row), rows=[wrong], ledger=ledger)
    assert [item.problems for item in walk if not item.sound] == [
        ("inputs_hash: the strategy's lineage says 'xyz', the audit trail says 'abc'",)
    ]


def test_a_model_that_was_never_registered(row: StrategyRow, tmp_path: Path) -> None:
    path = tmp_path / "other.jsonl"
    with Ledger(path) as book:
        book.genesis(run_id="r", config_hash="", data_version="", code_versions={}, seed=0)
    last = trace(signal_of(row), rows=[row], ledger=path)[-1]
    assert last.name == "registration"
    assert "never registered" in last.problems[0]


def test_an_audit_trail_that_was_edited(row: StrategyRow, ledger: Path) -> None:
    ledger.write_text(ledger.read_text().replace("prices.parquet", "prices.parquex"))
    with pytest.raises(LedgerError, match="edited"):
        trace(signal_of(row), rows=[row], ledger=ledger)


def test_a_signal_is_found_in_parquet_and_in_messages(row: StrategyRow, tmp_path: Path) -> None:
    signal = signal_of(row, ts=1_400_000_000_123_456_789, correlation_id="replay/0/41")
    table = pa.Table.from_pylist([signal], schema=SIGNALS_SCHEMA)
    pq.write_table(table, tmp_path / "signals.parquet")
    found = find_signal(ID, tmp_path / "signals.parquet")
    assert found["ts"] == "2014-05-13T16:53:20.123456789Z"
    assert found["model_version"] == "trend-2020-01"

    message = {
        "correlation_id": "replay/0/41",
        "ts": "2014-05-13T16:53:20.123456789Z",
        "instrument": signal["instrument"],
        "strategy": ["other", "trend"],
        "model_version": ["other-2020-01", "trend-2020-01"],
        "feature_hash": signal["feature_hash"],
        "mode": ["shadow", signal["mode"]],
        "seed": signal["seed"],
        "prediction": [0.25, signal["prediction"]],
        "signal": [0.5, signal["signal"]],
    }
    (tmp_path / "signals.jsonl").write_text(json.dumps(message) + "\n")
    assert find_signal(ID, tmp_path / "signals.jsonl") == found


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("none.parquet", None, "no such file"),
        ("bad.jsonl", "{", "line 1: expected JSON"),
        ("list.jsonl", "[]", "line 1: expected a message"),
        ("other.jsonl", '{"strategy":[]}', "no signal 'replay/0/41/trend'"),
        ("bare.jsonl", '{"correlation_id":"replay/0/41","strategy":["trend"]}', "are missing"),
        (
            "short.jsonl",
            '{"correlation_id":"replay/0/41","strategy":["trend"],"seed":[]}',
            "seed: expected 1 values, one a strategy, found 0",
        ),
    ],
)
def test_a_file_without_the_signal(
    tmp_path: Path, name: str, content: str | None, words: str
) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(DataError, match=words):
        find_signal(ID, tmp_path / name)
