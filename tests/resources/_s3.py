"""Real S3 servers on this machine, and a proxy in front of one that injects faults."""

from __future__ import annotations

import http.client
import select
import shutil
import socket
import struct
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quant_core.clock import clock

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

BUCKET = "lake"
ACCESS, SECRET = "accesskeyid1234", "secret-of-this-test"
START_SECONDS = 120.0


@contextmanager
def running_rclone(folder: Path) -> Iterator[str]:
    """Serve a folder as S3 by rclone, which ignores conditions, and yield the endpoint."""
    (folder / BUCKET).mkdir(parents=True, exist_ok=True)
    program = shutil.which("rclone", path=str(Path(sys.executable).parent)) or "rclone"
    port = free_port()
    address = ["--addr", f"127.0.0.1:{port}", "--auth-key", f"{ACCESS},{SECRET}"]
    config = ["--config", str(folder / "rclone.conf")]
    (folder / "rclone.conf").touch()
    with _running([program, "serve", "s3", *address, *config, str(folder)], port):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def running_moto() -> Iterator[str]:
    """Run the S3 server of moto, which honours conditions, and yield the endpoint."""
    port = free_port()
    program = Path(sys.executable).parent / "moto_server"
    with _running([sys.executable, str(program), "-H", "127.0.0.1", "-p", str(port)], port):
        yield f"http://127.0.0.1:{port}"


def environment(endpoint: str, *, attempts: int = 3, patience: float = 30.0) -> dict[str, str]:
    """Return the variables that lead a client to a server."""
    retries = f'{{"mode": "standard", "total_max_attempts": {attempts}}}'
    return {
        "AWS_ACCESS_KEY_ID": ACCESS,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_EC2_METADATA_DISABLED": "true",
        "FSSPEC_S3": f'{{"config_kwargs": {{"retries": {retries}, "read_timeout": {patience}}}}}',
    }


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def _running(command: list[str], port: int) -> Iterator[None]:
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = clock().seconds() + START_SECONDS
        while not _answers(port):
            if server.poll() is not None or clock().seconds() > deadline:
                raise RuntimeError(f"{command[:3]} did not start")
        yield
    finally:
        server.kill()
        server.wait(timeout=60)


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/")
        connection.getresponse().read()
    except OSError:
        select.select([], [], [], 0.05)
        return False
    finally:
        connection.close()
    return True


BEFORE = {"500 before": 500, "503 before": 503, "412 for no reason": 412, "409": 409}
AFTER = {"500 after": 500, "503 after": 503, "412 after": 412}
CODES = {
    400: "ExpiredToken",
    409: "ConditionalRequestConflict",
    412: "PreconditionFailed",
    500: "InternalError",
    503: "SlowDown",
}
READS = {"cut body", "short body", "flipped bit", "metadata forgotten"}
FAULTS = (
    *BEFORE,
    *AFTER,
    "timeout before",
    "timeout after",
    "written late",
    "reset before",
    "reset after",
    *sorted(READS),
    "stale list",
    "expired credentials",
    "ignored condition",
    "slow",
    "wrong etag",
    "sent twice",
)


@dataclass
class Answer:
    """What the server behind the proxy said."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Faults:
    """What the proxy does to requests; nothing while there is no kind.

    Parameters
    ----------
    kind : str
        One of `FAULTS`.
    chance : random.Random
        Decides which requests it is done to.
    share : float
        Share of the requests.
    """

    kind: str = ""
    chance: random.Random | None = None
    share: float = 0.5
    injected: int = 0
    seen: list[str] = field(default_factory=list)
    lists: dict[str, Answer] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def strikes(self, method: str, path: str) -> bool:
        with self.lock:
            self.seen.append(f"{method} {path}")
            if not self.kind or (".probe" in path and self.kind != "ignored condition"):
                return False
            if self.kind in {"ignored condition", "expired credentials"}:
                struck = True
            else:
                assert self.chance is not None
                struck = self.chance.random() < self.share
            self.injected += struck
            return struck


class FaultyProxy(ThreadingHTTPServer):
    """Forwards to a server, and injects one kind of fault into some requests."""

    daemon_threads = True

    def __init__(self, endpoint: str) -> None:
        self.behind = endpoint.removeprefix("http://")
        self.faults = Faults()
        self.late: set[int] = set()
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def settle(self) -> None:
        """Return when every request has reached the server behind that ever will."""
        while self.late:
            select.select([], [], [], 0.01)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients hang up on purpose here."""


