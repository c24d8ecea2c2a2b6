"""What is wrong with a configuration, in words."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from pydantic import BaseModel, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pydantic_core import ErrorDetails

__all__ = ["Problem", "fail", "nearest", "path_text", "problems_of", "told"]

_OURS = "config_problem"
# A default that depends on other fields is not computed while one of those is wrong.
_NOT_CALLED = "default_factory_not_called"
_SHOWN = 60
_WORDS = {
    "tuple_type": "expected a list",
    "model_type": "expected a mapping",
    "dict_type": "expected a mapping",
    "missing": "required and missing",
}

_PHRASES = (
    ("Input should be", "expected"),
    ("greater than or equal to", "at least"),
    ("less than or equal to", "at most"),
    ("greater than", "more than"),
)

type Path = tuple[str | int, ...]


class Problem(NamedTuple):
    """One problem: where in the configuration, and what."""

    path: Path
    text: str


def nearest(name: object, known: Iterable[str]) -> str:
    """Return `` (did you mean 'x'?)`` for the known name closest to one, or nothing."""
    close = difflib.get_close_matches(str(name), list(known), n=1, cutoff=0.5)
    return f" (did you mean {close[0]!r}?)" if close else ""


def fail(problems: Iterable[Problem]) -> NoReturn:
    """Raise problems from inside a validator, each at its own place.

    Raises
    ------
    pydantic.ValidationError
        Always; pydantic puts the place of the validated value in front of each path.
    """
    details = [
        InitErrorDetails(
            type=PydanticCustomError(_OURS, "{text}", {"text": problem.text}),
            loc=problem.path,
            input=None,
        )
        for problem in problems
    ]
    raise ValidationError.from_exception_data("configuration", details)


def problems_of(error: ValidationError, model: type[BaseModel]) -> list[Problem]:
    """Return the problems of a pydantic error, in our words.

    Parameters
    ----------
    error : pydantic.ValidationError
        The error.
    model : type
        The model that was validated; its fields are suggested for unknown keys.
    """
    return [
        _problem(found, model)
        for found in error.errors(include_url=False)
        if found["type"] != _NOT_CALLED
    ]


def _problem(found: ErrorDetails, model: type[BaseModel]) -> Problem:
    last = found["type"] == "extra_forbidden"
    path, models = _placed(model, found["loc"][:-1] if last else found["loc"])
    keys = list(models[0].model_fields) if len(models) == 1 else []
    return Problem((*path, *found["loc"][-1:]) if last else path, _text(found, keys))


def _text(found: ErrorDetails, keys: Sequence[str]) -> str:
    kind, value = found["type"], found["input"]
    if kind == _OURS:
        return found["msg"]
    if kind == "extra_forbidden":
        takes = f"; expected one of {', '.join(keys)}" if keys else ""
        return f"unknown key{nearest(found['loc'][-1], keys)}{takes}"
    message = found["msg"].removeprefix("Value error, ")
    if kind == "value_error":
        return message
    if kind == "union_tag_invalid":
        tags = found["ctx"]["expected_tags"].replace("'", "")
        name = found["ctx"]["tag"]
        return f"unknown kind {name!r}{nearest(name, tags.split(', '))}; known: {tags}"
    if kind == "union_tag_not_found":
        return f"expected a mapping with kind, found {_short(value)}"
    words = _WORDS.get(kind) or _reworded(message)
    return words if kind == "missing" else f"{words}, found {_short(value)}"


def _reworded(message: str) -> str:
    for theirs, ours in _PHRASES:
        message = message.replace(theirs, ours)
    return message


def _placed(model: type[BaseModel], path: Path) -> tuple[Path, list[type[BaseModel]]]:
    """Return a path without the tags that pydantic puts in for a union, and the models there."""
    kept: list[str | int] = []
    models = [model]
    for step in path:
        tagged = [one for one in models if _bears(one, step)]
        if len(models) > 1 and tagged:
            models = tagged
            continue
        kept.append(step)
        if isinstance(step, str):
            fields = [one.model_fields[step] for one in models if step in one.model_fields]
            models = [inner for field in fields for inner in _models_in(field.annotation)]
    return tuple(kept), models


def _bears(model: type[BaseModel], tag: str | int) -> bool:
    kind = model.model_fields.get("kind")
    return kind is not None and kind.default == tag


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    annotation = getattr(annotation, "__value__", annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in getattr(annotation, "__args__", ()) for model in _models_in(part)]


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


def path_text(path: Path) -> str:
    """Return a path as a person writes it: ``profiles[3].cap``."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def told(origin: str, problems: Iterable[Problem], lines: Mapping[Path, int]) -> str:
    """Return all problems as one message, each with its line if there is one.

    Parameters
    ----------
    origin : str
        The file, or what else was read.
    problems : iterable of Problem
        In any order; those with a line are told in the order of the file.
    lines : mapping of path to int
        Line of each place in the file.
    """
    placed = sorted(
        ((_line(found.path, lines), found) for found in problems), key=lambda pair: pair[0]
    )
    texts = [
        (f"line {line}: " if line else "")
        + (f"{path_text(found.path)}: " if found.path else "")
        + found.text
        for line, found in placed
    ]
    if len(texts) == 1:
        return f"{origin}: {texts[0]}"
    return f"{origin}: {len(texts)} problems:\n" + "\n".join(f"  {text}" for text in texts)


def _line(path: Path, lines: Mapping[Path, int]) -> int:
    for length in range(len(path), 0, -1):
        if path[:length] in lines:
            return lines[path[:length]]
    return 0
