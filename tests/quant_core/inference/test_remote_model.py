"""A model on a server of the open inference protocol: a real server on the loopback."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from quant_core.errors import ConfigError, InferenceError, ShapeError
from quant_core.inference import ModelBank, RemoteModel, load

from .graphs import linear

if TYPE_CHECKING:
    from collections.abc import Iterator

DATA, SPEC = linear([1.0, 2.0], 0.5)
LOCAL = load(DATA, SPEC)
ROWS = np.array([[1.0, 1.0], [0.1, 0.2], [np.nan, 0.0], [3.0, -1.0]])


class Handler(BaseHTTPRequestHandler):
    """Evaluates the model, unless told what to answer."""

    server: Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.path, body))
        if self.server.silent:
            self.server.release.wait()
            return
        status, answer = self.server.answer or (200, self._predicted(body))
        content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _predicted(self, body: dict[str, Any]) -> dict[str, Any]:
        tensor = body["inputs"][0]
        found = LOCAL.predict(np.reshape(tensor["data"], tensor["shape"]))
        return answer_of(found.tolist())

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
        """Keep the terminal quiet."""


class Server(ThreadingHTTPServer):
    """A server on a free port."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.answer: tuple[int, Any] | None = None
        self.silent = False
        self.release = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


def answer_of(data: Any, **changes: Any) -> dict[str, Any]:
    count = len(data)
    output = {"name": "Y", "shape": [count, 1], "datatype": "FP64", "data": data}
    return {"model_name": SPEC.sha256, "outputs": [output | changes]}


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.release.set()
        running.shutdown()
        thread.join()


def test_the_server_is_asked_by_the_protocol(server: Server) -> None:
    model = RemoteModel(SPEC, server.url)
    found = model.predict(ROWS)

    assert found.tobytes() == LOCAL.predict(ROWS).tobytes()
    assert server.asked == [
        (
            f"/v2/models/{SPEC.sha256}/infer",
            {
                "inputs": [
                    {
                        "name": "X",
                        "shape": [3, 2],
                        "datatype": "FP64",
                        "data": [1.0, 1.0, 0.1, 0.2, 3.0, -1.0],
                    }
                ]
            },
        )
    ]
    assert (model.backend, model.detail) == ("remote", f"{SPEC.sha256} on {server.url}")


@pytest.mark.parametrize(
    ("status", "answer", "message"),
    [
        (404, {"error": "no such model"}, "answered 404: no such model"),
        (500, b"<html>", "answered 500 with what is no JSON"),
        (200, [], "no JSON object"),
        (200, answer_of([1.0] * 3) | {"model_name": "other"}, "answered for model other"),
        (200, {"outputs": answer_of([1.0] * 3)["outputs"]}, "answered for model None"),
        (200, answer_of([1.0] * 3) | {"outputs": []}, "expected one output tensor"),
        (200, answer_of([1.0] * 2), r"expected 3 predictions, found shape \[2, 1\]"),
        (200, answer_of([1.0] * 3, datatype="BYTES"), "found BYTES"),
        (200, answer_of([1.0] * 2, shape=[3, 1]), "expected 3 numbers, found 2"),
        (200, answer_of([None] * 3), "expected 3 numbers"),
        (200, answer_of([True] * 3), "expected 3 numbers"),
        (200, answer_of([[1.0], [1.0], [1.0, 2.0]]), "ragged"),
        (200, b" " * 100_000, "answered with more than 65728 bytes"),
    ],
)
def test_an_answer_that_is_not_this_models_predictions_is_a_failure(
    server: Server, status: int, answer: Any, message: str
) -> None:
    server.answer = (status, answer)

    with pytest.raises(InferenceError, match=message):
        RemoteModel(SPEC, server.url).predict(ROWS)


def test_a_prediction_that_is_not_finite_is_none(server: Server) -> None:
    server.answer = (200, answer_of([1.0, np.nan, -np.inf], datatype="FP32", shape=[3]))
    found = RemoteModel(SPEC, server.url).predict(ROWS)

    assert found[0] == 1.0
    assert np.isnan(found[1:]).all()


def test_a_silent_server_is_given_up(server: Server) -> None:
    server.silent = True

    with pytest.raises(InferenceError, match=r"took longer than 0\.05 s"):
        RemoteModel(SPEC, server.url, timeout=0.05).predict(ROWS)


def test_a_server_that_is_not_there_fails_its_strategy_only() -> None:
    with Server() as closed:
        url = closed.url
    bank = ModelBank([LOCAL, RemoteModel(SPEC, url)], [np.arange(2), np.arange(2)])
    found = bank.predict(ROWS[:2])

    assert found[:, 0].tobytes() == LOCAL.predict(ROWS[:2]).tobytes()
    assert np.isnan(found[:, 1]).all()
    assert "ConnectionRefusedError" in bank.failures[1]


def test_rows_without_a_finite_one_are_not_sent() -> None:
    model = RemoteModel(SPEC, "http://127.0.0.1:9")

    assert np.isnan(model.predict(ROWS[2:3])).all()
    with pytest.raises(ShapeError):
        model.predict(np.zeros((1, 3)))


@pytest.mark.parametrize(
    "url", ["ftp://host", "host:8080", "http://", "http://user:word@host", "http://host:99999"]
)
def test_a_url_of_no_server_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ConfigError, match="remote_inference_url") as caught:
        RemoteModel(SPEC, url)
    assert "word@" not in str(caught.value)
