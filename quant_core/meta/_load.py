"""From YAML files to meta-portfolios and those inside them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from quant_core.config._load import read_file
from quant_core.errors import ConfigError
from quant_core.meta._config import parse_meta
from quant_core.meta._nesting import nested

if TYPE_CHECKING:
    from quant_core.meta._config import MetaConfig

__all__ = ["load_meta", "load_metas", "load_nested"]


def load_meta(url: str) -> MetaConfig:
    """Read a meta-portfolio from a YAML file.

    Parameters
    ----------
    url : str
        Path or fsspec URL of the file.

    Raises
    ------
    ConfigError
        If the file is missing, empty, not YAML, or holds a wrong field.
    """
    value, lines = read_file(url, expected="the name and members of a portfolio")
    return parse_meta(value, origin=url, lines=lines)


def load_nested(url: str) -> dict[str, MetaConfig]:
    """Read a meta-portfolio and those inside it, which lie beside it as ``{name}.yaml``.

    Parameters
    ----------
    url : str
        Path or fsspec URL of the file of the outermost.

    Returns
    -------
    dict of str to MetaConfig
        By name, the outermost last, each after those that it holds.

    Raises
    ------
    ConfigError
        As `load_meta`; if a file has another name inside than outside, portfolios hold each other,
        or they are nested deeper than 3.
    """
    root = load_meta(url)
    folder, found = url.rpartition("/")[0], {root.name: root}
    queue = [member.meta for member in root.members if member.meta]
    while queue:
        name = queue.pop(0)
        if name in found:
            continue
        place = f"{folder}/{name}.yaml" if folder else f"{name}.yaml"
        config = load_meta(place)
        if config.name != name:
            raise ConfigError(f"{place}: name: expected {name!r} as the file, found {config.name}")
        found[name] = config
        queue += [member.meta for member in config.members if member.meta]
    return {name: found[name] for name in nested(root.name, found)}


def load_metas(folder: str | Path) -> dict[str, MetaConfig]:
    """Read every meta-portfolio of a folder, by name; none where there is no folder.

    Raises
    ------
    ConfigError
        If a file is wrong, two share a name, or one cannot be nested as it says.
    """
    found: dict[str, MetaConfig] = {}
    for path in sorted(Path(folder).glob("*.yaml")):
        config = load_meta(str(path))
        if config.name in found:
            raise ConfigError(f"{path}: name: {config.name!r} is the name of another file too")
        found[config.name] = config
    for name in found:
        nested(name, found)
    return found
