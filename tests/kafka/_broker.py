"""A real Kafka broker on this machine: KRaft mode, loopback, free ports, one process."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from quant_core.clock import clock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

POM = Path(__file__).with_name("pom.xml")
VERSION = "4.1.0"
PAUSE = threading.Event()
CLUSTER = "AAAAAAAAAAAAAAAAAAAAAA"
START_SECONDS = 120.0
PORTS, RANGE = 20_000, 12_000
JAVA = (
    "-Xms64m",
    "-Xmx256m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
)
PROPERTIES = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=BROKER://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=BROKER://127.0.0.1:{port}
listener.security.protocol.map=BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=BROKER
controller.listener.names=CONTROLLER
log.dirs={data}
auto.create.topics.enable=false
num.partitions=2
default.replication.factor=1
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
num.network.threads=1
num.io.threads=2
num.recovery.threads.per.data.dir=1
log.cleaner.enable=false
message.max.bytes=4194304
"""


class MissingBrokerError(RuntimeError):
    """Java, Maven or the jars are missing; the message says which."""


def cache_folder() -> Path:
    """Return where the jars are kept."""
    named = os.environ.get("QUANT_KAFKA_CACHE")
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(named) if named else caches / "quant-assets" / f"kafka-{VERSION}"


def jars() -> Path:
    """Return the folder of the broker's jars, fetched with Maven on the first use."""
    folder = cache_folder()
    if shutil.which("java") is None:
        raise MissingBrokerError("Java is not installed (Debian: default-jre-headless)")
    if (folder / f"kafka_2.13-{VERSION}.jar").exists():
        return folder
    maven = shutil.which("mvn")
    if maven is None:
        raise MissingBrokerError("Maven is not installed (Debian: maven)")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / "kafka.lock").open("w") as lock:
        # Two of Maven at a time would spoil its repository.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            _fetch(maven, folder)
    return folder


def _fetch(maven: str, folder: Path) -> None:
    fresh = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".kafka-"))
    command = [maven, "-B", "-q", "-f", str(POM), "dependency:copy-dependencies"]
    done = subprocess.run(
        [*command, "-DincludeScope=runtime", f"-DoutputDirectory={fresh}"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        shutil.rmtree(fresh)
        raise MissingBrokerError(f"Maven could not fetch Kafka {VERSION}: {done.stdout[-500:]}")
    fresh.rename(folder)


class Broker:
    """A broker that can be killed and started again on the same data and port.

    Parameters
    ----------
    folder : Path
        Where its data and its log go.
    """

    def __init__(self, folder: Path) -> None:
        self.port, controller = free_ports(2)
        self.address = f"127.0.0.1:{self.port}"
        self._jars, self._folder = jars(), folder
        self._process: subprocess.Popen[bytes] | None = None
        self._topics: list[str] = []
        self._properties = folder / "server.properties"
        self._properties.write_text(
            PROPERTIES.format(port=self.port, controller=controller, data=folder / "data")
        )
        self._java("kafka.tools.StorageTool", "format", "-t", CLUSTER, "-c", self._properties)

    def start(self) -> Self:
        """Start it and wait until it answers."""
        with (self._folder / "broker.log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command("kafka.Kafka", self._properties), stdout=log, stderr=log
            )
        try:
            wait_for(self._answers, seconds=START_SECONDS)
        except TimeoutError:
            self.kill()
            raise
        return self

    def kill(self) -> None:
        """End it as a power cut does."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it in good order, and by force if that takes long."""
        self._end(signal.SIGTERM)

    def create(self, **topics: int) -> None:
        """Create topics, named with ``_`` for ``.``, of so many partitions."""
        wanted = {name.replace("_", "."): {"num_partitions": n} for name, n in topics.items()}
        with self.admin() as admin:
            admin.create_topics(wanted)
            admin.wait_for_topics(list(wanted))
        self._topics += wanted

    @contextmanager
    def admin(self) -> Iterator[Any]:
        """Return an administrator of the broker."""
        from kafka.admin import KafkaAdminClient

        with KafkaAdminClient(bootstrap_servers=self.address, bootstrap_timeout_ms=30_000) as admin:
            yield admin

    def messages(self, topic: str) -> list[Any]:
        """Return every message of a topic, partition by partition."""
        from kafka import KafkaConsumer, TopicPartition

        consumer = KafkaConsumer(bootstrap_servers=self.address, group_id=None)
        try:
            places = [TopicPartition(topic, p) for p in consumer.partitions_for_topic(topic)]
            consumer.assign(places)
            consumer.seek_to_beginning()
            ends = consumer.end_offsets(places)
            found: list[Any] = []
            while any(consumer.position(place) < end for place, end in ends.items()):
                for records in consumer.poll(timeout_ms=200, max_records=10_000).values():
                    found += records
        finally:
            consumer.close(autocommit=False)
        return sorted(found, key=lambda record: (record.partition, record.offset))

    def _answers(self) -> bool:
        from kafka import KafkaConsumer
        from kafka.errors import KafkaError

        assert self._process is not None
        if self._process.poll() is not None:
            log = (self._folder / "broker.log").read_text(errors="replace")
            raise RuntimeError(f"the broker ended: {log[-2000:]}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", self.port)) != 0:
                return False
        try:
            consumer = KafkaConsumer(bootstrap_servers=self.address, bootstrap_timeout_ms=2000)
        except KafkaError:
            return False
        try:
            # A broker that starts again answers before it has read what topics it has.
            return all(map(consumer.partitions_for_topic, self._topics))
        finally:
            consumer.close(autocommit=False)

    def _end(self, number: int) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(number)
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _command(self, main: str, *arguments: object) -> list[str]:
        return ["java", *JAVA, "-cp", f"{self._jars}/*", main, *map(str, arguments)]

    def _java(self, main: str, *arguments: object) -> None:
        done = subprocess.run(
            self._command(main, *arguments), capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise RuntimeError(f"{main}: {done.stdout[-1000:]}{done.stderr[-1000:]}")


@contextmanager
def running_broker() -> Iterator[Broker]:
    """Run a broker in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="quant-kafka-", ignore_cleanup_errors=True) as name:
        broker = Broker(Path(name))
        try:
            yield broker.start()
        finally:
            broker.stop()


def free_ports(count: int) -> list[int]:
    """Return ports that nothing listens on now.

    They are below those that systems give to outgoing connections: a client that tries to reach a
    broker which is down could be given its port, and the broker could not start again.
    """
    found: list[int] = []
    for place in range(RANGE):
        port = PORTS + (os.getpid() * 7 + place) % RANGE
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    raise RuntimeError(f"expected {count} free ports from {PORTS}, found {len(found)}")


def wait_for(condition: Callable[[], object], *, seconds: float = 60.0) -> Any:
    """Return what a condition returns once it is true."""
    deadline = clock().seconds() + seconds
    while clock().seconds() < deadline:
        found = condition()
        if found:
            return found
        PAUSE.wait(0.05)
    raise TimeoutError(f"not true within {seconds:g} s: {condition}")
