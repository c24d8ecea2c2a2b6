"""Manifests as files: validated on the way out, on the way in, and against what they name."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import fsspec
from pydantic import TypeAdapter, ValidationError

from quant_core.canonical import digest
from quant_core.cells import whole_file
from quant_core.errors import ContractError, DataError
from quant_core.ledger import Head, verify
from quant_core.manifest._model import AnyManifest, GraphManifest, LedgerHead, Manifest
from quant_core.manifest._provenance import (
    code_of_run,
    environment_of_run,
    lock_of_run,
    package_versions,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = [
    "MANIFEST",
    "Finding",
    "made_manifest",
    "read_manifest",
    "verify_manifest",
    "write_manifest",
]

MANIFEST = "manifest.json"
"""Name of the file in the folder of a tournament."""

_AUDIT = "audit.jsonl"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a manifest says of one thing, and what is there.

    Parameters
    ----------
    name : str
        A file, or ``ledger``.
    expected, found : str
        Digest or head that the manifest names, and the one of what is there; empty for nothing.
    """

    name: str
    expected: str
    found: str

    @property
    def ok(self) -> bool:
        """Whether the two agree."""
        return self.expected == self.found


def made_manifest(facts: Mapping[str, Any], outputs: Mapping[str, str]) -> Manifest:
    """Return the manifest of what this process did.

    Parameters
    ----------
    facts : mapping
        What the run says of itself: ``kind`` and the fields of its manifest.
    outputs : mapping of str to str
        Digest of each file that it made.

    Raises
    ------
    ContractError
        If the facts do not fit the schema.
    """
    own = {
        "code": code_of_run().model_dump(),
        "lock": lock_of_run().model_dump(),
        "environment": environment_of_run().model_dump(),
        "versions": package_versions(),
        "seeds": {},
    }
    return _parsed({**own, **facts, "outputs": dict(outputs)}, MANIFEST)


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Write a manifest, whole or not at all, after it was read back by its own schema.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    manifest : Manifest
        The manifest.

    Raises
    ------
    ContractError
        If what would be written does not fit the schema.
    """
    plain = manifest.model_dump(mode="json")
    _parsed(plain, path)
    with whole_file(path) as unfinished:
        text = json.dumps(plain, indent=2, sort_keys=True, allow_nan=False)
        unfinished.write_text(text + "\n", encoding="utf-8")


def read_manifest(path: Path) -> Manifest:
    """Read a manifest.

    Parameters
    ----------
    path : pathlib.Path
        The file, or the folder of a tournament.

    Raises
    ------
    DataError
        If there is no file, or it is no JSON.
    ContractError
        If it does not fit the schema.
    """
    file = path / MANIFEST if path.is_dir() else path
    try:
        plain = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DataError(f"{file}: expected the manifest of a run, found no file") from error
    except ValueError as error:
        raise DataError(f"{file}: expected JSON, found something else: {error}") from error
    return _parsed(plain, file)


def _parsed(plain: Any, file: Path | str) -> Manifest:
    adapter: TypeAdapter[Manifest] = TypeAdapter(AnyManifest)
    try:
        return adapter.validate_python(plain)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "kind"
        raise ContractError(
            f"{file}: {place}: {first['msg'].lower()}; 'quant manifest schema' prints what is "
            "expected"
        ) from error


def verify_manifest(path: Path) -> list[Finding]:
    """Compare a manifest with the files and the audit trail that it names.

    Parameters
    ----------
    path : pathlib.Path
        The file, or the folder of a tournament.

    Returns
    -------
    list of Finding
        One an output, sorted by name, then one for the ledger in the same folder.

    Raises
    ------
    DataError
        If the manifest cannot be read.
    """
    manifest = read_manifest(path)
    if isinstance(manifest, GraphManifest):
        return list(_outputs("", manifest.outputs))
    folder = path if path.is_dir() else path.parent
    found = list(_outputs(str(folder), manifest.outputs))
    return [*found, _ledger(folder, manifest.ledger)] if hasattr(manifest, "ledger") else found


def _outputs(root: str, outputs: dict[str, str]) -> Iterator[Finding]:
    for name, expected in sorted(outputs.items()):
        fs, place = fsspec.core.url_to_fs(f"{root}/{name}" if root else name)
        try:
            found = digest(fs.cat_file(place))
        except FileNotFoundError:
            found = ""
        yield Finding(name, expected, found)


def _ledger(folder: Path, head: LedgerHead) -> Finding:
    expected = f"{head.seq} {head.hash}"
    file = folder / _AUDIT
    if not file.exists():
        return Finding("ledger", expected, "")
    checked = verify(file, head=Head(head.seq, head.hash))
    return Finding("ledger", expected, expected if checked.ok else str(checked.problem))
