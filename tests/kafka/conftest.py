from __future__ import annotations

import gc
import os
import warnings
from typing import TYPE_CHECKING

import pytest

from tests.kafka._broker import Broker, MissingBrokerError, running_broker

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def broker() -> Iterator[Broker]:
    """Return a broker that every test shares: use topics and groups of your own."""
    pytest.importorskip("kafka", reason="kafka-python is not installed")
    yield from _running()
    _collect()


@pytest.fixture
def mortal_broker() -> Iterator[Broker]:
    """Return a broker of the test's own, to kill and to start again."""
    pytest.importorskip("kafka", reason="kafka-python is not installed")
    yield from _running()
    _collect()


def _collect() -> None:
    with warnings.catch_warnings():
        # kafka-python leaves the socket of a refused connection to the garbage collector.
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def _running() -> Iterator[Broker]:
    try:
        with running_broker() as broker:
            yield broker
    except MissingBrokerError as missing:
        if os.environ.get("CI"):
            pytest.fail(str(missing))
        pytest.skip(str(missing))
