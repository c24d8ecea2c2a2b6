"""Telling a file by its first bytes, so that nothing parses what is no ONNX model."""

from __future__ import annotations

from quant_core.errors import ModelFormatError

__all__ = ["FileFormat", "format_of", "refuse_other_formats"]

type FileFormat = str

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", "a ZIP archive, as torch.save and skops write it"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (b"\x93NUMPY", "a NumPy array, as joblib writes it beside a pickle"),
    (b"\x89HDF", "an HDF5 file, as Keras writes it"),
    (b"\x1f\x8b", "a gzip stream, as joblib writes it"),
    (b"BZh", "a bzip2 stream, as joblib writes it"),
    (b"\xfd7zXZ", "an xz stream, as joblib writes it"),
    (b"\x04\x22\x4d\x18", "an LZ4 stream, as joblib writes it"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard stream"),
    (b"\x5d\x00\x00", "an LZMA stream, as joblib writes it"),
    (b"\x78\x01", "a zlib stream, as joblib writes it"),
    (b"\x78\x5e", "a zlib stream, as joblib writes it"),
    (b"\x78\x9c", "a zlib stream, as joblib writes it"),
    (b"\x78\xda", "a zlib stream, as joblib writes it"),
    (b"ZF", "a joblib file of an old release"),
)
_PICKLE, _PICKLE_PROTOCOLS = 0x80, range(2, 6)
_ONNX = 0x08  # the tag of ir_version, which every writer of ONNX puts first
_LIGHTGBM, _XGBOOST_UBJSON = b"tree\nversion=", b"{L\x00\x00\x00\x00\x00\x00\x00\x07learner"


def format_of(data: bytes) -> FileFormat:
    """Tell what a file is by its first bytes; nothing is parsed.

    Parameters
    ----------
    data : bytes
        The file.

    Returns
    -------
    str
        ``onnx``, ``lightgbm``, ``xgboost-json`` or ``xgboost-ubj``; anything else in words.
    """
    if len(data) > 1 and data[0] == _PICKLE and data[1] in _PICKLE_PROTOCOLS:
        return "a pickle, which runs code when it is loaded"
    for magic, words in _MAGIC:
        if data.startswith(magic):
            return words
    if data.replace(b"\r\n", b"\n", 2).startswith(_LIGHTGBM):
        return "lightgbm"
    if data.startswith(_XGBOOST_UBJSON):
        return "xgboost-ubj"
    if data[:1] == b"{" and b'"learner"' in data[:4096]:
        return "xgboost-json"
    if data[:1] == bytes([_ONNX]):
        return "onnx"
    # A pickle of protocol 0 is plain text that ends with a full stop.
    if data.rstrip(b"\n").endswith(b".") and data.isascii() and b"\n" in data:
        return "text that may be a pickle of protocol 0, which runs code when it is loaded"
    return "an empty file" if not data else f"bytes that begin {data[:8].hex(' ')}"


def refuse_other_formats(data: bytes, *, name: str) -> None:
    """Refuse a file that does not begin as an ONNX model does.

    Raises
    ------
    ModelFormatError
        If it is another format, a pickle for example; the message says which.
    """
    found = format_of(data)
    if found != "onnx":
        raise ModelFormatError(f"{name}: expected an ONNX model, found {found}; nothing read it")
