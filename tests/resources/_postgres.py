"""A real PostgreSQL server on this machine: a fresh cluster, loopback, a free port."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from quant_core.clock import clock

if TYPE_CHECKING:
    from collections.abc import Iterator

START_SECONDS = 60.0


class MissingServerError(RuntimeError):
    """PostgreSQL is not installed."""


@contextmanager
def running_postgres() -> Iterator[str]:
    """Run a server and yield the URL of a database in it."""
    programs = _programs()
    with tempfile.TemporaryDirectory(prefix="quant-pg-") as name:
        folder, data = Path(name), Path(name) / "data"
        user = _unprivileged(folder)
        as_user = ["setpriv", f"--reuid={user}", "--clear-groups", "--"] if user else []
        _run([*as_user, programs / "initdb", "-D", data, "-U", "quant", "--auth=trust", "-N"])
        port = _free_port()
        options = ["-c", f"port={port}", "-c", f"unix_socket_directories={folder}"]
        options += ["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]
        command = [*as_user, programs / "postgres", "-D", data, *options]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(list(map(str, command)), stdout=log, stderr=log)
        try:
            _wait(server, programs, port, folder / "log")
            yield f"postgresql+psycopg2://quant:secret-of-test@127.0.0.1:{port}/postgres"
        finally:
            server.send_signal(signal.SIGINT)  # a fast shutdown, which waits for no client
            server.wait(timeout=60)


def _programs() -> Path:
    found = shutil.which("initdb")
    if found:
        return Path(found).parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not folders:
        raise MissingServerError("PostgreSQL is not installed (Debian: postgresql)")
    return folders[-1].parent


def _unprivileged(folder: Path) -> str:
    """Return who runs the server, which refuses root, and give the folder to them."""
    if os.geteuid() != 0:
        return ""
    nobody = pwd.getpwnam("nobody")
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    return "nobody"


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _run(command: list[object]) -> None:
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{command}: {done.stderr[-2000:]}")


def _wait(server: subprocess.Popen[bytes], programs: Path, port: int, log: Path) -> None:
    deadline = clock().seconds() + START_SECONDS
    ready = [str(programs / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port), "-t", "1"]
    if not Path(ready[0]).exists():
        ready[0] = "pg_isready"
    while subprocess.run(ready, check=False).returncode != 0:
        if server.poll() is not None or clock().seconds() > deadline:
            raise RuntimeError(f"PostgreSQL did not start: {log.read_text()[-2000:]}")
