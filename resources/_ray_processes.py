"""The processes of a local Ray session: find them, end them, and guard them.

Run as a script, the module is the guardian of a session: a process of its own that outlives a
driver killed with SIGKILL. The kernel ends the raylet with its driver, but Ray's agents notice
only after about a minute, so the guardian ends what is left at once.
"""

from __future__ import annotations

import os
import re
import select
import subprocess
import sys

import psutil

__all__ = ["end_processes", "session_processes", "start_guardian"]

_POLL_SECONDS = 0.5
_GRACE_SECONDS = 5.0
_ROUNDS = 20


def session_processes(driver: int) -> list[psutil.Process]:
    """Return the live processes of the Ray session that a driver started.

    A process belongs to the session if it holds a log file of the session's folder open: unlike
    its title, parent or environment, this is true of every kind of Ray process, and stays true
    when the driver is gone.

    Parameters
    ----------
    driver : int
        Process id of the driver, with which Ray ends the name of the session's folder.
    """
    pattern = re.compile(rf"/session_[0-9_-]+_{driver}/")
    found = []
    for process in psutil.process_iter():
        if process.pid in {driver, os.getpid()}:
            continue
        try:
            paths = [*process.cmdline(), *(file.path for file in process.open_files())]
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        if any(pattern.search(path) for path in paths):
            found.append(process)
    return found


def end_processes(driver: int, *, grace: float = _GRACE_SECONDS) -> int:
    """Wait for the processes of a session to end by themselves, then kill those that do not.

    Parameters
    ----------
    driver : int
        Process id of the driver that started the session.
    grace : float
        Seconds to wait before killing.

    Returns
    -------
    int
        How many processes are left; above 0 only if the system refuses to end one.
    """
    _, alive = psutil.wait_procs(session_processes(driver), timeout=grace)
    for _ in range(_ROUNDS):
        if not alive:
            break
        for process in alive:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(alive, timeout=_POLL_SECONDS)
        # A raylet that was just killed may have started another worker in between.
        alive = session_processes(driver)
    return len(alive)


def start_guardian() -> subprocess.Popen[bytes]:
    """Start the guardian of the session that this process is about to start."""
    return subprocess.Popen(  # noqa: S603 - our own interpreter and file
        [sys.executable, "-P", __file__, str(os.getpid())],
        stdin=subprocess.PIPE,
        start_new_session=True,
    )


def _guard(driver: int) -> None:
    # The pipe closes when the driver dies; a forked child may hold it open, hence the second look.
    while os.getppid() == driver and not select.select([sys.stdin], [], [], _POLL_SECONDS)[0]:
        pass
    end_processes(driver, grace=0.0)


if __name__ == "__main__":
    _guard(int(sys.argv[1]))
