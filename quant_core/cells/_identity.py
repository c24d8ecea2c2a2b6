"""The identity of a unit of work: what it is computed from, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from quant_core.canonical import digest_json

__all__ = ["CellIdentity", "Kind", "why_stale"]

Kind = Literal["selection", "solve", "simulation"]


@dataclass(frozen=True, slots=True)
class CellIdentity:
    """What decides the numbers of a cell.

    Parameters
    ----------
    kind : {"selection", "solve", "simulation"}
        The stage.
    code_version : str
        Version of the code that computes it.
    parameters : str
        Digest of the canonical JSON of its parameters.
    seed : int
        Seed of the run; 0 where nothing is random.
    inputs_hash : str
        Digest of the exact slice of data it reads.
    """

    kind: Kind
    code_version: str
    parameters: str
    seed: int
    inputs_hash: str

    @classmethod
    def of(
        cls, kind: Kind, *, code_version: str, parameters: Any, seed: int, inputs_hash: str
    ) -> CellIdentity:
        """Return the identity of a cell with the given parameters, any JSON-like value."""
        return cls(kind, code_version, digest_json(parameters), seed, inputs_hash)

    @property
    def key(self) -> str:
        """The content key: equal keys mean equal results, to the byte."""
        return digest_json(
            [self.kind, self.code_version, self.parameters, self.seed, self.inputs_hash]
        )


def why_stale(
    identity: CellIdentity, previous: tuple[str, str, int] | None
) -> Literal["new", "code changed", "inputs changed", "seed changed", "parameters changed"]:
    """Say why a cell at known coordinates has to be computed.

    Parameters
    ----------
    identity : CellIdentity
        The cell as it is wanted now.
    previous : tuple of (code_version, inputs_hash, seed), or None
        What the stored cell at the same coordinates was computed from.
    """
    if previous is None:
        return "new"
    code_version, inputs_hash, seed = previous
    if code_version != identity.code_version:
        return "code changed"
    if inputs_hash != identity.inputs_hash:
        return "inputs changed"
    if seed != identity.seed:
        return "seed changed"
    return "parameters changed"
