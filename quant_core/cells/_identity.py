"""The identity of a unit of work: what it is computed from, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from quant_core.canonical import digest_parts

__all__ = ["CellIdentity", "Kind", "why_stale"]

Kind = Literal["model", "selection", "solve", "simulation"]


@dataclass(frozen=True, slots=True)
class CellIdentity:
    """What decides the numbers of a cell.

    Parameters
    ----------
    kind : {"model", "selection", "solve", "simulation"}
        The stage.
    code_version : str
        Version of the code that computes it.
    parameters : str
        Digest of the canonical JSON of its parameters.
    seed : int
        Seed of the run; 0 where nothing is random.
    inputs_hash : str
        Digest of the exact slice of data it reads.

    Attributes
    ----------
    key : str
        The content key: equal keys mean equal results, to the byte.
    """

    kind: Kind
    code_version: str
    parameters: str
    seed: int
    inputs_hash: str
    key: str = field(init=False)

    def __post_init__(self) -> None:
        parts = (self.kind, self.code_version, self.parameters, str(self.seed), self.inputs_hash)
        object.__setattr__(self, "key", digest_parts(parts))


def why_stale(
    identity: CellIdentity, previous: tuple[str, str] | None
) -> Literal["new", "code changed", "inputs changed", "parameters changed"]:
    """Say why a cell at known coordinates has to be computed.

    Parameters
    ----------
    identity : CellIdentity
        The cell as it is wanted now.
    previous : tuple of (code_version, inputs_hash), or None
        What the stored cell at the same coordinates was computed from.
    """
    if previous is None:
        return "new"
    code_version, inputs_hash = previous
    if code_version != identity.code_version:
        return "code changed"
    if inputs_hash != identity.inputs_hash:
        return "inputs changed"
    return "parameters changed"
