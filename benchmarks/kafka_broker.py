"""Measure the time from a tick to its signals through a real Kafka broker that it starts.

``python benchmarks/kafka_broker.py [--rate N] [--seconds S] [--ticks FILE...]``: one process sends
ticks at a fixed rate, one runs the 100 strategies of ``runner.py`` from a database in SQLite, one
receives the signals: the time is that from the instant at which a tick was due to the arrival of
its signals, once with each client of the runner. The first line of each is the floor: a process in
place of the runner that answers each tick with one empty signal, through the same source and sink.
FILE is what the models are trained on. Sender and receiver use the client written in C in any case,
so that they leave the processors to what is measured. Java is needed, and Maven on the first run.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from confluent_kafka import (  # noqa: TID253 - who sends and receives
    OFFSET_END,
    Consumer,
    Producer,
    TopicPartition,
)
from runner import stand_in, trained

from quant_core.clock import clock
from quant_core.live import (
    DEAD_LETTERS_SCHEMA,
    SIGNALS_SCHEMA,
    Engine,
    Runner,
    Settings,
    Signals,
    open_model,
)
from resources.kafka_transport import open_transport
from resources.strategy_database import StrategyDatabase

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from quant_core.live import Sink, TickSource

INSTRUMENTS, PARTITIONS = 4, 2
CLIENTS = ("kafka-python", "confluent")
WARM_SECONDS = 8.0
BURST = 0.003
PERCENTILES = (50, 99, 99.9)
_INSTANT = re.compile(rb'"ts":"([^"]+)"')
_PAUSE = threading.Event()
BUSY = [0.0]  # processor time before the first tick


def write_strategies(files: Sequence[str], folder: Path) -> str:
    """Train the strategies and return the URL of a database with their rows."""
    url = f"sqlite:///{folder}/strategies.db"
    rows = trained(files or stand_in(folder)[:1], folder)
    with StrategyDatabase(url) as database:
        for row in (row for kind in rows.values() for row in kind):
            database.put(row, by="benchmark")
    return url


def run_strategies(brokers: str, url: str, client: str) -> None:
    """Run the runner until SIGTERM."""
    settings = Settings()
    engine = Engine(settings, open_model)
    source, sink = open_transport(
        brokers,
        lookback=engine.lookback,
        client=client,
        group=f"runner-{client}",
        signals="runner.signals",
    )
    with StrategyDatabase(url) as store:
        runner = Runner(source, sink, engine, store, settings, background=True)
        signal.signal(signal.SIGTERM, lambda *_: runner.stop())
        figures = runner.run()
    source.close()
    sink.close()
    inner = figures.latencies.quantiles([p / 100 for p in PERCENTILES])
    tell(figures.dropped_ticks, [round(1e3 * value, 3) for value in inner])


def run_echo(brokers: str, client: str) -> None:
    """Answer each tick with one signal until SIGTERM."""
    source, sink = open_transport(
        brokers, client=client, group=f"echo-{client}", signals="echo.signals"
    )
    ended: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: ended.append(number))
    said = clock().seconds()
    while not ended:
        _echo(source, sink)
        if clock().seconds() - said > 0.1:  # noqa: PLR2004 - as the runner commits
            sink.flush()
            source.commit()
            said = clock().seconds()
    source.close()
    sink.close()
    tell(0, [])


def tell(dropped: int, inside: list[float]) -> None:
    """Print what the measuring process reads."""
    seconds = cpu_seconds() - BUSY[-1]
    print(json.dumps({"dropped": dropped, "inside_ms": inside, "cpu_seconds": seconds}))


def cpu_seconds() -> float:
    """Return the processor time of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _echo(source: TickSource, sink: Sink) -> None:
    ticks = source.poll(1000, 0.1).ticks
    if not len(ticks):
        return
    names = [f"t/{p}/{o}" for p, o in zip(ticks.partition, ticks.offset, strict=True)]
    n = len(names)
    texts = {name: [""] * n for name in ("strategy", "model_version", "feature_hash", "mode")}
    columns = texts | {
        "signal_id": names,
        "correlation_id": names,
        "ts": ticks.ts,
        "instrument": [ticks.names[code] for code in ticks.instrument],
        "prediction": np.zeros(n),
        "signal": np.zeros(n),
        "seed": np.zeros(n, dtype=np.int64),
    }
    table = pa.table({name: columns[name] for name in SIGNALS_SCHEMA.names}).cast(SIGNALS_SCHEMA)
    sink.emit(Signals([table]), DEAD_LETTERS_SCHEMA.empty_table())


def send_ticks(brokers: str, rate: int, seconds: float) -> None:
    """Send ticks at a rate; ``ts`` is the instant at which each was due."""
    producer = Producer({"bootstrap.servers": brokers, "linger.ms": 1})
    draw = np.random.default_rng(1)
    prices = 100 * np.exp(np.cumsum(draw.normal(0, 1e-4, int(rate * seconds))))
    epoch, start = int(clock().now().timestamp() * 1e9), clock().seconds()
    for place, price in enumerate(prices.tolist()):
        due = place / rate
        left = start + due - clock().seconds()
        if left > 0:
            # Ticks are due in between: waking for each would cost what is measured its processor.
            _PAUSE.wait(left + BURST)
        name = f"I{place % INSTRUMENTS}"
        body = f'{{"instrument":"{name}","ts":{epoch + int(due * 1e9)},"price":{price!r}}}'
        producer.produce("market.ticks", value=body, key=name)
        producer.poll(0)
    producer.flush()


