from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from quant_core.clock import use_clock
from quant_core.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

GENESIS = {
    "run_id": "run-1",
    "config_hash": "c0ffee",
    "data_version": "d1",
    "code_versions": {"engines": "e1"},
    "seed": 7,
}


class TickingClock:
    """Starts at a fixed instant; each reading is one second later."""

    def __init__(self) -> None:
        self._now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

    def now(self) -> datetime:
        self._now += timedelta(seconds=1)
        return self._now

    def seconds(self) -> float:
        return 0.0


@pytest.fixture
def frozen_clock() -> Iterator[None]:
    with use_clock(TickingClock()):
        yield


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "audit.jsonl"


@pytest.fixture
def begin(path: Path) -> Callable[[], Ledger]:
    """Open the ledger and write its genesis."""

    @contextmanager
    def opened() -> Iterator[Ledger]:
        with Ledger(path) as ledger:
            ledger.genesis(**GENESIS)
            yield ledger

    return opened


@pytest.fixture
def note() -> Callable[..., dict[str, object]]:
    """The body of a small action."""

    def body(**facts: object) -> dict[str, object]:
        return {"phase": "success", "name": "note", **facts}

    return body
