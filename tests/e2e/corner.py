"""A corner of the servers: one shop of its own, run by the commands that a user types."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import redis
from kafka import TopicPartition

from features import NEVER, Event, encode_event
from streams.brokers import open_admin, open_consumer, open_producer
from streams.demo import Child, free_port
from streams.live.held import Mark, read_mark
from streams.settings import Settings, load_settings
from streams.topics import create_topics
from tests.servers import BUSY, Ebb, Processes, wait_for


@dataclass(frozen=True)
class Stored:
    """All that Redis holds of one partition."""

    mark: Mark
    states: dict[str, bytes]
    ledgers: dict[str, bytes]
    timers: dict[str, float]
    outbox: dict[int, bytes]

    @property
    def customers(self) -> dict[str, Mapping[str, object]]:
        """What is a function of the log, however often it was committed."""
        return {"state": self.states, "ledger": self.ledgers, "timer": self.timers}


class Said(NamedTuple):
    """A message as a plain consumer reads it."""

    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes
    headers: dict[str, bytes]


class Corner:
    """Runs a shop under names that nobody else uses.

    ``environment`` are its settings; ``folder`` is where its processes run and log.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.environment = dict(environment)
        self.settings: Settings = load_settings(environ=environment).settings
        self.ebb = Ebb(folder, environment)
        self.processes = Processes(folder, environment)

    # -- running it -----------------------------------------------------------------------

    def run(self, *arguments: str, timeout: float = 60) -> str:
        """Run a command that has to succeed; return what it prints."""
        done = self.ebb(*arguments, timeout=timeout)
        assert done.returncode == 0, f"ebb {' '.join(arguments)}: {done.stderr}{done.stdout}"
        return done.stdout

    def create_topics(self) -> None:
        """Create the topics, by what `ebb topics create` calls: that command has its own tests."""
        create_topics(self.settings)

    def worker(self, **settings: str) -> Child:
        """Start `ebb worker`."""
        return self.processes.ebb("worker", env=settings)

    def faust_worker(self, **settings: str) -> Child:
        """Start the stock command line of Faust."""
        return self.processes.python(
            *("-m", "faust", "-A", "streams.app", "worker", "-l", "info"), env=settings
        )

    def two(self, start: Callable[..., Child]) -> tuple[Child, Child]:
        """Start two processes of a kind, and wait until each holds its half of the partitions."""
        first, second = self.several(start, 2)
        return first, second

    def several(self, start: Callable[..., Child], count: int) -> list[Child]:
        """Start processes of a kind, and wait until each holds its share of the partitions.

        A partition that changes hands while events flow may say its last words twice.
        """
        ports = [free_port() for _ in range(count)]
        children = [start(self, EBB_WORKER_PORT=str(port)) for port in ports]
        share = self.settings.topics.partitions // count
        wait_for(
            "each holds its share",
            lambda: all(len(health(port)[1].get("held", ())) == share for port in ports),
            20 + 10 * count,
            0.1,
        )
        return children

    def learner(self, **settings: str) -> Child:
        """Start `ebb learner`."""
        return self.processes.ebb("learner", env=settings)

    def import_cdnow(self, file: Path) -> dict[str, Any]:
        """Import a file in the form of CDNOW's; return what the command reports."""
        said = self.run("import", str(file), "--mapping", "cdnow", "--json", timeout=120)
        return dict(json.loads(said))

    def publish(self, events: Iterable[Event]) -> None:
        """Send events as a storefront would: keyed by customer, with Kafka's own partitioner."""
        with open_producer(self.settings) as producer:
            for event in events:
                producer.send(
                    self.settings.topic("clickstream"),
                    key=event.user_id.encode(),
                    value=encode_event(event),
                )

    def idle(self, seconds: float) -> dict[str, Any]:
        """Wait until nothing moves; return the status."""
        most = str(BUSY * seconds)
        said = self.run("status", "--wait-idle", most, "--json", timeout=seconds + 30)
        return dict(json.loads(said))

    def status(self) -> dict[str, Any]:
        """Return how the system stands."""
        return dict(json.loads(self.run("status", "--json")))

    def stop(self) -> None:
        """End the processes; the state and the topics stay."""
        self.processes.stop()

    def clear(self) -> None:
        """Leave nothing behind."""
        self.stop()
        with self._redis() as client, suppress(redis.ConnectionError):  # it may have been its own
            for key in client.scan_iter(f"{self.settings.redis.namespace}:*"):
                client.unlink(key)
        admin = open_admin(self.settings)
        with suppress(Exception):  # whoever lends the Kafka may forbid it
            prefix = self.settings.topics.prefix
            admin.delete_topics([name for name in admin.list_topics() if name.startswith(prefix)])
        admin.close()

    # -- looking at it --------------------------------------------------------------------

    def _redis(self) -> Any:
        return redis.Redis.from_url(self.settings.redis.url)

    def stored(self, topic: str = "clickstream") -> dict[int, Stored]:
        """Return what Redis holds for a topic, byte for byte."""
        found = {}
        with self._redis() as client:
            for number in range(self._partitions(topic)):
                tag = f"{self.settings.redis.namespace}:{{{self.settings.topic(topic)}-{number}}}"
                fields = client.hgetall(f"{tag}:state")
                timers = client.zrange(f"{tag}:timers", 0, -1, withscores=True)
                found[number] = Stored(
                    read_mark(fields.get(b"@")),
                    _named(fields, b"s:"),
                    _named(fields, b"l:"),
                    {name.decode(): due for name, due in timers if name},
                    {int(name): data for name, data in _named(fields, b"o:").items()},
                )
        return found

    def marks(self, topic: str = "clickstream") -> list[Mark]:
        """Return how far each partition is: a look that costs next to nothing."""
        with self._redis() as client:
            tag = f"{self.settings.redis.namespace}:{{{self.settings.topic(topic)}"
            return [
                read_mark(client.hget(f"{tag}-{number}}}:state", "@"))
                for number in range(self._partitions(topic))
            ]

    def counts(self, topic: str = "clickstream") -> Counter[str]:
        """Return the sum of what the partitions have counted."""
        total: Counter[str] = Counter()
        for mark in self.marks(topic):
            total.update(mark.counts)
        return total

    def applied(self) -> int:
        """Return the number of messages that the state reflects."""
        return sum(max(mark.offset, 0) + max(mark.rekeyed, 0) for mark in self.marks())

    def wait_until_applied(self, messages: int, seconds: float = 30) -> None:
        """Wait until the state reflects so many messages."""
        what = f"{messages} messages are applied"
        wait_for(what, lambda: self.applied() >= messages, seconds, every=0.005)

    def drain(self, messages: int, seconds: float = 90) -> None:
        """Wait until so many messages are applied, and nothing is due or unpublished.

        What ``ebb status --wait-idle`` waits for, but for the learner.
        """
        wait_for(f"{messages} messages are drained", lambda: self._drained(messages), seconds, 0.1)

    def _drained(self, messages: int) -> bool:
        if self.applied() < messages:
            return False
        stored = self.stored().values()
        return all(
            each.mark.head == each.mark.tail
            and min(each.timers.values(), default=NEVER) > each.mark.watermark
            for each in stored
        )

    def read(self, topic: str) -> list[Said]:
        """Read a topic from its beginning to its end with a plain consumer."""
        name = self.settings.topic(topic)
        # TCP has checked it all: to do so again, in Python, would take longer than to read it.
        words = {"auto_offset_reset": "earliest", "check_crcs": False}
        with open_consumer(self.settings, **words) as consumer:
            parts = [TopicPartition(name, n) for n in consumer.partitions_for_topic(name)]
            consumer.assign(parts)
            ends = consumer.end_offsets(parts)
            found: list[Said] = []

            def all_of_it() -> bool:
                for records in consumer.poll(timeout_ms=200, max_records=5_000).values():
                    found.extend(map(_said, records))
                return all(consumer.position(part) >= end for part, end in ends.items())

            wait_for(f"{name} is read to its end", all_of_it, 60, every=0)
        return found

    def _partitions(self, topic: str) -> int:
        many = topic in ("clickstream", "outcomes")
        return self.settings.topics.partitions if many else 1