def latencies(brokers: str, topic: str, count: int, begin: Callable[[], None]) -> np.ndarray:
    """Return milliseconds from each tick to the arrival of its signals, in order of arrival."""
    consumer = Consumer(
        {
            "bootstrap.servers": brokers,
            "group.id": "receiver",
            "enable.auto.commit": False,
            "fetch.wait.max.ms": 5,
        }
    )
    consumer.assign([TopicPartition(topic, place, OFFSET_END) for place in range(PARTITIONS)])
    consumer.consume(timeout=2.0)  # it starts at the end as of the first fetch
    begin()
    found: list[float] = []
    quiet = clock().seconds()
    while len(found) < count and clock().seconds() - quiet < 10:  # noqa: PLR2004 - seconds
        records = consumer.consume(num_messages=1000, timeout=0.002)
        now = clock().now().timestamp() * 1e3
        if records:
            quiet = clock().seconds()
            found += [now - instant for instant in _instants(records)]
    consumer.close()
    return np.array(found)


def _instants(records: list[Any]) -> Iterator[float]:
    for record in records:
        found = _INSTANT.search(record.value()[:400])
        if found is None:
            raise SystemExit(f"no instant in {record.value()[:400]!r}")
        yield np.datetime64(found[1].decode().rstrip("Z"), "ns").astype(np.int64) / 1e6


def measure(
    brokers: str, name: str, client: str, url: str, arguments: argparse.Namespace
) -> np.ndarray:
    """Run one process between sender and receiver, print its line and return the percentiles."""
    child = [sys.executable, __file__, "--brokers", brokers, "--role"]
    between = subprocess.Popen(  # noqa: S603 - this very file
        [*child, name, "--client", client, "--database", url], stdout=subprocess.PIPE, text=True
    )
    wait_for_member(brokers, f"{name}-{client}")
    sender = [*child, "sender", "--rate", str(arguments.rate)]
    sender += ["--seconds", str(arguments.seconds + WARM_SECONDS)]
    senders: list[subprocess.Popen[bytes]] = []

    def begin() -> None:
        between.send_signal(signal.SIGUSR1)
        senders.append(subprocess.Popen(sender))  # noqa: S603 - this very file

    total = int(arguments.rate * (arguments.seconds + WARM_SECONDS))
    found = latencies(brokers, f"{name}.signals", total, begin)
    senders[0].wait()
    between.send_signal(signal.SIGTERM)
    told = json.loads(between.communicate()[0].splitlines()[-1])
    late = found[int(arguments.rate * WARM_SECONDS) :]
    quantiles = np.percentile(late, PERCENTILES) if len(late) else np.full(3, np.nan)
    busy = told["cpu_seconds"] / total * 1e3
    inside = "".join(f"{value:>9.2f}" for value in told["inside_ms"])
    print(
        f"{name:<10}{len(found):>9,}/{total:,}{told['dropped']:>9,}{busy:>9.2f}"
        + "".join(f"{value:>9.2f}" for value in quantiles)
        + inside
    )
    return quantiles


def wait_for_member(brokers: str, group: str) -> None:
    """Wait until a group has a member that owns every partition."""
    from kafka.admin import KafkaAdminClient
    from kafka.errors import CoordinatorNotAvailableError

    from tests.kafka._broker import wait_for  # noqa: PLC0415 - not on the path before

    admin = KafkaAdminClient(bootstrap_servers=brokers)

    def stable() -> bool:
        try:
            described = admin.describe_groups([group])[group]
        except CoordinatorNotAvailableError:
            return False
        return described["group_state"] == "Stable" and bool(described["members"])

    wait_for(stable, seconds=120)
    admin.close()


def main() -> None:
    """Read the arguments and measure, or play a role in it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--ticks", nargs="*", default=[], metavar="FILE")
    parser.add_argument("--returns", help="ignored")
    parser.add_argument("--database", help=argparse.SUPPRESS)
    parser.add_argument("--brokers", help=argparse.SUPPRESS)
    parser.add_argument("--client", help=argparse.SUPPRESS)
    parser.add_argument("--role", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    signal.signal(signal.SIGUSR1, lambda *_: BUSY.append(cpu_seconds()))
    if arguments.role == "runner":
        run_strategies(arguments.brokers, arguments.database, arguments.client)
    elif arguments.role == "echo":
        run_echo(arguments.brokers, arguments.client)
    elif arguments.role == "sender":
        send_ticks(arguments.brokers, arguments.rate, arguments.seconds)
    else:
        sys.path.insert(1, str(Path(__file__).parents[1]))
        compare(arguments)


def compare(arguments: argparse.Namespace) -> None:
    """Start a broker and print the table."""
    from tests.kafka._broker import running_broker  # noqa: PLC0415 - not on the path before

    print(f"{arguments.rate:,} ticks a second, {INSTRUMENTS} instruments")
    columns = ("dropped", "cpu ms", "p50 ms", "p99 ms", "p99.9")
    print(f"{'':<10}{'received':>15}" + "".join(f"{name:>9}" for name in columns), end="")
    print("   inside the process: p50, p99, p99.9")
    with tempfile.TemporaryDirectory() as folder, running_broker() as broker:
        url = write_strategies(arguments.ticks, Path(folder))
        topics = dict.fromkeys(("market_ticks", "echo_signals", "runner_signals"), PARTITIONS)
        broker.create(**topics)
        for client in CLIENTS:
            print(client)
            floor = measure(broker.address, "echo", client, url, arguments)
            found = measure(broker.address, "runner", client, url, arguments)
            print(f"p99 over the floor: {found[1] / floor[1]:.1f}x")


if __name__ == "__main__":
    main()
