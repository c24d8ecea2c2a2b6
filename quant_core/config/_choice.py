"""One entry of an axis: a label, and the model that it stands for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from quant_core.config import _registries
from quant_core.config._problems import Problem, fail, nearest, problems_of

if TYPE_CHECKING:
    from pydantic import BaseModel

__all__ = ["LABEL", "Choice", "resolve_axis"]

LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
"""What a label may look like: it names columns, files and cells."""


@dataclass(frozen=True, slots=True)
class Choice[Spec: BaseModel]:
    """One entry of an axis.

    Parameters
    ----------
    label : str
        What the cells are called by: the entry's ``as``, or its name.
    spec : pydantic.BaseModel
        The frozen model that the name stands for, with its parameters.
    """

    label: str
    spec: Spec

    def to_dict(self) -> dict[str, Any]:
        """Return the entry as it could stand in a configuration, every default written out."""
        return {**self.spec.model_dump(mode="json"), "as": self.label}


def resolve_axis(axis: _registries.Axis, entries: Any) -> tuple[Choice[Any], ...]:
    """Turn the entries of an axis into choices.

    Parameters
    ----------
    axis : str
        The axis.
    entries : list of str, mapping or Choice
        Names, or mappings with ``name``, optionally ``as``, and the parameters.

    Raises
    ------
    pydantic.ValidationError
        With every problem of the axis; pydantic puts the name of the axis in front.
    """
    if not isinstance(entries, list | tuple) or not entries:
        fail([Problem((), f"expected a list of at least one entry, found {entries!r}")])
    choices: list[Choice[Any]] = []
    problems: list[Problem] = []
    seen: dict[str, int] = {}
    for place, entry in enumerate(entries):
        found = _resolve(axis, entry)
        if isinstance(found, Choice):
            choices.append(found)
            if found.label in seen:
                found = [Problem((), _taken(axis, found.label, seen[found.label]))]
            else:
                seen[found.label] = place
        if not isinstance(found, Choice):
            problems += [Problem((place, *problem.path), problem.text) for problem in found]
    if problems:
        fail(problems)
    return tuple(choices)


def _resolve(axis: _registries.Axis, entry: Any) -> Choice[Any] | list[Problem]:
    if isinstance(entry, Choice):
        return entry
    given = {"name": entry} if isinstance(entry, str) else entry
    if not isinstance(given, Mapping):
        return [Problem((), f"expected a name, or a mapping with name, found {entry!r}")]
    known = _registries.registry(axis)
    name = given.get("name")
    if not isinstance(name, str) or name not in known:
        return [Problem(() if entry is name else ("name",), _unknown(axis, name, known))]
    return _build(name, known[name], given)


def _build(
    name: str, model: type[BaseModel], given: Mapping[str, Any]
) -> Choice[Any] | list[Problem]:
    params = {key: value for key, value in given.items() if key != "as"}
    problems = [
        Problem((str(key),), _unknown_key(name, str(key), model))
        for key in params
        if key not in model.model_fields
    ]
    label = given.get("as", name)
    if not isinstance(label, str) or LABEL.fullmatch(label) is None:
        problems.append(Problem(("as",), f"expected letters, digits, _ . -, found {label!r}"))
    known = {key: value for key, value in params.items() if key in model.model_fields}
    try:
        spec = model.model_validate(known)
    except ValidationError as error:
        return [*problems, *problems_of(error, model)]
    return problems or Choice(str(label), spec)


def _taken(axis: str, label: str, place: int) -> str:
    return f"label {label!r} is already taken by {axis}[{place}]; give one of them another by as"


def _unknown(axis: str, name: object, known: Mapping[str, Any]) -> str:
    if name is None:
        return f"expected a name; known {axis}: {', '.join(known)}"
    return f"unknown name {name!r}{nearest(name, known)}; known {axis}: {', '.join(known)}"


def _unknown_key(name: str, key: str, model: type[BaseModel]) -> str:
    takes = [*(field for field in model.model_fields if field != "name"), "as"]
    return f"unknown key{nearest(key, takes)}; {name} takes {', '.join(takes)}"