def _named(fields: Mapping[bytes, bytes], prefix: bytes) -> dict[str, bytes]:
    return {
        name.removeprefix(prefix).decode(): value
        for name, value in fields.items()
        if name.startswith(prefix)
    }


def _said(record: Any) -> Said:
    return Said(
        record.partition,
        record.offset,
        record.timestamp,
        record.key,
        record.value,
        dict(record.headers),
    )


def health(port: int) -> tuple[int, dict[str, Any]]:
    """Return the status and the body of a process's health page; 0 when there is none yet."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as page:
            return page.status, dict(json.load(page))
    except urllib.error.HTTPError as error:
        return error.code, dict(json.load(error))
    except OSError:
        return 0, {}


def ended(child: Child, seconds: float = 60) -> tuple[int, str]:
    """Wait for a process's end; return its exit code and all that it said."""
    code = child.wait(BUSY * seconds)
    return code, child.log.read_text(encoding="utf-8")


def says(child: Child, text: str) -> Callable[[], bool]:
    """Return whether a process has said something by now."""
    return partial(_says, child, text)


def _says(child: Child, text: str) -> bool:
    return text in child.log.read_text(encoding="utf-8")


def differing(found: Mapping[int, Stored], expected: Mapping[int, Stored]) -> list[str]:
    """Return, in words, where two stores are not the same customer for customer."""
    words: list[str] = []
    for number in sorted(found.keys() | expected.keys()):
        for part, theirs in expected[number].customers.items():
            mine = found[number].customers[part]
            names = sorted(
                name for name in mine.keys() | theirs.keys() if mine.get(name) != theirs.get(name)
            )
            if names:
                some = ", ".join(names[:5])
                words.append(f"partition {number}: the {part} of {len(names)} differs: {some}")
    return words
