"""The process that simulates for another one: ``python -m quant_core.simulators._apart_worker``."""

from __future__ import annotations

import socket
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from quant_core.errors import QuantError
from quant_core.isolation import encode, end_with_parent, frames, limit_memory, told
from quant_core.simulators._simulate import simulate
from quant_core.simulators._window import WindowRebalance

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quant_core.isolation import Frame

__all__ = ["main"]


def main(arguments: list[str]) -> None:
    """Answer until the other end of a socket is closed."""
    end_with_parent()
    with socket.socket(fileno=int(arguments[0])) as channel:
        for frame in frames(channel):
            channel.sendall(_answer(frame))


def _answer(frame: Frame) -> bytes:
    try:
        return _load(frame.fields) if frame.fields["kind"] == "load" else _simulate(frame)
    except QuantError as error:
        return encode({"kind": "failed", "detail": str(error)})
    except BaseException as error:  # noqa: BLE001 - whatever an engine raises is one path's failure
        return encode({"kind": "failed", "detail": told(error)})


def _load(fields: Mapping[str, Any]) -> bytes:
    """Import the engine and compile what it compiles, outside of the limits of a path."""
    simulate(
        _built(fields["simulator"]),
        WindowRebalance(),
        values=np.array([[0.0, 0.0], [0.1, -0.1]]),
        weights=np.array([[0.5, -0.25]]),
        rows=np.array([0]),
        rate=0.001,
    )
    return encode({"kind": "loaded"})


def _simulate(frame: Frame) -> bytes:
    fields, given = frame.fields, frame.arrays
    simulator = _built(fields["simulator"])
    limit_memory(simulator.memory_limit << 20, for_good=False)
    path = simulate(
        simulator,
        _built(fields["rebalance"]),
        values=given["values"],
        weights=given["weights"],
        rows=given["rows"],
        rate=fields["rate"],
    )
    figures = {"nav": path.nav, "turnover": path.turnover, "cost": path.cost}
    return encode({"kind": "path"}, figures)


def _built(spelled: Mapping[str, Any]) -> Any:
    module, _, name = spelled["kind"].partition(":")
    return getattr(import_module(module), name).model_validate(spelled["fields"])


if __name__ == "__main__":
    main(sys.argv[1:])
