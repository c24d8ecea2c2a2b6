"""Which code, dependencies and machine a run has."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, distributions, version
from pathlib import Path

from quant_core.context import current_settings
from quant_core.manifest._model import Code, Environment, Lock

__all__ = ["code_of_run", "environment_of_run", "lock_of_run", "package_versions"]

_DISTRIBUTION = "quant-assets"
_ROOT = Path(__file__).resolve().parents[2]
_PACKAGES = (_DISTRIBUTION, "numba", "numpy", "pandas", "pyarrow", "scipy")


def code_of_run(root: Path = _ROOT) -> Code:
    """Return which code runs.

    Parameters
    ----------
    root : pathlib.Path
        Folder that the packages are imported from; a commit is known if it is a checkout.
    """
    commit = _git(root, "rev-parse", "HEAD") if (root / ".git").exists() else None
    if commit is None:
        return Code(version=_version(_DISTRIBUTION))
    changes = _git(root, "status", "--porcelain", "--untracked-files=no")
    return Code(version=_version(_DISTRIBUTION), commit=commit, modified=bool(changes))


def _git(root: Path, *arguments: str) -> str | None:
    try:
        found = subprocess.run(  # noqa: S603 - fixed arguments
            ["git", "-C", str(root), *arguments],  # noqa: S607 - the git that is installed
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        return None
    return found.stdout.strip() if found.returncode == 0 else None


def lock_of_run(root: Path = _ROOT) -> Lock:
    """Return which dependencies run: the lock file of the checkout or project, else what is there.

    Parameters
    ----------
    root : pathlib.Path
        Folder that the packages are imported from.
    """
    for folder in (root, current_settings().project_root):
        file = folder / "uv.lock"
        if file.is_file():
            return Lock(kind="uv.lock", sha256=hashlib.sha256(file.read_bytes()).hexdigest())
    return Lock(kind="distributions", sha256=_installed())


@cache
def _installed() -> str:
    found = {f"{one.name.lower()}=={one.version}" for one in distributions()}
    return hashlib.sha256("\n".join(sorted(found)).encode()).hexdigest()


def environment_of_run() -> Environment:
    """Return which machine runs."""
    affinity = getattr(os, "sched_getaffinity", None)
    return Environment(
        python=f"{platform.python_implementation()} {platform.python_version()}",
        system=f"{platform.system()} {platform.release()}",
        machine=platform.machine(),
        processors=len(affinity(0)) if affinity else os.cpu_count() or 1,
    )


def package_versions() -> dict[str, str]:
    """Return the releases of Python and of what computes."""
    return {"python": platform.python_version()} | {name: _version(name) for name in _PACKAGES}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
