from __future__ import annotations

from typing import Any

import pytest

from quant_core.canonical import digest
from quant_core.cells import CellIdentity, why_stale

FIELDS: dict[str, Any] = {
    "kind": "solve",
    "code_version": "c",
    "parameters": "p",
    "seed": 0,
    "inputs_hash": "i",
}


def test_the_key_is_a_digest_of_every_field() -> None:
    assert CellIdentity(**FIELDS).key == digest(b"solve\x1fc\x1fp\x1f0\x1fi")


@pytest.mark.parametrize(
    ("field", "other"),
    [
        ("kind", "simulation"),
        ("code_version", "c2"),
        ("parameters", "p2"),
        ("seed", 1),
        ("inputs_hash", "i2"),
    ],
)
def test_every_field_changes_the_key(field: str, other: Any) -> None:
    assert CellIdentity(**{**FIELDS, field: other}).key != CellIdentity(**FIELDS).key


@pytest.mark.parametrize(
    ("previous", "why"),
    [
        (None, "new"),
        (("old", "i"), "code changed"),
        (("old", "old"), "code changed"),
        (("c", "old"), "inputs changed"),
        (("c", "i"), "parameters changed"),
    ],
)
def test_why_stale(previous: tuple[str, str] | None, why: str) -> None:
    assert why_stale(CellIdentity(**FIELDS), previous) == why
