"""Strategies in Python that behave, and that misbehave in every way there is."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numba
import numpy as np

from quant_core.live import Block

Answer = tuple[np.ndarray, np.ndarray]


class Strategy:
    def __init__(self, evaluate: Callable[[Block], object], history: int = 0) -> None:
        self.evaluate = evaluate
        self.history = history


def good(factor: float = 1.0) -> Strategy:
    return Strategy(lambda block: (factor * block.rows[:, 0], np.sign(block.rows[:, 0])))


def told(history: int) -> Strategy:
    """Predict what can be read off a block: instrument, instant and oldest price."""

    def evaluate(block: Block) -> Answer:
        lengths = np.array([float(len(block.names[code])) for code in block.instrument])
        return lengths + block.ts + block.history[:, 0], np.zeros(len(block))

    return Strategy(evaluate, history)


def modelled(predictor: object, scale: float) -> Strategy:
    def evaluate(block: Block) -> Answer:
        predictions = predictor.predict(block.rows)
        return predictions, np.clip(predictions / scale, -1.0, 1.0)

    return Strategy(evaluate)


def waits_for(folder: str) -> Strategy:
    """Say who runs, then go on when told to."""

    def evaluate(block: Block) -> Answer:
        (Path(folder) / f"pid-{os.getpid()}").touch()
        while not (Path(folder) / "go").exists():
            time.sleep(0.001)
        return block.rows[:, 0], np.zeros(len(block))

    return Strategy(evaluate)


def raises_when_built() -> Strategy:
    raise RuntimeError("no such parameter file")


def is_no_strategy() -> object:
    return object()


def exits_when_built() -> Strategy:
    os._exit(3)


def hangs_when_built() -> Strategy:
    while True:
        time.sleep(0.01)


def spins_in_machine_code() -> Strategy:
    """Hold the interpreter for ever."""

    @numba.njit
    def spin(value: float) -> float:
        while value > -1.0:
            value = abs(value - 1.0)
        return value

    spin(-2.0)
    return Strategy(lambda block: spin(float(len(block))))


def leaves_a_child(folder: str) -> Strategy:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    (Path(folder) / f"child-{child.pid}").touch()
    return Strategy(lambda _: os._exit(1))


class _UnprintableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


def _raise(error: BaseException) -> object:
    raise error


def _sleep() -> object:
    while True:
        time.sleep(0.01)


def _print(block: Block) -> Answer:
    for number in range(50_000):
        sys.stdout.write(f"{number} {'blah ' * 20}\n")
        sys.stderr.write("warning\n")
    for _ in range(200):
        os.write(1, b"x" * 10_000)
        os.write(2, b"y" * 10_000)
    return block.rows[:, 0], np.zeros(len(block))


def _eat() -> object:
    eaten = []
    while True:
        eaten.append(np.ones(10_000_000))


def _talk() -> None:
    for descriptor in range(3, 100):
        with suppress(OSError):
            os.write(descriptor, b"\xff" * 99)


def _pair(block: Block, *, prediction: object = 0.0, signal: object = 0.0) -> Answer:
    zeros = np.zeros(len(block))
    return zeros + prediction, zeros + signal


FAULTS: dict[str, Callable[[Block], object]] = {
    "raises": lambda _: _raise(ValueError("the moon is in the wrong house")),
    "raises_a_novel": lambda _: _raise(ValueError("x" * 1_000_000)),
    "raises_unprintable": lambda _: _raise(_UnprintableError()),
    "leaves": lambda _: _raise(SystemExit(0)),
    "interrupts": lambda _: _raise(KeyboardInterrupt()),
    "hangs": lambda _: _sleep(),
    "hangs_in_c": lambda _: re.match(r"(a+)+$", "a" * 64 + "b"),
    "exits": lambda _: os._exit(7),
    "crashes": lambda _: os.kill(os.getpid(), signal.SIGSEGV),
    "eats": lambda _: _eat(),
    "closes_its_files": lambda _: os.closerange(0, 1_000) or _sleep(),
    "talks_to_the_runner": lambda _: _talk(),
    "prints": _print,
    "nan": lambda block: _pair(block, prediction=np.nan),
    "infinite": lambda block: _pair(block, signal=-np.inf),
    "out_of_range": lambda block: _pair(block, signal=1.0 + 1e-9),
    "huge": lambda block: (np.zeros(20_000_000), np.zeros(len(block))),
    "short": lambda block: (np.zeros(len(block) - 1), np.zeros(len(block))),
    "column": lambda block: (np.zeros((len(block), 1)), np.zeros(len(block))),
    "floats": lambda block: ([0.0] * len(block), [0.0] * len(block)),
    "single": lambda block: (np.zeros(len(block), np.float32), np.zeros(len(block))),
    "text": lambda block: (np.full(len(block), "up"), np.zeros(len(block))),
    "nothing": lambda _: None,
    "one": lambda block: np.zeros(len(block)),
}


def faulty(how: str) -> Strategy:
    return Strategy(FAULTS[how])
