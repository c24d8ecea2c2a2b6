"""What a worker needs from the driver's environment, and what a log may show of it."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from quant_core.context import PREFIX, current_settings
from quant_core.objects import SETTINGS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = [
    "is_secret",
    "own_variables",
    "project_root",
    "replaced_environment",
    "runtime_environment",
    "worker_environment",
]

_SECRET = re.compile(
    r"SECRET|TOKEN|PASSWORD|PASSWD|PASSPHRASE|CREDENTIAL|PRIVATE|AUTH|KEY|DSN|FSSPEC", re.IGNORECASE
)
_URL_WITH_PASSWORD = re.compile(r"://[^/@\s]*:[^/@\s]+@")
_THREADS = ("MKL_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def is_secret(name: str, value: str = "") -> bool:
    """Return whether the name of a variable, or a URL in its value, says that it is a secret."""
    return _SECRET.search(name) is not None or _URL_WITH_PASSWORD.search(value) is not None


def own_variables() -> dict[str, str]:
    """Return our own variables of this process and those of S3, secrets included."""
    wanted = (PREFIX, *SETTINGS)
    return {name: os.environ[name] for name in sorted(os.environ) if name.startswith(wanted)}


def project_root() -> Path:
    """Return the folder that workers import from: ``TV_PROJECT_ROOT``, else the working folder."""
    return current_settings().project_root


def worker_environment() -> dict[str, str]:
    """Return the variables that every worker needs and that no log minds.

    BLAS is held to one thread before any library is loaded; byte code is written, because
    importing without it makes a worker start several times slower (an empty value is unset).
    """
    given = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    path = [str(project_root()), *(part for part in given if part)]
    threads = dict.fromkeys(_THREADS, "1")
    return threads | {
        "PYTHONDONTWRITEBYTECODE": "",
        "PYTHONPATH": os.pathsep.join(dict.fromkeys(path)),
    }


def runtime_environment() -> dict[str, dict[str, str]]:
    """Return Ray's runtime environment for a cluster that we did not start.

    Ray writes it to its logs, so secrets stay out of it; they travel with the tasks.
    """
    open_settings = {
        name: value for name, value in own_variables().items() if not is_secret(name, value)
    }
    return {"env_vars": open_settings | worker_environment()}


@contextmanager
def replaced_environment(wanted: Mapping[str, str], *, prefix: str = "") -> Iterator[None]:
    """Set variables for the duration of a block, and put back what was there.

    Parameters
    ----------
    wanted : mapping of str to str
        The variables to set; an empty value removes the variable.
    prefix : str
        If given, variables that start with it and are not wanted are removed too.
    """
    gone = [name for name in os.environ if prefix and name.startswith(prefix)]
    before = {name: os.environ.get(name) for name in {*wanted, *gone}}
    try:
        for name in before:
            _set(name, wanted.get(name))
        yield
    finally:
        for name, value in before.items():
            _set(name, value)


def _set(name: str, value: str | None) -> None:
    if value:
        os.environ[name] = value
    else:
        os.environ.pop(name, None)
