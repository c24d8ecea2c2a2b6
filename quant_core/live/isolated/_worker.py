"""The process that runs strategies in Python: ``python -m quant_core.live.isolated._worker``."""

from __future__ import annotations

import io
import socket
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from quant_core.clock import SystemClock
from quant_core.isolation import encode, end_with_parent, frames, limit_memory, told
from quant_core.live._python_strategy import Block
from quant_core.live.isolated._answer import AnswerError, checked

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quant_core.isolation import Frame

__all__ = ["main"]

_LINES, _LINE, _TEXT = 20, 200, 4_000


class _Output(io.TextIOBase):
    """Standard output and error of the strategies: keeps the first lines of a call."""

    def __init__(self) -> None:
        self._text = ""
        self._lost = 0

    def writable(self) -> bool:
        return True

    def write(self, text: str, /) -> int:
        kept = text[: _TEXT - len(self._text)]
        self._text += kept
        self._lost += len(text) - len(kept)
        return len(text)

    def take(self) -> list[str]:
        lines = self._text.splitlines()
        lost = self._lost + sum(len(line) for line in lines[_LINES:])
        kept = [line[:_LINE] for line in lines[:_LINES]]
        self._text, self._lost = "", 0
        return [*kept, f"and {lost} characters more"] if lost else kept


def main(arguments: list[str]) -> None:
    """Serve the lane at the other end of a socket until that end is closed."""
    end_with_parent()
    limit_memory(int(arguments[1]))
    output = sys.stdout = sys.stderr = _Output()
    strategies: dict[str, Any] = {}
    with socket.socket(fileno=int(arguments[0])) as channel:
        channel.sendall(encode({"kind": "ready"}))
        for frame in frames(channel):
            kind, key = frame.fields["kind"], frame.fields["key"]
            if kind == "unload":
                strategies.pop(key, None)
            elif kind == "load":
                channel.sendall(_load(frame.fields, strategies, output))
            else:
                channel.sendall(_call(frame, strategies[key], output))


def _load(fields: Mapping[str, Any], strategies: dict[str, Any], output: _Output) -> bytes:
    try:
        strategy = _build(fields)
        history = int(getattr(strategy, "history", 0))
    except BaseException as error:  # noqa: BLE001 - whatever a strategy raises is its own failure
        return _failed(fields, "raised", told(error), output)
    strategies[fields["key"]] = strategy
    return encode(
        {"kind": "loaded", "key": fields["key"], "history": history, "output": output.take()}
    )


def _build(fields: Mapping[str, Any]) -> Any:
    module, _, name = fields["python"].partition(":")
    keywords = dict(fields["parameters"])
    if fields["model"] is not None:
        keywords["predictor"] = _predictor(fields["model"])
    strategy = getattr(import_module(module), name)(**keywords)
    if not callable(getattr(strategy, "evaluate", None)):
        raise TypeError(
            f"{fields['python']}: expected an object with `evaluate`, for example a "
            f"PythonStrategy; found {type(strategy).__name__}"
        )
    return strategy


def _predictor(model: Mapping[str, Any]) -> Any:
    from quant_core.inference import load  # noqa: PLC0415 - most workers have no model
    from quant_core.models import ModelSpec, read_model, refuse  # noqa: PLC0415 - as above

    spec = ModelSpec.model_validate(model)
    data = read_model(spec)
    refuse(spec, data)
    predictor = load(data, spec)
    predictor.predict(np.zeros((1, spec.signature.inputs)))  # compiles what it needs
    return predictor


def _call(frame: Frame, strategy: Any, output: _Output) -> bytes:
    fields, arrays = frame.fields, frame.arrays
    block = Block(tuple(fields["names"]), **arrays)
    started = SystemClock().seconds()
    try:
        predictions, signals = checked(strategy.evaluate(block), len(block))
    except AnswerError as error:
        return _failed(fields, error.reason, error.detail, output)
    except BaseException as error:  # noqa: BLE001 - whatever a strategy raises is its own failure
        return _failed(fields, "raised", told(error), output)
    seconds = SystemClock().seconds() - started
    answered = {"kind": "answer", "key": fields["key"], "seconds": seconds, "output": output.take()}
    return encode(answered, {"predictions": predictions, "signals": signals})


def _failed(fields: Mapping[str, Any], reason: str, detail: str, output: _Output) -> bytes:
    return encode(
        {
            "kind": "failed",
            "key": fields["key"],
            "reason": reason,
            "detail": detail,
            "output": output.take(),
        }
    )


if __name__ == "__main__":
    main(sys.argv[1:])
