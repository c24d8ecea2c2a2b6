"""Compute backends by name, as installed packages offer them."""

from __future__ import annotations

from importlib.metadata import entry_points
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from quant_core.compute import SerialCompute
from quant_core.context import current_settings
from quant_core.errors import ConfigError, UnavailableError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from quant_core.compute import Compute

__all__ = ["GROUP", "default_backend", "offered", "open_backend"]

GROUP = "quant_core.compute"
"""Entry points of this group name a callable ``(num_cpus: int | None) -> Compute``."""

_SERIAL = "serial"


def offered() -> dict[str, EntryPoint]:
    """Return the backends that installed packages offer, beside ``serial``."""
    return {point.name: point for point in sorted(entry_points(group=GROUP))}


def default_backend() -> str:
    """Return ``ray`` where its backend and ray itself are installed, else ``serial``."""
    return "ray" if "ray" in offered() and find_spec("ray") is not None else _SERIAL


def open_backend(name: str | None, workers: int | None) -> Compute:
    """Return a backend.

    Parameters
    ----------
    name : str or None
        ``serial`` or the name of an entry point; None for the one of the settings, else ``ray``
        where it is installed, else ``serial``.
    workers : int or None
        Units to run at the same time; None for what the settings say, else the backend's own
        choice.

    Raises
    ------
    ConfigError
        If nobody offers the name, or ``serial`` is asked for more than one worker.
    UnavailableError
        If what the backend needs is not installed.
    """
    settings = current_settings()
    chosen = name or settings.backend or default_backend()
    if chosen == _SERIAL:
        return _serial(workers)
    known = offered()
    if chosen == "ray" and chosen not in known:
        raise UnavailableError(
            "--backend ray: no installed package offers it; install the extra, pip install "
            f"'quant-assets[platform]', or use --backend {_SERIAL}"
        )
    if chosen not in known:
        names = ", ".join([_SERIAL, *known])
        raise ConfigError(f"--backend: expected one of {names}, found {chosen!r}")
    try:
        build: Any = known[chosen].load()
    except ImportError as error:
        raise UnavailableError(
            f"--backend {chosen}: {error}; install the extra, pip install "
            f"'quant-assets[platform]', or use --backend {_SERIAL}"
        ) from error
    backend: Compute = build(num_cpus=workers or settings.workers)
    return backend


def _serial(workers: int | None) -> Compute:
    if workers not in {None, 1}:
        raise ConfigError(f"--workers: the serial backend has one worker, found {workers}")
    return SerialCompute()
