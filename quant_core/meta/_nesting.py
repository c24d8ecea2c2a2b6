"""Meta-portfolios inside each other: in which order, how deep, and never in a circle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quant_core.config._problems import nearest
from quant_core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from quant_core.meta._config import MetaConfig

__all__ = ["DEEPEST", "nested", "sleeves_of"]

DEEPEST = 3
"""Meta-portfolios that may lie in each other, the outermost counted."""


def nested(root: str, metas: Mapping[str, MetaConfig]) -> tuple[str, ...]:
    """Return a meta-portfolio and those inside it, each after those that it holds.

    Parameters
    ----------
    root : str
        The outermost.
    metas : mapping of str to MetaConfig
        All that are known, by name.

    Raises
    ------
    ConfigError
        If one is unknown, they hold each other in a circle, or lie deeper than `DEEPEST`; the
        message names the path.
    """
    return tuple(dict.fromkeys(_visit((root,), metas)))


def sleeves_of(root: str, metas: Mapping[str, MetaConfig]) -> tuple[str, ...]:
    """Return the names of all sleeves inside a meta-portfolio, at any depth, sorted."""
    members = (member for name in nested(root, metas) for member in metas[name].members)
    return tuple(sorted({member.sleeve for member in members if member.sleeve}))


def _visit(path: tuple[str, ...], metas: Mapping[str, MetaConfig]) -> Iterator[str]:
    name, told = path[-1], " -> ".join(path)
    if name in path[:-1]:
        raise ConfigError(
            f"meta-portfolio {path[0]}: {told} is a circle; remove one of these members"
        )
    if name not in metas:
        raise ConfigError(
            f"meta-portfolio {path[0]}: no portfolio {name!r}{nearest(name, metas)} for {told}; "
            f"known: {', '.join(sorted(metas)) or 'none'}"
        )
    for member in metas[name].members:
        if member.meta:
            yield from _visit((*path, member.meta), metas)
    # After what lies deeper, so that a long circle is called one.
    if len(path) > DEEPEST:
        raise ConfigError(
            f"meta-portfolio {path[0]}: {told} lie {len(path)} deep in each other; expected at "
            f"most {DEEPEST}, so let a lower one hold its sleeves itself"
        )
    yield name
