"""Looking after stored models: listing, showing, verifying."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import fsspec
from rich.markup import escape
from rich.table import Table

from quant_core.cli._console import print_json, results, status
from quant_core.errors import DataError, ModelError, SignatureError
from quant_core.models import (
    CHECKS,
    MAX_MODEL_BYTES,
    ModelStore,
    Verification,
    signature_of,
    verify_bytes,
    verify_model,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quant_core.models import ModelSpec, StoredModel

__all__ = ["list_models", "read_file", "show_model", "verify_file", "verify_store"]

_SHORT = 12


def list_models(store: str, *, as_json: bool) -> None:
    """Print the models of a store, one line each."""
    stored = ModelStore(store).list()
    if as_json:
        print_json([_document(item) for item in stored])
        return
    columns = ("version", "sha256", "framework", "inputs", "feature hash", "parity")
    table = _table(columns)
    for item in stored:
        spec = item.spec
        table.add_row(
            escape(spec.version),
            spec.sha256[:_SHORT],
            escape(spec.framework),
            str(spec.signature.inputs),
            escape(spec.feature_hash[:_SHORT]),
            _parity(item.metadata),
        )
    results().print(table)


def show_model(store: str, reference: str, *, as_json: bool) -> None:
    """Print all that is known of one model."""
    found = _document(ModelStore(store).get(reference))
    if as_json:
        print_json(found)
        return
    table = _table(("field", "value"))
    for name, value in _flat(found):
        table.add_row(escape(name), escape(str(value)))
    results().print(table)


def verify_store(store: str, reference: str | None, *, as_json: bool) -> bool:
    """Verify one model of a store, or all of them, and print what was found.

    Returns
    -------
    bool
        Whether every model is what its record says.

    Raises
    ------
    ModelError
        If there is nothing to verify.
    """
    models = ModelStore(store)
    records = models.records()
    if not records:
        raise ModelError(f"{store}: expected a store of models, found none")
    if reference is not None:
        found = [_verified(models, models.get(reference).spec)]
    else:
        found = [_verified_record(models, record) for record in records]
    return _report(found, as_json=as_json)


def verify_file(file: str, *, as_json: bool) -> bool:
    """Verify an ONNX file of which nothing is known, and print what was found."""
    data = read_file(file)
    try:
        signature = signature_of(data, name=file)
    except SignatureError as error:
        return _report([Verification(file, ("format",), "signature", str(error))], as_json=as_json)
    except ModelError as error:
        return _report([Verification(file, (), "format", str(error))], as_json=as_json)
    return _report([verify_bytes(data, signature, name=file)], as_json=as_json)


def read_file(file: str) -> bytes:
    """Return the bytes of a file, a path or any URL that fsspec opens.

    Raises
    ------
    DataError
        If it cannot be read, or is larger than a model may be.
    """
    try:
        with fsspec.open(file, "rb") as opened:
            data = bytes(opened.read(MAX_MODEL_BYTES + 1))
    except (OSError, ValueError) as error:
        raise DataError(f"{file}: expected a model file that can be read: {error}") from error
    if len(data) > MAX_MODEL_BYTES:
        raise DataError(f"{file}: expected at most {MAX_MODEL_BYTES:,} bytes, found more")
    return data


def _verified(models: ModelStore, spec: ModelSpec) -> Verification:
    named = f"{spec.version} ({spec.sha256[:_SHORT]})"
    try:
        data = models.read(spec)
    except ModelError as error:
        return Verification(named, (), "checksum", str(error))
    return replace(verify_model(spec, data), name=named)


def _verified_record(models: ModelStore, record: str) -> Verification:
    try:
        stored = models.stored(record)
    except ModelError as error:
        return Verification(record, (), "format", str(error))
    return _verified(models, stored.spec)


def _report(found: list[Verification], *, as_json: bool) -> bool:
    if as_json:
        print_json([item.to_dict() for item in found])
    else:
        table = _table(("model", *CHECKS))
        for item in found:
            states: dict[str | None, str] = {item.failed: "FAILED"}
            states.update(dict.fromkeys(item.passed, "ok"))
            table.add_row(escape(item.name), *(states.get(check, "-") for check in CHECKS))
        results().print(table)
        for item in found:
            if not item.ok:
                status().print(item.message, markup=False, soft_wrap=True)
    return all(item.ok for item in found)


def _document(stored: StoredModel) -> dict[str, Any]:
    return {**stored.spec.model_dump(mode="json"), "metadata": stored.metadata}


def _parity(metadata: dict[str, Any]) -> str:
    passed = metadata.get("parity", {}).get("passed")
    return "not recorded" if passed is None else "passed" if passed else "FAILED"


def _flat(value: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, item in value.items():
        if isinstance(item, dict):
            yield from _flat(item, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", item


def _table(columns: tuple[str, ...]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        table.add_column(name, overflow="fold")
    return table
