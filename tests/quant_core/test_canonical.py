from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_core.canonical import (
    canonical_json,
    digest,
    digest_array,
    digest_json,
    digest_parts,
)

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, b"null"),
        (True, b"true"),
        (np.True_, b"true"),
        (1, b"1"),
        (np.int32(7), b"7"),
        (0.1, b"0.1"),
        (1e16, b"1e+16"),
        (-0.0, b"-0.0"),
        (np.float64(2.5), b"2.5"),
        (float("nan"), b'{"nonfinite":"nan"}'),
        (float("inf"), b'{"nonfinite":"inf"}'),
        (float("-inf"), b'{"nonfinite":"-inf"}'),
        (np.float32("nan"), b'{"nonfinite":"nan"}'),
        ("é\n", '"é\\n"'.encode()),
        ((1, [2]), b"[1,[2]]"),
        ({"b": 1, "a": {"d": 2, "c": 3}}, b'{"a":{"c":3,"d":2},"b":1}'),
        ({2: 1}, b'{"2":1}'),
    ],
)
def test_canonical_json(value: object, expected: bytes) -> None:
    assert canonical_json(value) == expected


@pytest.mark.parametrize(
    ("value", "name"), [({1, 2}, "set"), (b"x", "bytes"), ({"a": object()}, "object")]
)
def test_what_has_no_canonical_form_is_an_error(value: object, name: str) -> None:
    with pytest.raises(TypeError, match=f"^canonical JSON: .* found {name}$"):
        canonical_json(value)


@given(PLAIN)
def test_canonical_json_reads_back(value: object) -> None:
    assert json.loads(canonical_json(value)) == value


@given(st.dictionaries(st.text(), st.integers(), min_size=2))
def test_the_order_of_keys_does_not_count(value: dict[str, int]) -> None:
    turned = dict(reversed(value.items()))
    assert canonical_json(turned) == canonical_json(value)


def test_goldens() -> None:
    assert digest(b"") == hashlib.blake2b(b"", digest_size=16).hexdigest()
    assert digest(b"abc") == "cf4ab791c62b8d2b2109c90275287816"
    assert digest_json({"a": 1}) == digest(b'{"a":1}')
    assert digest_parts(["a", "b"]) == digest(b"a\x1fb")
    assert digest_array(np.array([[1, 2]], dtype=np.int64)) == digest(
        b"<i8(1, 2)" + np.array([1, 2], dtype="<i8").tobytes()
    )


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        (np.array([0.0]), np.array([-0.0]), True),
        (np.array([np.nan]), np.array([-np.nan]), True),
        (np.array([[1.0, 2.0]]), np.array([[1.0], [2.0]]).T, True),
        (np.array([1.0, 2.0]), np.array([[1.0, 2.0]]), False),
        (np.array([1], dtype=np.int64), np.array([1], dtype=np.int32), False),
        (np.array([1.0]), np.array([1]), False),
        (np.array([1.0]), np.array([np.nextafter(1.0, 2.0)]), False),
        (np.array([1.0, np.nan]), np.array([np.nan, 1.0]), False),
    ],
)
def test_digest_of_arrays(left: np.ndarray, right: np.ndarray, *, equal: bool) -> None:
    assert (digest_array(left) == digest_array(right)) == equal


def test_a_digest_leaves_its_array_alone() -> None:
    array = np.array([-0.0, np.nan])
    before = array.tobytes()
    digest_array(array)
    assert array.tobytes() == before


def test_the_borders_of_parts_count() -> None:
    assert digest_parts(["ab", "c"]) != digest_parts(["a", "bc"])
    assert digest_parts(["a"]) != digest_parts(["a", ""])
