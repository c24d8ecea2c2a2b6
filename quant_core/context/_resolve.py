"""The layers that settings come from: arguments, the environment, a file, defaults."""

from __future__ import annotations

import os
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import ValidationError

from quant_core.context._settings import Origin, Settings
from quant_core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["FILE", "PREFIX", "of_environment", "resolve", "unknown_variables"]

PREFIX = "TV_"
"""An environment variable ``TV_<FIELD>`` is a setting."""
FILE = "quant.yaml"
"""Name of the settings file in the home folder."""

_NAMED = f"{PREFIX}SETTINGS"
# Read by other programs of this repository: the SkyPilot tasks.
_OTHERS = (f"{PREFIX}CONFIG", f"{PREFIX}OUT")

_VARIABLES = (*(PREFIX + name.upper() for name in Settings.model_fields), _NAMED)

type Layer = dict[str, tuple[Any, Origin]]


def resolve(
    arguments: Mapping[str, Any] | None = None,
    *,
    file: str | Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Settings:
    """Read the settings: arguments count before ``TV_*``, these before the file, then defaults.

    Parameters
    ----------
    arguments : mapping of str to Any, optional
        What was said on the command line or in a script, by field.
    file : str or pathlib.Path, optional
        A YAML mapping of fields; by default the one that ``TV_SETTINGS`` names, else
        ``quant.yaml`` in the home folder if it is there.
    environment : mapping of str to str, optional
        Environment variables; those of this process by default. An empty one is not set.

    Raises
    ------
    ConfigError
        If a field is unknown or its value is wrong; the message says which layer it is from.

    Examples
    --------
    >>> resolve({"workers": 2}, environment={"TV_WORKERS": "8"}).workers
    2
    """
    given = _from_environment(os.environ if environment is None else environment)
    said = {
        name: (value, Origin(layer="argument", name=name))
        for name, value in (arguments or {}).items()
    }
    _refuse_unknown(said, "settings")
    above = {**given, **said}
    named = file or (os.environ if environment is None else environment).get(_NAMED) or None
    layers = {**_from_file(named, above), **above}
    return _validated(layers)


def of_environment() -> Settings:
    """Return what `resolve` returns without arguments, read again only when something changed."""
    given = tuple((name, value) for name in _VARIABLES if (value := os.environ.get(name)))
    path, _ = _place(dict(given).get(_NAMED), dict(given).get(f"{PREFIX}HOME"))
    try:
        state = os.stat(path)  # noqa: PTH116 - asked for at every partition, and three times faster
    except FileNotFoundError:
        return _remembered(given, str(Path.cwd()), ())
    return _remembered(given, str(Path.cwd()), (state.st_mtime_ns, state.st_size))


@lru_cache(maxsize=8)
def _remembered(
    given: tuple[tuple[str, str], ...], _folder: str, _file: tuple[int, ...]
) -> Settings:
    return resolve(environment=dict(given))


def unknown_variables(environment: Mapping[str, str]) -> list[str]:
    """Return the variables that begin with ``TV_`` and are no setting, sorted."""
    known = {*_VARIABLES, *_OTHERS}
    return sorted(name for name in environment if name.startswith(PREFIX) and name not in known)


def _from_environment(environment: Mapping[str, str]) -> Layer:
    found: Layer = {}
    for name in Settings.model_fields:
        variable = PREFIX + name.upper()
        if value := environment.get(variable):
            found[name] = value, Origin(layer="environment", name=variable)
    return found


def _place(named: str | Path | None, home: str | Path | None) -> tuple[Path, bool]:
    """Return where the file is, and whether it has to be there."""
    if named is not None:
        return Path(named).expanduser(), True
    return Path(home or Settings.model_fields["home"].default).expanduser() / FILE, False


def _from_file(named: str | Path | None, above: Layer) -> Layer:
    path, needed = _place(named, above["home"][0] if "home" in above else None)
    try:
        state = path.stat()
    except FileNotFoundError:
        if not needed:
            return {}
        raise ConfigError(
            f"settings: expected the file {path}, which --settings or TV_SETTINGS names, found none"
        ) from None
    values = _read(path, state.st_mtime_ns, state.st_size)
    found = {name: (value, Origin(layer="file", name=str(path))) for name, value in values.items()}
    _refuse_unknown(found, str(path))
    if not needed and "home" in found:
        raise ConfigError(
            f"{path}: home: this file was found by the home folder, so it cannot name another; "
            "set TV_HOME, or name the file by --settings or TV_SETTINGS"
        )
    return {name: one for name, one in found.items() if one[0] is not None}


@lru_cache(maxsize=4)
def _read(path: Path, _modified: int, _size: int) -> dict[str, Any]:
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: expected a YAML mapping of settings: {error}") from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ConfigError(
            f"{path}: expected a YAML mapping of settings, found {type(values).__name__}"
        )
    return {str(name): value for name, value in values.items()}


def _refuse_unknown(names: Iterable[str], place: str) -> None:
    for name in names:
        if name not in Settings.model_fields:
            known = sorted(Settings.model_fields)
            near = get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
            raise ConfigError(f"{place}: unknown setting {name!r}; {hint}")


def _validated(layers: Layer) -> Settings:
    try:
        settings = Settings(**{name: value for name, (value, _) in layers.items()})
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        value, origin = layers[name]
        raise ConfigError(
            f"settings: {name} ({origin}): {first['msg'].lower()}, found {value!r}"
        ) from error
    settings._origins.update({name: origin for name, (_, origin) in layers.items()})  # noqa: SLF001 - the package's own class
    return settings
