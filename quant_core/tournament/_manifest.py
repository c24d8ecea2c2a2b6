"""The manifest: what a run was made from, and what it made."""

from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError, version
from platform import python_version
from typing import TYPE_CHECKING, Any

from quant_core.canonical import digest
from quant_core.cells import whole_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["OUTPUTS", "STRATEGY_OUTPUTS", "package_versions", "write_manifest"]

OUTPUTS = (
    "dropped.parquet",
    "leaderboard.parquet",
    "nav.parquet",
    "selected_atoms.parquet",
    "weights_cube.parquet",
    "window_metrics.parquet",
)
"""Files that the inputs determine to the byte."""

_PACKAGES = ("quant-assets", "numba", "numpy", "pandas", "pyarrow", "scipy")


STRATEGY_OUTPUTS = ("atom_returns.parquet", "strategy_models.parquet")
"""The same, of a configuration with strategies."""


def write_manifest(
    folder: Path,
    facts: Mapping[str, Any],
    *,
    outputs: Sequence[str] = OUTPUTS,
    known: Mapping[str, str] | None = None,
) -> None:
    """Write ``manifest.json``: the facts of a run, versions, and digests of its outputs.

    Parameters
    ----------
    folder : pathlib.Path
        The output folder.
    facts : mapping
        What the run says of itself, JSON-like.
    outputs : sequence of str
        Files that the inputs determine.
    known : mapping of str to str, optional
        Digests of files that were hashed before.
    """
    hashed = known or {}
    digests = {name: hashed.get(name) or digest((folder / name).read_bytes()) for name in outputs}
    manifest = {**facts, "versions": package_versions(), "outputs": digests}
    with whole_file(folder / "manifest.json") as unfinished:
        text = json.dumps(manifest, indent=2, sort_keys=True, allow_nan=False)
        unfinished.write_text(text + "\n", encoding="utf-8")


def package_versions() -> dict[str, str]:
    """Return the releases of Python and of what computes."""
    found = {"python": python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found
