"""Servers, workers, a learner and a stream: all that is needed to break something."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import redis
from kafka import TopicPartition

from features import NEVER
from streams.brokers import open_admin, open_consumer
from streams.demo import Child, free_port
from tests.chaos.feeder import Feeder
from tests.chaos.keeper import Keeper
from tests.chaos.letters import Letter
from tests.chaos.mutants import OF_NOTIFY
from tests.chaos.policies import PolicyFile
from tests.chaos.proxy import Proxy
from tests.chaos.receivers import BRIEF, receivers, untold
from tests.chaos.watch import Watch
from tests.e2e.corner import Corner, Said, Stored, health
from tests.servers import apache_kafka, wait_for

PARTITIONS: Final = 6
WORKERS: Final = 3
#: A small shop: many timers and labels, small batches, and only the prior judges.
SHOP: Final = {
    "EBB_CLOCK": "events",
    "EBB_MODEL": "logistic",
    "EBB_MODEL_WARMUP": "1000000000",
    "EBB_HORIZON": "3d",
    "EBB_ACTIVE": "12d",
    "EBB_LATENESS": "1h",
    "EBB_SILENCE_WAITS": "1d,2d,4d,8d",
    "EBB_POLICY_THRESHOLD": "0.5",
    "EBB_POLICY_COOLDOWN": "2d",
    "EBB_POLICY_HOLDOUT": "0.2",
    "EBB_KAFKA_SESSION_TIMEOUT": "6s",
    "EBB_WORKER_BATCH": "20",
    "EBB_WORKER_TIMERS": "40",
    "EBB_TOPICS_PARTITIONS": str(PARTITIONS),
}


class Broker:
    """A Kafka that runs share, with a way round it that can be broken."""

    def __init__(self, folder: Path) -> None:
        self.proxy = Proxy(free_port())
        self._kafka = apache_kafka.broker(folder / "kafka", self.proxy.port)
        self.proxy.towards(self._kafka.behind)
        self.address = self._kafka.address
        self.start = self._kafka.start
        self.kill = self._kafka.kill

    @property
    def proxied(self) -> str:
        """Where clients connect whose way may be broken."""
        return f"127.0.0.1:{self.proxy.port}"

    def revive(self) -> None:
        """Start it if it is down, and mend the way to it."""
        self.proxy.mend()
        self.kill()
        self.start()

    def close(self) -> None:
        """End it for good."""
        self.kill()
        self.proxy.close()


class Stage:
    """One shop on servers that may be broken.

    Parameters
    ----------
    folder
        Keeps the logs.
    name
        Prefix of its topics and keys.
    broker
        The Kafka.
    stream
        What is to be sent.
    settings
        On top of `SHOP`.
    proxied
        Whether workers and learner take the way that can be broken.
    mutant
        The mistake that the workers have.
    notified
        Whether alerts are sent to endpoints.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        broker: Broker,
        stream: Sequence[Letter],
        *,
        settings: Mapping[str, str],
        proxied: bool,
        mutant: str | None = None,
        notified: bool = False,
    ) -> None:
        self.broker = broker
        self.keeper = Keeper(folder / "redis")
        self.way = Proxy(free_port())
        self.way.towards(self.keeper.port)
        self.policy = PolicyFile(folder / "policy.toml")
        environment = {
            **SHOP,
            "EBB_POLICY": str(folder / "policy.toml"),
            "EBB_POLICY_REFRESH": "1s",
            "EBB_KAFKA": broker.address,
            "EBB_REDIS": self.keeper.url,
            "EBB_REDIS_NAMESPACE": name,
            "EBB_TOPICS_PREFIX": f"{name}.",
            **(BRIEF if notified else {}),
            **settings,
        }
        self.corner = Corner(folder, environment)
        self._proxied = (
            {
                "EBB_KAFKA": broker.proxied,
                "EBB_REDIS": f"redis://127.0.0.1:{self.way.port}/0",
            }
            if proxied
            else {}
        )
        self._mutant = mutant
        self.corner.create_topics()
        self.feeder = Feeder(self.corner.settings, stream)
        self.watch = Watch(
            self.corner.settings, self.keeper.url, self.feeder, learns=lambda: self.learns
        )
        self.receivers = receivers(self.corner.environment, random.Random(name)) if notified else []
        self.notifiers: list[Child] = []
        self.workers: list[Child] = []
        self._ports: dict[str, int] = {}
        self.learner: Child | None = None
        self.learns = False
        #: What happened that must not happen.
        self.incidents: list[str] = []
        #: What the topic held that was deleted, as far as it was applied.
        self.before: list[Said] = []

    # -- processes ------------------------------------------------------------------------

    def start(self) -> None:
        """Start everything, and wait until something has been applied everywhere."""
        self.workers = [self.worker() for _ in range(WORKERS)]
        self.start_learner()
        self.notifiers = [self.notifier() for _ in self.receivers]
        self.feeder.start()
        self.feeder.allow(200)
        self.watch.start()
        wait_for("the first events are applied", self.moves, 90, 0.1)
        wait_for("the work is shared out", self.balanced, 60, 0.1)
        self.learns = True

    def moves(self) -> bool:
        """Whether everything that was sent so far is applied."""
        places = [max(mark.offset, 0) for mark in self.corner.marks()]
        return self.feeder.sent >= 200 and all(
            place >= end for place, end in zip(places, self.feeder.ends, strict=True)
        )

    def worker(self, *options: str) -> Child:
        """Start a worker."""
        return self._maybe_wrong(self._mutant not in OF_NOTIFY, "worker", *options)

    def notifier(self) -> Child:
        """Start a process that sends alerts to endpoints."""
        return self._maybe_wrong(self._mutant in OF_NOTIFY, "notify")

    def _maybe_wrong(self, wrong: bool, *words: str) -> Child:
        if self._mutant is None or not wrong:
            return self._child("-m", "streams.cli", *words)
        return self._child("-m", "tests.chaos.mutants", self._mutant, "--", *words)

    def start_learner(self) -> None:
        """Start the learner."""
        self.learner = self._child("-m", "streams.cli", "learner")

    def _child(self, *words: str) -> Child:
        port = free_port()
        environment = {**self._proxied, "EBB_WORKER_PORT": str(port)}
        child = self.corner.processes.python(*words, env=environment)
        self._ports[child.name] = port
        return child

    def busy(self) -> bool:
        """Whether the broker has given something out that is not applied yet, almost everywhere."""
        places = self.watch.looks[-1].places
        if places is None:
            return False
        behind = [end > place for end, place in zip(self.feeder.taken, places, strict=False)]
        return sum(behind) >= PARTITIONS - 1

    def goes_by_the_file(self) -> bool:
        """Whether every worker decides by the policy file as it lies there, and says so."""
        told = [health(self._ports[each.name])[1].get("policy", {}) for each in self.workers]
        return all(
            (each.get("version"), each.get("wrong")) == (self.policy.version, []) for each in told
        )

    def balanced(self) -> bool:
        """Whether every process has its share of the work, and all of it is shared out."""
        assert self.learner is not None
        shares = [self._held(each) for each in (*self.workers, self.learner)]
        return all(shares) and sum(shares[:-1]) >= PARTITIONS

    def _held(self, child: Child) -> int:
        with suppress(OSError, ValueError):
            return len(health(self._ports[child.name])[1].get("held", ()))
        return 0

    def replace(self, gone: Child) -> None:
        """Start another one for a worker that is gone, as a supervisor would."""
        self.workers[self.workers.index(gone)] = self.worker()

    def mind(self) -> None:
        """Note, and replace, what has ended by itself."""
        for each in list(self.workers):
            if not each.running:
                self._ended(each)
                self.replace(each)
        for place, each in enumerate(self.notifiers):
            if not each.running:
                self._ended(each)
                self.notifiers[place] = self.notifier()
        if self.learner is not None and not self.learner.running:
            self._ended(self.learner)
            self.start_learner()

    def _ended(self, child: Child) -> None:
        self.incidents.append(
            f"{child.name} ended by itself with {child.exit_code}: {child.tail(1)}"
        )

    def freeze(self, child: Child, seconds: float) -> None:
        """Stop a process in its tracks for so long."""
        child.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        child.send_signal(signal.SIGCONT)

    def kill_notifiers(self, victims: Sequence[int]) -> None:
        """Kill some of those who send alerts to endpoints, by their places."""
        for place in victims:
            self.notifiers[place].kill()

    def revive_notifiers(self, victims: Sequence[int]) -> None:
        """Start others for those who were killed."""
        for place in victims:
            self.notifiers[place] = self.notifier()

    # -- waiting --------------------------------------------------------------------------

    def settle(self, seconds: float) -> bool:
        """Wait until everything that was sent is applied, published and learnt."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.mind()
            with suppress(redis.RedisError, OSError):
                if self.drained():
                    return True
            time.sleep(0.2)
        left = "; ".join(
            f"{number}: {mark.offset} of {end}, outbox {mark.head - mark.tail}"
            for number, (mark, end) in enumerate(
                zip(self.corner.marks(), self.feeder.ends, strict=True)
            )
        )
        self.incidents.append(f"not settled within {seconds:g} s ({left})")
        return False

    def tell(self, seconds: float) -> None:
        """Wait until every live endpoint was told of all that the topic asks for."""
        alerts = [said.value for said in self.corner.read("interventions")]
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.mind()
            if not any(untold(alerts, each.told) for each in self.receivers):
                return
            time.sleep(0.2)

    def drained(self) -> bool:
        """Whether nothing is left to do."""
        corner = self.corner
        stored = corner.stored()
        [learner] = corner.marks("training")
        if not all(map(_still, stored.values())) or learner.head != learner.tail:
            return False
        ends = {name: self._ends(name) for name in ("clickstream", "rekeyed", "training")}
        return (
            all(stored[n].mark.offset >= end for n, end in ends["clickstream"].items() if end)
            and all(
                getattr(stored[n].mark, "rekeyed", 0) >= end
                for n, end in ends["rekeyed"].items()
                if end
            )
            and learner.offset >= ends["training"][0]
        )

    def _ends(self, topic: str) -> dict[int, int]:
        name = self.corner.settings.topic(topic)
        with open_consumer(self.corner.settings) as consumer:
            numbers = consumer.partitions_for_topic(name) or ()
            ends = consumer.end_offsets([TopicPartition(name, n) for n in numbers])
        return {part.partition: end for part, end in ends.items()}

    # -- the topic ------------------------------------------------------------------------

    def delete_topic(self) -> None:
        """Delete ``clickstream``, and create it again."""
        name = self.corner.settings.topic("clickstream")
        admin = open_admin(self.corner.settings)
        admin.delete_topics([name])
        wait_for("the topic is gone", lambda: name not in admin.list_topics(), 30)
        admin.close()
        self.corner.create_topics()

    def log(self) -> list[Said]:
        """Return everything that should be applied."""
        return [*self.before, *self.corner.read("clickstream")]

    # -- the end --------------------------------------------------------------------------

    def stop(self) -> None:
        """End the processes; Redis and the topics stay to be looked at."""
        self.watch.stop()
        self.feeder.stop()
        self.corner.stop()

    def clear(self) -> None:
        """Leave nothing behind but the logs."""
        try:
            self.stop()
            self.corner.clear()
        finally:
            for each in self.receivers:
                each.close()
            self.keeper.kill()
            self.way.close()


def _still(stored: Stored) -> bool:
    mark = stored.mark
    return mark.head == mark.tail and min(stored.timers.values(), default=NEVER) > mark.watermark


def some(dice: random.Random, shortest: float, longest: float) -> None:
    """Wait a random while: when a fault strikes is chance, and not a condition."""
    time.sleep(dice.uniform(shortest, longest))
