"""A lane that is closed, and that leaves no process behind."""

from collections.abc import Iterator

import pytest

from quant_core.live import IsolatedLane, Settings
from tests.quant_core.live.isolated._lanes import running


@pytest.fixture
def lane() -> Iterator[IsolatedLane]:
    with IsolatedLane(Settings(max_concurrency=3)) as opened:
        yield opened
        pids = opened.pids
    assert not any(map(running, pids))
