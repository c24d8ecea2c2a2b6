"""Messages between a process and its workers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from quant_core.isolation import Frame, FrameError, FrameReader, encode

ARRAYS = st.dictionaries(
    st.sampled_from(["rows", "ts", "instrument"]),
    st.sampled_from(["<f8", "<i8", "<i4"]).flatmap(
        lambda dtype: npst.arrays(dtype, npst.array_shapes(min_dims=1, max_dims=2, min_side=0))
    ),
)


@given(
    st.lists(st.tuples(st.dictionaries(st.text(), st.text() | st.integers()), ARRAYS), max_size=4),
    st.integers(1, 50),
)
def test_messages_come_out_as_they_went_in_however_they_are_cut(
    sent: list[tuple[dict[str, str | int], dict[str, np.ndarray]]], step: int
) -> None:
    stream = b"".join(encode(fields, arrays) for fields, arrays in sent)
    reader = FrameReader(1 << 20)
    got: list[Frame] = []
    for start in range(0, len(stream), step):
        got += reader.feed(stream[start : start + step])
    assert [frame.fields for frame in got] == [fields for fields, _ in sent]
    for frame, (_, arrays) in zip(got, sent, strict=True):
        assert list(frame.arrays) == list(arrays)
        for name, array in arrays.items():
            assert frame.arrays[name].dtype == array.dtype
            assert frame.arrays[name].shape == array.shape
            assert frame.arrays[name].tobytes() == array.tobytes()


def test_the_bytes_of_a_message_are_what_they_are() -> None:
    message = encode({"b": 1, "a": "x"}, {"ts": np.array([1], dtype=np.int64)})
    header = b'{"arrays":[["ts","<i8",[1]]],"fields":{"a":"x","b":1}}'
    prefix = len(header).to_bytes(4, "little") + (8).to_bytes(8, "little")
    assert message == prefix + header + b"\x01" + bytes(7)


def test_a_long_message_is_refused_before_it_is_read() -> None:
    message = encode({}, {"rows": np.zeros(1_000)})
    with pytest.raises(FrameError, match="expected a message of at most 8000 bytes, found 80"):
        FrameReader(8_000).feed(message[:12])


@pytest.mark.parametrize(
    "header",
    [
        b"\xff\xfe",
        b"[]",
        b'{"fields":{}}',
        b'{"arrays":[["a","<f8",[1]]],"fields":{}}',
        b'{"arrays":[["a","|O",[1]]],"fields":{}}',
        b'{"arrays":[["a","<f8",[-1]]],"fields":{}}',
        b'{"arrays":[["a","<f8","x"]],"fields":{}}',
        b'{"arrays":1,"fields":{}}',
    ],
)
def test_what_is_no_message_is_refused(header: bytes) -> None:
    data = len(header).to_bytes(4, "little") + bytes(8) + header
    with pytest.raises(FrameError):
        FrameReader(1 << 20).feed(data)
