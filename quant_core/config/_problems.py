"""What is wrong with a configuration, in words."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from pydantic import BaseModel, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

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
        Problem(found["loc"], _text(found, model))
        for found in error.errors(include_url=False)
        if found["type"] != _NOT_CALLED
    ]


def _text(found: ErrorDetails, model: type[BaseModel]) -> str:
    kind, value = found["type"], found["input"]
    if kind == _OURS:
        return found["msg"]
    if kind == "extra_forbidden":
        keys = _keys(model, found["loc"][:-1])
        takes = f"; expected one of {', '.join(keys)}" if keys else ""
        return f"unknown key{nearest(found['loc'][-1], keys)}{takes}"
    message = found["msg"].removeprefix("Value error, ")
    if kind == "value_error":
        return message
    words = _WORDS.get(kind) or _reworded(message)
    return words if kind == "missing" else f"{words}, found {_short(value)}"


def _reworded(message: str) -> str:
    for theirs, ours in _PHRASES:
        message = message.replace(theirs, ours)
    return message


def _keys(model: type[BaseModel], path: Path) -> list[str]:
    for step in path:
        field = model.model_fields.get(str(step))
        inner = _model_in(field.annotation) if field is not None else None
        if inner is None:
            return []
        model = inner
    return list(model.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    for part in (annotation, *getattr(annotation, "__args__", ())):
        if isinstance(part, type) and issubclass(part, BaseModel):
            return part
    return None


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
