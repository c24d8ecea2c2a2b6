"""Verifying a stored model: what was checked, and what was found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from quant_core.errors import ChecksumError, ModelError, SignatureError
from quant_core.models._probe import probe_rows
from quant_core.models._refuse import MAX_MODEL_BYTES, check_sha256, check_structure
from quant_core.models._runtime import Runtime

if TYPE_CHECKING:
    from quant_core.models._spec import ModelSpec, Signature

__all__ = ["CHECKS", "Check", "Verification", "verify_bytes", "verify_model"]

type Check = Literal["checksum", "format", "signature", "probe"]

CHECKS: tuple[Check, ...] = ("checksum", "format", "signature", "probe")
"""The checks, in their order; the first that fails is the last that runs."""

_PROBES = 64


@dataclass(frozen=True, slots=True)
class Verification:
    """The verdict on one model.

    Parameters
    ----------
    name : str
        Where the model lies.
    passed : tuple of str
        The checks that passed.
    failed : str or None
        The check that did not.
    message : str
        What was found, when one failed.
    """

    name: str
    passed: tuple[Check, ...]
    failed: Check | None = None
    message: str = ""

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return self.failed is None

    def to_dict(self) -> dict[str, Any]:
        """Return the verdict as JSON holds it."""
        return {
            "name": self.name,
            "ok": self.ok,
            "passed": list(self.passed),
            "failed": self.failed,
            "message": self.message,
        }


def verify_model(spec: ModelSpec, data: bytes, *, limit: int = MAX_MODEL_BYTES) -> Verification:
    """Check a model against its spec, and have ONNX Runtime predict probe rows.

    Parameters
    ----------
    spec : ModelSpec
        What it must be.
    data : bytes
        The file.
    limit : int
        Bytes that it may have.
    """
    try:
        check_sha256(data, spec.sha256, name=spec.uri)
    except ChecksumError as error:
        return Verification(spec.uri, (), "checksum", str(error))
    found = verify_bytes(data, spec.signature, name=spec.uri, limit=limit)
    return Verification(found.name, ("checksum", *found.passed), found.failed, found.message)


def verify_bytes(
    data: bytes, signature: Signature, *, name: str, limit: int = MAX_MODEL_BYTES
) -> Verification:
    """Check a model as `verify_model` does, without a checksum to compare."""
    try:
        check_structure(data, signature, name=name, limit=limit)
    except SignatureError as error:
        return Verification(name, ("format",), "signature", str(error))
    except ModelError as error:
        return Verification(name, (), "format", str(error))
    try:
        _probe(data, signature, name)
    except ModelError as error:
        return Verification(name, ("format", "signature"), "probe", str(error))
    return Verification(name, ("format", "signature", "probe"))


def _probe(data: bytes, signature: Signature, name: str) -> None:
    rows = probe_rows(data, inputs=signature.inputs, rows=_PROBES)
    runtime = Runtime(data, name=name, dtype=signature.dtype)
    first, again = runtime(rows), runtime(rows)
    if not np.isfinite(first).all():
        raise ModelError(f"{name}: expected finite predictions of probe rows, found others")
    if first.tobytes() != again.tobytes():
        raise ModelError(f"{name}: expected equal predictions of equal rows, found different ones")
