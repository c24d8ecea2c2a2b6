"""From a YAML file to a configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import fsspec
from fsspec.utils import get_protocol
from pydantic import BaseModel

from quant_core.config._model import InvalidConfigError, TournamentConfig
from quant_core.config._problems import Path, told
from quant_core.config._yaml import read_yaml
from quant_core.errors import ConfigError, UnavailableError

__all__ = ["load_config", "parse_as", "parse_config", "read_file"]


def load_config(url: str) -> TournamentConfig:
    """Read a configuration from a YAML file.

    Parameters
    ----------
    url : str
        Path or fsspec URL of the file.

    Raises
    ------
    ConfigError
        If the file is missing, empty, not YAML, or holds a wrong field; the message lists every
        problem with its line and full path.
    UnavailableError
        If the protocol of the URL needs a package that is not installed.
    """
    value, lines = read_file(url, expected="a configuration, for example 'seed: 0'")
    return parse_config(value, origin=url, lines=lines)


def parse_config(
    value: Any, *, origin: str = "configuration", lines: Mapping[Path, int] | None = None
) -> TournamentConfig:
    """Make a configuration of plain values.

    Parameters
    ----------
    value : mapping
        What the YAML file would hold.
    origin : str
        Where it comes from, for messages.
    lines : mapping of path to int, optional
        Line of each place, for messages.

    Raises
    ------
    ConfigError
        With every problem found.
    """
    return parse_as(TournamentConfig, value, origin=origin, lines=lines)


def parse_as[Config: BaseModel](
    kind: type[Config], value: Any, *, origin: str, lines: Mapping[Path, int] | None = None
) -> Config:
    """Make a model that raises `InvalidConfigError`, its problems told with their lines."""
    if not isinstance(value, Mapping):
        raise ConfigError(f"{origin}: expected a mapping of fields, found {type(value).__name__}")
    try:
        return kind(**{str(key): item for key, item in value.items()})
    except InvalidConfigError as error:
        raise ConfigError(told(origin, error.problems, lines or {})) from error


def read_file(url: str, *, expected: str) -> tuple[Any, dict[Path, int]]:
    """Return what a YAML file holds and the line of each place; an empty one is an error."""
    value, lines = read_yaml(_text(url), url)
    if value is None:
        raise ConfigError(f"{url}: the file is empty; expected {expected}")
    return value, lines


def _text(url: str) -> str:
    """Return the text of a YAML file, or say in a `ConfigError` why it cannot be read."""
    protocol = get_protocol(url)
    if protocol not in fsspec.available_protocols():
        raise ConfigError(
            f"{url}: unknown protocol {protocol!r}; expected a path or s3://, https://"
        )
    try:
        with fsspec.open(url, "rb") as handle:
            text: bytes = handle.read()
            return text.decode("utf-8-sig")
    except FileNotFoundError as error:
        raise ConfigError(f"{url}: no such file") from error
    except IsADirectoryError as error:
        raise ConfigError(f"{url}: a folder; expected a YAML file") from error
    except PermissionError as error:
        raise ConfigError(f"{url}: not allowed to read the file") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{url}: not UTF-8 text: {error}") from error
    except ImportError as error:
        raise UnavailableError(f"{url}: {error}") from error
    except OSError as error:
        raise ConfigError(f"{url}: cannot be read: {error}") from error
