"""The runner over HTTP, from a real server."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from quant_core.clock import use_clock
from quant_core.errors import ConfigError
from quant_core.live import Silent
from resources.runner_http import Heartbeat, RunnerServer

if TYPE_CHECKING:
    from collections.abc import Iterator


class Told(Silent):
    def exposition(self) -> bytes:
        return b"figure 1.0\n"


class Clock:
    reading = 100.0

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC)

    def seconds(self) -> float:
        return self.reading


def get(server: RunnerServer, path: str) -> tuple[int, str]:
    try:
        with urlopen(server.url + path, timeout=30) as answer:  # noqa: S310 - our own server
            return answer.status, answer.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()


@pytest.fixture
def beat() -> Heartbeat:
    return Heartbeat(10.0)


@pytest.fixture
def server(beat: Heartbeat) -> Iterator[RunnerServer]:
    with RunnerServer(Told(), beat.complaint, lambda: {"lag": {"0": 3}, "error": ""}) as server:
        yield server


def test_pages(server: RunnerServer) -> None:
    assert get(server, "/metrics") == (200, "figure 1.0\n")
    code, body = get(server, "/status?pretty")
    assert (code, json.loads(body)) == (200, {"lag": {"0": 3}, "error": ""})
    assert get(server, "/secret") == (404, "expected one of /healthz, /metrics, /status\n")


def test_health_follows_the_loop(server: RunnerServer, beat: Heartbeat) -> None:
    with use_clock(Clock()) as clock:
        assert get(server, "/healthz") == (503, "the loop has not turned yet\n")
        beat.turn()
        assert get(server, "/healthz") == (200, "ok\n")
        clock.reading += 10.5
        expected = "the loop has not turned for 10.5 s, longer than 10 s\n"
        assert get(server, "/healthz") == (503, expected)
        beat.turn()
        assert get(server, "/healthz")[0] == 200


def test_a_port_that_is_taken_is_named(server: RunnerServer) -> None:
    with pytest.raises(
        ConfigError, match=f"expected a free port on 127.0.0.1, found {server.port}"
    ):
        RunnerServer(Told(), str, dict, port=server.port)


def test_it_listens_on_this_machine_alone_and_ends(beat: Heartbeat) -> None:
    server = RunnerServer(Told(), beat.complaint, dict)
    assert server.url == f"http://127.0.0.1:{server.port}"
    server.close()
    with pytest.raises(OSError, match="refused"):
        get(server, "/metrics")
