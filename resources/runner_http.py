"""The runner over HTTP: ``/metrics``, ``/healthz`` and ``/status``."""

from __future__ import annotations

import json
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

from quant_core.clock import clock
from quant_core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from quant_core.live import Telemetry

__all__ = ["Heartbeat", "RunnerServer"]

_TEXT = "text/plain; charset=utf-8"
_METRICS = "text/plain; version=1.0.0; charset=utf-8"
_REQUEST_SECONDS = 10.0


class Heartbeat:
    """Whether a loop still turns.

    Parameters
    ----------
    seconds : float
        How long a turn may take before the loop counts as stuck.

    Examples
    --------
    >>> beat = Heartbeat(10.0)
    >>> beat.turn()
    >>> beat.complaint()
    ''
    """

    def __init__(self, seconds: float = 10.0) -> None:
        self._limit = seconds
        self._last: float | None = None

    def turn(self) -> None:
        """Say that the loop has turned."""
        self._last = clock().seconds()

    def complaint(self) -> str:
        """Return why the loop is unhealthy; empty if it is not."""
        last = self._last
        if last is None:
            return "the loop has not turned yet"
        waited = clock().seconds() - last
        if waited <= self._limit:
            return ""
        return f"the loop has not turned for {waited:.1f} s, longer than {self._limit:g} s"


class RunnerServer:
    """A small HTTP server in a thread of its own.

    ``/healthz`` answers 200 while there is no complaint, else 503 with it; ``/status`` answers what
    ``status`` returns as JSON; ``/metrics`` the figures in the text format of Prometheus.

    Parameters
    ----------
    telemetry : Telemetry
        The figures.
    complaint : callable
        Returns why the runner is unhealthy, empty if it is not: `Heartbeat.complaint`, for example.
    status : callable
        Returns what the runner says of itself, as values of JSON; called from threads of the
        server.
    host : str
        Address to listen on; this machine alone by default.
    port : int
        Port to listen on; 0 for a free one, see ``port``.

    Raises
    ------
    ConfigError
        If the address cannot be listened on.
    """

    def __init__(
        self,
        telemetry: Telemetry,
        complaint: Callable[[], str],
        status: Callable[[], Mapping[str, Any]],
        *,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        pages = {
            "/metrics": lambda: (HTTPStatus.OK, _METRICS, telemetry.exposition()),
            "/healthz": lambda: _health(complaint()),
            "/status": lambda: (HTTPStatus.OK, "application/json", _encoded(status())),
        }
        try:
            self._server = _Server((host, port), _handler(pages))
        except OSError as error:
            raise ConfigError(
                f"http: expected a free port on {host}, found {port}: {error.strerror}; choose "
                "another port, or 0 for a free one"
            ) from error
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="runner-http", daemon=True
        )
        self._thread.start()

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """Where it is found."""
        return f"http://{self._server.server_address[0]!s}:{self.port}"

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False


type _Page = tuple[HTTPStatus, str, bytes]


def _health(complaint: str) -> _Page:
    if complaint:
        return HTTPStatus.SERVICE_UNAVAILABLE, _TEXT, f"{complaint}\n".encode()
    return HTTPStatus.OK, _TEXT, b"ok\n"


def _encoded(status: Mapping[str, Any]) -> bytes:
    return json.dumps(status, indent=1, sort_keys=True, allow_nan=False).encode() + b"\n"


def _handler(pages: Mapping[str, Callable[[], _Page]]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = _REQUEST_SECONDS  # a silent client holds its thread no longer

        def do_GET(self) -> None:
            page = pages.get(self.path.split("?")[0])
            if page is None:
                known = ", ".join(sorted(pages))
                answer = HTTPStatus.NOT_FOUND, _TEXT, f"expected one of {known}\n".encode()
            else:
                answer = page()
            self._answer(*answer)

        def _answer(self, code: HTTPStatus, kind: str, body: bytes) -> None:
            self.send_response(code)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Stay silent: a scrape every few seconds is no news."""

    return Handler
