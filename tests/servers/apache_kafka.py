"""Apache Kafka without Docker: its jars from a Maven repository, run on this machine's JDK."""

from __future__ import annotations

import base64
import fcntl
import os
import re
import shutil
import subprocess
import tempfile
import uuid
from pathlib import Path

from streams.demo import Child, ChildError, free_port, listens
from tests.servers.backend import Server, ServerError

VERSION = "4.1.0"
_POM = f"""\
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>ebbtide</groupId>
  <artifactId>kafka-for-tests</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>{VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka-tools</artifactId>
      <version>{VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId>
      <artifactId>slf4j-simple</artifactId>
      <version>1.7.36</version>
    </dependency>
  </dependencies>
</project>
"""
_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},PROXIED://127.0.0.1:{behind},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port},PROXIED://127.0.0.1:{proxy}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs={data}
auto.create.topics.enable=false
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
group.initial.rebalance.delay.ms=0
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
"""
#: It lives for minutes: the compiler that pays in hours would take a core from the tests.
_BRIEFLY = ("-XX:TieredStopAtLevel=1",)
_FETCH_SECONDS = 900
_START_SECONDS = 90
_ATTEMPTS = 3


def start(folder: Path) -> Server:
    """Start one KRaft node on free ports, with its data in ``folder``."""
    java, major = _java()
    jars = _jars()
    for attempt in range(_ATTEMPTS):
        try:
            broker = Broker(java, jars, folder / f"kafka-{attempt}")
        except ChildError as error:
            # A port may be taken between its choice and its use; anything else comes again.
            if attempt == _ATTEMPTS - 1:
                raise ServerError(str(error)) from None
        else:
            return Server(
                broker.address,
                f"Apache Kafka {VERSION} (Maven artifacts, JDK {major})",
                real=True,
                # Its data goes with the run: no need to let it write everything down.
                stop=broker.kill,
            )
    raise AssertionError("unreachable")


def cache() -> Path:
    """Return the folder that keeps the jars between runs."""
    root = os.environ.get("EBB_TEST_CACHE")
    return Path(root) if root else Path.home() / ".cache" / "ebbtide"


class Broker:
    """One KRaft node that may be killed and started again: same ports, same data.

    ``proxy`` is a port at which somebody passes on to the port ``behind``: clients that come
    that way are told to stay there.
    """

    def __init__(self, java: str, jars: Path, folder: Path, proxy: int | None = None) -> None:
        folder.mkdir(parents=True)
        self.port, self.behind, controller = free_port(), free_port(), free_port()
        self.log = folder / "kafka.log"
        properties = folder / "server.properties"
        properties.write_text(
            _PROPERTIES.format(
                port=self.port,
                behind=self.behind,
                proxy=self.behind if proxy is None else proxy,
                controller=controller,
                data=folder / "data",
            ),
            encoding="utf-8",
        )
        classes = ("-cp", f"{jars}/*")
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        # An id that starts with a dash would be taken for an option.
        form = (
            *("kafka.tools.StorageTool", "format", f"--cluster-id={cluster}"),
            *("-c", str(properties)),
        )
        with Child("Kafka's storage tool", [java, *_BRIEFLY, *classes, *form], self.log) as child:
            if child.wait(_START_SECONDS) != 0:
                raise ChildError(f"Kafka's storage could not be formatted\n{child.tail()}")
        memory = ("-Xms256m", "-Xmx512m", "-XX:+UseSerialGC")
        self._command = [java, *_BRIEFLY, *memory, *classes, "kafka.Kafka", str(properties)]
        self.start()

    @property
    def address(self) -> str:
        """Where it is reached without a proxy."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and wait until it listens."""
        self._child = Child("Kafka", self._command, self.log)
        try:
            self._child.wait_until(
                lambda: listens(self.port) and listens(self.behind),
                _START_SECONDS,
                f"no answer on port {self.port}",
            )
        except BaseException:
            self._child.kill()
            raise

    def kill(self) -> None:
        """End it at once, as a failing machine would."""
        self._child.kill()


def broker(folder: Path, proxy: int | None = None) -> Broker:
    """Start a broker of one's own, to kill it."""
    java, _ = _java()
    return Broker(java, _jars(), folder, proxy)


def _java() -> tuple[str, int]:
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=f"{home}/bin") if home else shutil.which("java")
    if java is None:
        raise ServerError("there is no java; install a JDK 17 or later")
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(\d+)', said)
    if found is None or int(found[1]) < 17:
        raise ServerError(f"Kafka {VERSION} needs a JDK 17 or later; {java} is {said.strip()!r}")
    return java, int(found[1])


def _jars() -> Path:
    jars = cache() / f"kafka-{VERSION}"
    if jars.is_dir():
        return jars
    maven = shutil.which("mvn")
    if maven is None:
        raise ServerError("there is no mvn to fetch it with; install Maven")
    jars.parent.mkdir(parents=True, exist_ok=True)
    with (jars.parent / "fetching").open("w", encoding="utf-8") as turn:
        # Two at once would fetch it twice, and Maven's own folder is not made for that.
        fcntl.flock(turn, fcntl.LOCK_EX)
        return jars if jars.is_dir() else _fetched(maven, jars)


def _fetched(maven: str, jars: Path) -> Path:
    # Beside its place, so that the last step is a rename: whole or not at all, whoever else tries.
    with tempfile.TemporaryDirectory(dir=jars.parent, prefix="fetching-") as name:
        pom = Path(name) / "pom.xml"
        pom.write_text(_POM, encoding="utf-8")
        fetched = Path(name) / "jars"
        goal = ("dependency:copy-dependencies", f"-DoutputDirectory={fetched}")
        command = [maven, "-q", "-B", "-f", str(pom), *goal]
        log = Path(name) / "maven.log"
        with Child("Maven", command, log, cwd=Path(name)) as child:
            try:
                code = child.wait(_FETCH_SECONDS)
            except ChildError as error:
                raise ServerError(str(error)) from None
            if code != 0:
                raise ServerError(f"Maven could not fetch Apache Kafka:\n{child.tail()}")
        try:
            fetched.rename(jars)
        except OSError:
            if not jars.is_dir():
                raise
    return jars
