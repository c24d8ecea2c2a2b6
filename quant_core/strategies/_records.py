"""The table of models: which one serves each strategy in each month, and what it is worth."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from quant_core.canonical import canonical_json
from quant_core.models import ModelSpec, Signature

if TYPE_CHECKING:
    from collections.abc import Iterable

    from quant_core.models import ModelStore

__all__ = ["MODELS_SCHEMA", "OK", "ModelRecord", "models_table", "read_models"]

OK = "ok"

_TEXT = pa.dictionary(pa.int32(), pa.string())
_JSON = ("parity", "serving", "batch_invariance")

MODELS_SCHEMA = pa.schema(
    [
        ("sleeve", _TEXT),
        ("strategy", _TEXT),
        ("month", _TEXT),
        ("trained_for", _TEXT),
        ("status", _TEXT),
        ("sha256", _TEXT),
        ("version", _TEXT),
        ("framework", _TEXT),
        ("feature_hash", _TEXT),
        ("inputs", pa.int32()),
        ("train_first", _TEXT),
        ("train_last", _TEXT),
        ("rows", pa.int64()),
        ("held_out", pa.int64()),
        ("rank_ic", pa.float64()),
        ("hit_rate", pa.float64()),
        ("predicted", pa.list_(pa.float64())),
        ("realised", pa.list_(pa.float64())),
        *((name, pa.string()) for name in _JSON),
        ("key", _TEXT),
        ("inputs_hash", _TEXT),
        ("code_version", _TEXT),
        ("seed", pa.int64()),
    ]
)
"""One row a strategy and month.

``trained_for`` is the month that the model was trained for; it serves later ones until the next
training. ``train_first`` and ``train_last`` are the dates of the slice that the training read, rows
held out and ends of labels included. ``parity``, ``serving`` and ``batch_invariance`` are reports
as JSON. Without a model, ``status`` says why and ``sha256`` is empty.
"""


@dataclass(frozen=True, slots=True)
class ModelRecord:
    """What is known of the model that serves a strategy in a month; fields as `MODELS_SCHEMA`."""

    strategy: str
    month: str
    trained_for: str
    status: str
    sha256: str = ""
    version: str = ""
    framework: str = ""
    feature_hash: str = ""
    inputs: int = 0
    train_first: str = ""
    train_last: str = ""
    rows: int = 0
    held_out: int = 0
    rank_ic: float | None = None
    hit_rate: float | None = None
    predicted: tuple[float | None, ...] = field(default=(), repr=False)
    realised: tuple[float | None, ...] = field(default=(), repr=False)
    parity: dict[str, Any] = field(default_factory=dict, repr=False)
    serving: dict[str, Any] = field(default_factory=dict, repr=False)
    batch_invariance: dict[str, Any] = field(default_factory=dict, repr=False)
    key: str = ""
    inputs_hash: str = ""
    code_version: str = ""
    seed: int = 0

    @property
    def ok(self) -> bool:
        """Whether there is a model."""
        return self.status == OK

    def spec(self, store: ModelStore) -> ModelSpec:
        """Return what identifies the model in a store."""
        return ModelSpec(
            uri=store.uri(self.sha256),
            sha256=self.sha256,
            framework=self.framework,
            version=self.version,
            signature=Signature(inputs=self.inputs),
            feature_hash=self.feature_hash,
        )


def models_table(sleeve: str, records: Iterable[ModelRecord]) -> pa.Table:
    """Return records as a table, in the order given."""
    rows = [{"sleeve": sleeve, **asdict(record)} for record in records]
    for row in rows:
        row |= {name: canonical_json(row[name]).decode() for name in _JSON}
    return pa.Table.from_pylist(rows, schema=MODELS_SCHEMA)


def read_models(table: pa.Table | None) -> list[ModelRecord]:
    """Read the records back; none for no table."""
    if table is None:
        return []
    names = [one.name for one in fields(ModelRecord)]
    found = []
    for row in table.select(names).to_pylist():
        reports = {name: json.loads(row[name]) for name in _JSON}
        tenths = {name: tuple(row[name]) for name in ("predicted", "realised")}
        found.append(ModelRecord(**{**row, **reports, **tenths}))
    return found
