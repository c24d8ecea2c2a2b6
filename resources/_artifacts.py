"""What may become an artifact of a run: Parquet, JSON and ONNX, by name and by content."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NoReturn

from quant_core.errors import ContractError
from quant_core.models import format_of

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["check_artifact"]

_PARQUET = b"PAR1"


def _parquet(data: bytes) -> bool:
    return len(data) > 2 * len(_PARQUET) and data[:4] == data[-4:] == _PARQUET


def _json(data: bytes) -> bool:
    try:
        json.loads(data, parse_constant=_no_number)
    except ValueError:
        return False
    return True


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


_FORMATS: dict[str, Callable[[bytes], bool]] = {
    ".parquet": _parquet,
    ".json": _json,
    ".onnx": lambda data: format_of(data) == "onnx",
}


def check_artifact(name: str, data: bytes) -> None:
    """Refuse bytes that are not what their name says, and names of other formats.

    Parameters
    ----------
    name : str
        Name of the artifact, with its suffix.
    data : bytes
        Its content.

    Raises
    ------
    ContractError
        If it is no Parquet, JSON or ONNX: a pickle, say, under whatever name.
    """
    suffix = f".{name.rpartition('.')[2]}"
    if suffix not in _FORMATS or "/" in name or "\\" in name:
        raise ContractError(
            f"artifact {name!r}: expected a name that ends with {', '.join(_FORMATS)}, "
            "without a folder; nothing else is written, and nothing that runs code when loaded"
        )
    if not _FORMATS[suffix](data):
        found = "another format" if suffix == ".json" else format_of(data)
        raise ContractError(
            f"artifact {name!r}: expected the content of a {suffix} file, found {found}"
        )
