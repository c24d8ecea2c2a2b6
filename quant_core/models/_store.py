"""Models by content: a file named by its SHA-256, and beside it what is known of it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from quant_core.canonical import canonical_json, digest
from quant_core.errors import ModelError, ModelFormatError
from quant_core.models._refuse import MAX_MODEL_BYTES, check_sha256, refuse, sha256_of
from quant_core.models._spec import ModelSpec
from quant_core.objects import open_objects

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quant_core.models._spec import Signature
    from quant_core.objects import Objects

__all__ = ["ModelStore", "StoredModel", "read_model"]

_SHORTEST_PREFIX = 4
_MAX_RECORD_BYTES = 4 * 1024 * 1024
_SHA256 = 64


@dataclass(frozen=True, slots=True)
class StoredModel:
    """A model in a store.

    Parameters
    ----------
    spec : ModelSpec
        What identifies it.
    metadata : dict
        What made it, as JSON holds it: parity, training partition, hash of the inputs, seed.
    """

    spec: ModelSpec
    metadata: dict[str, Any] = field(default_factory=dict)


class ModelStore:
    """Models below a root, as ``{sha256[:2]}/{sha256}.onnx``, each with a record per version.

    The record ``{sha256}.{digest of the version}.json`` is written after the file, so what is
    listed is whole. Equal bytes may carry several versions: two strategies that train alike.

    Parameters
    ----------
    url : str
        Root, a path or any URL that fsspec opens.
    limit : int
        Bytes that a model may have.

    Examples
    --------
    >>> store = ModelStore("/tmp/models")  # doctest: +SKIP
    >>> spec = store.put(fitted.to_onnx(), framework=fitted.framework, ...)  # doctest: +SKIP
    >>> store.read(spec)  # doctest: +SKIP
    """

    def __init__(self, url: str, *, limit: int = MAX_MODEL_BYTES) -> None:
        self._objects = open_objects(url)
        self._url = url.rstrip("/")
        self._limit = limit

    def uri(self, sha256: str) -> str:
        """Return where the model of a checksum lies, whether it is there or not."""
        name = _name(sha256, ".onnx")
        return self._objects.path(name) if self._objects.local else f"{self._url}/{name}"

    def holds(self, sha256: str) -> bool:
        """Return whether the file of a checksum is there; its bytes are not read."""
        return self._objects.version(_name(sha256, ".onnx")) is not None

    def put(
        self,
        data: bytes,
        *,
        framework: str,
        version: str | None = None,
        signature: Signature,
        feature_hash: str,
        metadata: Mapping[str, Any] | None = None,
    ) -> ModelSpec:
        """Store a model, whole or not at all; storing it again changes nothing.

        Parameters
        ----------
        data : bytes
            The ONNX file.
        framework : str
            What trained it.
        version : str, optional
            The version that signals name; the first 12 characters of the checksum by default.
        signature : Signature
            Shape and type of input and output.
        feature_hash : str
            Hash of the feature set whose values are its columns.
        metadata : mapping, optional
            What made it, as JSON holds it.

        Raises
        ------
        ModelError
            If `refuse` refuses it; nothing is stored then.
        """
        sha256 = sha256_of(data)
        spec = ModelSpec(
            uri=self.uri(sha256),
            sha256=sha256,
            framework=framework,
            version=version or sha256[:12],
            signature=signature,
            feature_hash=feature_hash,
        )
        refuse(spec, data, limit=self._limit)
        record = {"metadata": dict(metadata or {}), "spec": spec.model_dump(mode="json")}
        del record["spec"]["uri"]  # a store may be moved as a whole
        self._write(_name(sha256, ".onnx"), data)
        self._write(_record(spec), canonical_json(record) + b"\n")
        return spec

    def read(self, spec: ModelSpec) -> bytes:
        """Return the bytes of a model of this store, their SHA-256 compared.

        Raises
        ------
        ChecksumError
            If they are not the bytes that were stored.
        ModelError
            If it is not stored, or larger than the limit.
        """
        return _read(self._objects, _name(spec.sha256, ".onnx"), spec.sha256, self._limit)

    def list(self) -> tuple[StoredModel, ...]:
        """Return what is stored, by version, then checksum.

        Raises
        ------
        ModelFormatError
            If a record cannot be read.
        """
        found = (self.stored(path) for path in self.records())
        return tuple(sorted(found, key=lambda item: (item.spec.version, item.spec.sha256)))

    def get(self, reference: str) -> StoredModel:
        """Return the model of a version, or of the first characters of a checksum.

        Parameters
        ----------
        reference : str
            A version in full, else at least four characters of a SHA-256.

        Raises
        ------
        ModelError
            If no model, or more than one, answers to it.
        """
        stored = self.list()
        found = [item for item in stored if item.spec.version == reference]
        if not found and len(reference) >= _SHORTEST_PREFIX:
            found = [item for item in stored if item.spec.sha256.startswith(reference)]
        if len(found) != 1:
            names = ", ".join(f"{item.spec.version} ({item.spec.sha256[:12]})" for item in found)
            raise ModelError(
                f"{self._url}: expected one model of version or SHA-256 {reference!r}, found "
                f"{names or 'none'} among {len(stored)}; `quant models list` shows them"
            )
        return found[0]

    def records(self) -> tuple[str, ...]:
        """Return the paths of the records, sorted; none is read."""
        found = self._objects.names()
        return tuple(self._objects.path(name) for name in found if name.endswith(".json"))

    def stored(self, path: str) -> StoredModel:
        """Return the model of a record, a path that `records` gave.

        Raises
        ------
        ModelFormatError
            If it is not the record that its name says.
        """
        place = path.removeprefix(self._objects.path("")).lstrip("/")
        name = place.rsplit("/", 1)[-1]
        try:
            record = json.loads(_limited(self._objects, place, _MAX_RECORD_BYTES))
            spec = ModelSpec(uri=self.uri(name[:_SHA256]), **record["spec"])
            stored = StoredModel(spec, dict(record["metadata"]))
        except (ValueError, KeyError, TypeError, ValidationError) as error:
            raise ModelFormatError(
                f"{path}: expected the record of a model, found what cannot be read as one "
                f"({error}); store the model again"
            ) from error
        if _record(spec).rsplit("/", 1)[-1] != name:
            raise ModelFormatError(
                f"{path}: expected the record of the model and version that it is named after, "
                f"found {spec.version} of {spec.sha256}; store the model again"
            )
        return stored

    def _write(self, name: str, data: bytes) -> None:
        found = self._objects.read(name)
        if found is None or found[0] != data:
            self._objects.put(name, data, seen=None if found is None else found[1])


def _name(sha256: str, suffix: str) -> str:
    return f"{sha256[:2]}/{sha256}{suffix}"


def _record(spec: ModelSpec) -> str:
    return _name(spec.sha256, f".{digest(spec.version.encode())[:12]}.json")


def read_model(spec: ModelSpec, *, limit: int = MAX_MODEL_BYTES) -> bytes:
    """Return the bytes of a model from where its spec says they lie, their SHA-256 compared.

    Parameters
    ----------
    spec : ModelSpec
        The model.
    limit : int
        Bytes that it may have.

    Raises
    ------
    ChecksumError
        If they are not the bytes that were stored.
    ModelError
        If it is not there, or larger than the limit.
    """
    folder, _, name = spec.uri.rpartition("/")
    return _read(open_objects(folder or "/"), name, spec.sha256, limit)


def _read(objects: Objects, name: str, sha256: str, limit: int) -> bytes:
    path = objects.path(name)
    try:
        data = _limited(objects, name, limit)
    except FileNotFoundError as error:
        raise ModelError(
            f"{path}: expected a stored model, found no file; restore it or train it again"
        ) from error
    check_sha256(data, sha256, name=path)
    return data


def _limited(objects: Objects, name: str, limit: int) -> bytes:
    """Read a file, and no more of it than the limit and a byte."""
    found = objects.version(name)
    if found is None:
        raise FileNotFoundError(objects.path(name))
    if found.size > limit:
        raise ModelFormatError(
            f"{objects.path(name)}: expected at most {limit:,} bytes, found more"
        )
    with objects.open(name) as file:
        data = bytes(file.read(limit + 1))
    if len(data) > limit:
        raise ModelFormatError(
            f"{objects.path(name)}: expected at most {limit:,} bytes, found more"
        )
    return data
