from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import quant_core
from quant_core.ledger import Head, Ledger, records, verify

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    type Begin = Callable[[], AbstractContextManager[Ledger]]
    type Note = Callable[..., dict[str, object]]


ROOT = Path(quant_core.__file__).parents[1]
ALL = os.environ.get("LEDGER_FAULTS") == "all"
KILLS, ROUNDS = (1000, 20) if ALL else (40, 1)
"""A share by default; ``LEDGER_FAULTS=all`` asks for 1,000 kills of each kind, and 20 rounds."""
NOTE = '{"phase": "success", "name": "note", "writer": writer, "number": number}'

WRITER = f"""
import sys
from quant_core.ledger import Ledger
writer = int(sys.argv[2])
with Ledger(sys.argv[1]) as ledger:
    for number in range(250):
        ledger.append("action", {NOTE})
"""

# Forks a writer for each line it reads: starting an interpreter each time would be the test's cost.
NURSERY = """
import os, sys, threading
from quant_core.ledger import Ledger

def write(ledger, thread):
    text = "x" * (200_000 if thread == 0 else 50)
    while True:
        head = ledger.append("action", {"phase": "success", "name": "note", "text": text})
        os.write(1, f"{head}\\n".encode())

for line in sys.stdin:
    if os.fork() == 0:
        ledger = Ledger(sys.argv[1])
        os.write(1, f"pid {os.getpid()}\\n".encode())
        for thread in range(3):
            threading.Thread(target=write, args=(ledger, thread)).start()
        break
    os.wait()
    os.write(1, b"dead\\n")
"""

# Dies in the write of the ledger, once so many bytes are in the file.
BYTE_NURSERY = """
import os, signal, sys
from quant_core.ledger import Ledger

tell = os.write

def dying(budget):
    def write(descriptor, data):
        nonlocal budget
        if len(data) > budget:
            tell(descriptor, data[:budget])
            os.kill(os.getpid(), signal.SIGKILL)
        budget -= len(data)
        return tell(descriptor, data)
    return write

for line in sys.stdin:
    if os.fork() == 0:
        ledger = Ledger(sys.argv[1])
        os.write = dying(int(line))
        while True:
            head = ledger.append("action", {"phase": "success", "name": "note", "text": "x" * 90})
            tell(1, f"{head}\\n".encode())
    os.wait()
    tell(1, b"dead\\n")
"""

FORK = """
import os, sys
from quant_core.ledger import Ledger
ledger = Ledger(sys.argv[1])
child = os.fork()
writer = 0 if child else 1
for number in range(100):
    ledger.append("action", {"phase": "success", "name": "note", "writer": writer})
if child:
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def python(script: str, *arguments: object, **options: Any) -> subprocess.Popen[Any]:
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, env=environment, **options)


def test_eight_processes_write_one_chain(path: Path, begin: Begin) -> None:
    with begin():
        pass
    for turn in range(ROUNDS):
        writers = [python(WRITER, path, writer) for writer in range(8)]
        assert [process.wait() for process in writers] == [0] * 8
        assert verify(path).ok
        found = list(records(path, "action"))[2000 * turn :]
        first = 1 + 2000 * turn
        assert [record.seq for record in found] == list(range(first, first + 2000))
        for writer in range(8):
            numbers = [r.body["number"] for r in found if r.body["writer"] == writer]
            assert numbers == list(range(250))


def until_killed(nursery: subprocess.Popen[str], moments: random.Random) -> list[Head]:
    """Start a writer, kill it at a random moment, and return what it said was written."""
    nursery.stdin.write("go\n")
    nursery.stdin.flush()
    writer = int(nursery.stdout.readline().removeprefix("pid "))
    heads = [nursery.stdout.readline() for _ in range(moments.randrange(12))]
    for _ in range(moments.randrange(20_000)):
        pass
    os.kill(writer, signal.SIGKILL)
    while (line := nursery.stdout.readline()) != "dead\n":
        heads.append(line)
    return [Head.parse(line.strip()) for line in heads]


def test_no_acknowledged_record_is_lost_to_a_kill(path: Path, begin: Begin, note: Note) -> None:
    with begin():
        pass
    moments = random.Random(20_260_101)  # noqa: S311 - when to kill is no secret
    heads = []
    with python(NURSERY, path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as nursery:
        for _ in range(KILLS):
            heads += until_killed(nursery, moments)
        nursery.stdin.close()
    assert nursery.returncode == 0
    assert len(heads) > 4 * KILLS
    with Ledger(path) as ledger:
        ledger.append("action", note())
    written = {record.head for record in records(path)}
    assert [head for head in heads if head not in written] == []
    assert verify(path).ok


def test_no_acknowledged_record_is_lost_to_a_kill_at_any_byte(
    path: Path, begin: Begin, note: Note
) -> None:
    with begin():
        pass
    bytes_ = random.Random(20_260_103)  # noqa: S311 - where to kill is no secret
    heads = []
    command = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with python(BYTE_NURSERY, path, **command) as nursery:
        for _ in range(KILLS):
            nursery.stdin.write(f"{bytes_.randrange(3000)}\n")
            nursery.stdin.flush()
            while (line := nursery.stdout.readline()) != "dead\n":
                heads.append(Head.parse(line.strip()))
        nursery.stdin.close()
    assert nursery.returncode == 0
    with Ledger(path) as ledger:
        ledger.append("action", note())
    written = {record.head for record in records(path)}
    assert [head for head in heads if head not in written] == []
    found = verify(path)
    assert found.ok
    # Nearly every kill leaves part of a line; few leave none of it, or all but its newline.
    assert found.seals > 0.8 * KILLS


def test_a_fork_does_not_share_the_lock(path: Path, begin: Begin) -> None:
    with begin():
        pass
    with python(FORK, path) as process:
        assert process.wait() == 0
    assert verify(path).ok
    assert Counter(r.body["writer"] for r in records(path, "action")) == {0: 100, 1: 100}
