"""YAML with the line of every key, and no key twice."""

from __future__ import annotations

from typing import Any

import yaml

from quant_core.config._problems import Path, Problem, told
from quant_core.errors import ConfigError

__all__ = ["read_yaml"]

_MERGE = "tag:yaml.org,2002:merge"


def read_yaml(text: str, origin: str) -> tuple[Any, dict[Path, int]]:
    """Return the value of a YAML document and the line of every place in it.

    Parameters
    ----------
    text : str
        The document.
    origin : str
        Where it comes from, for messages.

    Returns
    -------
    value : object
        Mappings, lists and scalars; None for an empty document.
    lines : dict of path to int
        Line of each key and list item, counted from 1.

    Raises
    ------
    ConfigError
        If the text is not YAML, or a mapping has a key twice or one that is not text.
    """
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None, {}
        lines: dict[Path, int] = {}
        problems: list[Problem] = []
        _walk(node, (), lines, problems, ())
        if problems:
            raise ConfigError(told(origin, problems, lines))
        return loader.construct_document(node), lines
    except yaml.YAMLError as error:
        raise ConfigError(f"{origin}: {_syntax(error)}") from error
    finally:
        loader.dispose()


def _walk(
    node: yaml.Node,
    path: Path,
    lines: dict[Path, int],
    problems: list[Problem],
    above: tuple[yaml.Node, ...],
) -> None:
    if node in above:
        problems.append(Problem(path, "the value contains itself"))
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.tag != _MERGE:
                _key(key, path, lines, problems)
            _walk(value, (*path, str(key.value)), lines, problems, (*above, node))
    elif isinstance(node, yaml.SequenceNode):
        for place, item in enumerate(node.value):
            lines[*path, place] = item.start_mark.line + 1
            _walk(item, (*path, place), lines, problems, (*above, node))


def _key(key: yaml.Node, path: Path, lines: dict[Path, int], problems: list[Problem]) -> None:
    line = key.start_mark.line + 1
    place = (*path, str(key.value))
    if key.tag != "tag:yaml.org,2002:str":
        problems.append(Problem(place, f"expected a key of text, found {key.value!r}; quote it"))
    elif place in lines:
        problems.append(Problem(place, f"the key stands twice, in lines {lines[place]} and {line}"))
    lines[place] = line


def _syntax(error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        mark = error.problem_mark
        return f"line {mark.line + 1}, column {mark.column + 1}: not YAML: {error.problem}"
    return f"not YAML: {error}"
