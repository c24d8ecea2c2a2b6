# A virtual clock is in force for all of a test.
# ruff: noqa: ARG001

"""Models on a server that fails: one breaker for the server, against a real one."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from quant_core.clock import VirtualClock, use_clock
from quant_core.live import Engine, Settings, model_opener

if TYPE_CHECKING:
    from collections.abc import Iterator


class Handler(BaseHTTPRequestHandler):
    """Predicts 0.25, or answers with the status that it was told."""

    server: Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked += 1
        name = self.path.split("/")[3]
        count = body["inputs"][0]["shape"][0]
        data = [0.25] * count
        output = {"name": "Y", "shape": [count], "datatype": "FP64", "data": data}
        answer: dict[str, Any] = {"model_name": name, "outputs": [output]}
        if self.server.status != 200:
            answer = {"error": "told to"}
        content = json.dumps(answer).encode()
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
        """Keep the terminal quiet."""


class Server(ThreadingHTTPServer):
    """A server on a free port."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked, self.status = 0, 200

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def virtual() -> Iterator[VirtualClock]:
    with use_clock(VirtualClock()) as clock:
        yield clock


class World:
    """Five strategies on one server, and ticks one by one."""

    def __init__(self, kit: Any, url: str) -> None:
        settings = Settings(
            remote_inference_url=url, max_failures=3, backoff_seconds=10.0, max_backoff_seconds=60.0
        )
        self.kit, self.at, self.telemetry = kit, 0, kit.telemetry()
        self.engine = Engine(settings, model_opener(settings), self.telemetry)
        self.engine.apply([kit.strategy(f"s{k}") for k in range(5)])
        self.tick()

    def tick(self) -> tuple[int, list[str]]:
        ticks = self.kit.ticks([("A", self.at, 1.0)], first=self.at)
        self.at += 1
        outcome = self.engine.process(ticks)
        return outcome.signals.num_rows, outcome.dead.column("reason").to_pylist()

    def states(self) -> set[str]:
        return {one.state for one in self.engine.served()}


def test_an_open_circuit_is_not_called_and_what_it_drops_is_counted(
    kit: Any, virtual: Any, server: Server
) -> None:
    world = World(kit, server.url)
    assert world.tick() == (5, [])
    server.status, server.asked = 503, 0
    failed = ["backend_failed"] * 3 + ["circuit_open"] * 2
    assert world.tick() == (0, failed)
    assert server.asked == 3
    assert world.tick() == (0, [])
    assert server.asked == 3
    assert world.engine.drops == {(f"s{k}", "circuit_open"): 1 for k in range(5)}
    key = ("strategy_drops_total", "reason=circuit_open", "strategy=s0")
    assert world.telemetry.counts[key] == 1.0
    assert world.states() == {"quarantined"}
    assert f"{server.url} is not called" in world.engine.served()[0].detail


def test_one_call_tries_a_server_again_and_all_strategies_are_back(
    kit: Any, virtual: Any, server: Server
) -> None:
    world = World(kit, server.url)
    world.tick()
    server.status = 503
    world.tick()
    server.asked = 0
    virtual.sleep(10.0)
    assert world.tick() == (0, ["backend_failed"] + ["circuit_open"] * 4)
    assert server.asked == 1
    virtual.sleep(10.0)
    assert world.tick() == (0, [])
    server.status = 200
    virtual.sleep(10.0)
    assert world.tick() == (5, [])
    assert world.states() == {"serving"}


def test_a_server_that_is_gone_opens_the_circuit(kit: Any, virtual: Any, server: Server) -> None:
    world = World(kit, server.url)
    world.tick()
    server.server_close()
    server.shutdown()
    assert world.tick() == (0, ["backend_failed"] * 3 + ["circuit_open"] * 2)
    assert world.tick() == (0, [])


def test_a_model_that_the_server_refuses_is_its_own_failure(
    kit: Any, virtual: Any, server: Server
) -> None:
    world = World(kit, server.url)
    server.status, server.asked = 404, 0
    assert [world.tick() for _ in range(4)] == [(0, ["raised"] * 5)] * 3 + [(0, [])]
    assert server.asked == 15
    assert set(world.engine.drops) == {(f"s{k}", "quarantined") for k in range(5)}


def test_a_breaker_outlives_a_change_of_rows(kit: Any, virtual: Any, server: Server) -> None:
    world = World(kit, server.url)
    server.status = 503
    world.tick()
    server.asked = 0
    world.engine.apply([kit.strategy(f"s{k}", version="2") for k in range(5)])
    assert world.tick() == (0, [])
    assert server.asked == 0