@contextmanager
def running_proxy(endpoint: str) -> Iterator[FaultyProxy]:
    """Run a proxy in front of a server."""
    with FaultyProxy(endpoint) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield proxy
        finally:
            proxy.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FaultyProxy

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self._serve
        raise AttributeError(name)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
        """Say nothing."""

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        faults, listing = self.server.faults, "list-type=2" in self.path
        kind = faults.kind if faults.strikes(self.command, self.path) else ""
        if kind in BEFORE:
            self._refuse(BEFORE[kind])
        elif kind == "expired credentials":
            self._refuse(400)
        elif kind.endswith(" before"):
            self._leave(reset=kind.startswith("reset"))
        elif kind == "written late":
            self._late(body)
        else:
            answer = self._forward(body, plain=kind == "ignored condition")
            if kind == "sent twice":
                answer = self._forward(body)
            if listing:
                old = faults.lists.setdefault(self.path.split("?")[1], answer)
                answer = old if kind == "stale list" else answer
            self._after(kind, answer)

    def _after(self, kind: str, answer: Answer) -> None:
        if kind in AFTER:
            self._refuse(AFTER[kind])
        elif kind.endswith(" after"):
            self._leave(reset=kind.startswith("reset"))
        elif kind == "cut body" and self.command == "GET" and answer.body:
            self._answer(answer, answer.body[: len(answer.body) // 2], len(answer.body))
            self._leave(reset=True)
        elif kind == "slow":
            select.select([], [], [], 0.2)
            self._answer(answer, answer.body)
        else:
            self._answer(*_changed(kind, self.command, answer))

    def _forward(self, body: bytes, *, plain: bool = False) -> Answer:
        skipped = {"expect", "connection", *(["if-match", "if-none-match"] if plain else [])}
        headers = {key: value for key, value in self.headers.items() if key.lower() not in skipped}
        connection = http.client.HTTPConnection(self.server.behind, timeout=120)
        try:
            connection.request(self.command, self.path, body=body, headers=headers)
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.getheaders()), answer.read())
        finally:
            connection.close()

    def _answer(self, answer: Answer, body: bytes, length: int | None = None) -> None:
        self.send_response_only(answer.status)
        for key, value in answer.headers.items():
            if key.lower() not in {"content-length", "transfer-encoding", "connection"}:
                self.send_header(key, value)
        own = answer.headers.get("Content-Length", "0")
        size = own if self.command == "HEAD" else str(len(body) if length is None else length)
        if answer.status != 204:
            self.send_header("Content-Length", size)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _refuse(self, status: int) -> None:
        code = CODES[status]
        text = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>told so</Message></Error>"
        self._answer(Answer(status, {"Content-Type": "application/xml"}, b""), text.encode())

    def _late(self, body: bytes) -> None:
        """Hand the request on when the client has given it up."""
        own = threading.get_ident()
        self.server.late.add(own)
        try:
            select.select([self.connection], [], [], START_SECONDS)
            self._forward(body)
        finally:
            self.server.late.discard(own)
        self._leave(reset=True)

    def _leave(self, *, reset: bool) -> None:
        """Hang up with a reset, or say nothing until the client hangs up."""
        if not reset:
            select.select([self.connection], [], [], START_SECONDS)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()


def _changed(kind: str, command: str, answer: Answer) -> tuple[Answer, bytes]:
    headers, body = dict(answer.headers), answer.body
    lower = {key.lower(): key for key in headers}
    if kind == "wrong etag" and "etag" in lower:
        headers[lower["etag"]] = f'"{"f" * 32}"'
    if kind == "metadata forgotten":
        headers = {key: value for key, value in headers.items() if "meta" not in key.lower()}
    if kind in {"short body", "flipped bit"} and command == "GET" and len(body) > 1:
        headers = {key: value for key, value in headers.items() if "checksum" not in key.lower()}
        half = len(body) // 2
        body = body[:half] if kind == "short body" else _flipped(body, half)
    return Answer(answer.status, headers, b""), body


def _flipped(body: bytes, place: int) -> bytes:
    return body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]
