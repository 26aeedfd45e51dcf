"""A server is away, full, or set back: say so, wait, go on; and whoever is told to end, ends."""

from __future__ import annotations

import random
import shutil
import signal
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from features import DAY, MINUTE, NEVER, Event, decode_event, encode_state
from models.deciding import Ledger
from streams.demo import Child, free_port
from streams.pipeline import Arrival
from tests.chaos.keeper import Keeper
from tests.e2e.conftest import NewCorner
from tests.e2e.corner import Corner, Stored, differing, ended, health, says
from tests.e2e.replaying import replayed
from tests.e2e.test_outcomes import outcome, report, taken
from tests.e2e.test_starting import one_line
from tests.servers import ServerError, wait_for
from tests.servers.apache_kafka import broker

pytestmark = pytest.mark.e2e

START = 1_700_000_000_000
SHOPPERS = 120


def visits(first: int, last: int) -> list[Event]:
    """Return the visits of some days: shoppers come every few days, and at some time no more."""
    return [
        Event(
            event_id=f"{number}-{day}",
            user_id=f"shopper-{number}",
            type="visit",
            time=START + day * DAY + number * MINUTE,
        )
        for day in range(first, last)
        for number in range(SHOPPERS)
        if day % (2 + number % 5) == 0 and (day < 8 + number % 40 or number % 9 == 0)
    ]


def undisturbed(corner: Corner) -> dict[int, Stored]:
    """Return what Redis must hold of the customers; marks and outboxes are as they are."""
    logs: dict[int, list[Arrival]] = {}
    for said in corner.read("clickstream"):
        arrival = Arrival(said.offset, said.timestamp, decode_event(said.value))
        logs.setdefault(said.partition, []).append(arrival)
    nothing = Ledger().encode()
    expected = {}
    for number, stored in corner.stored().items():
        book, _ = replayed(corner.settings, logs.get(number, []), random.Random(number))
        ledgers = {name: each.ledger.encode() for name, each in book.items()}
        expected[number] = Stored(
            stored.mark,
            {name: encode_state(each.state) for name, each in book.items()},
            {name: data for name, data in ledgers.items() if data != nothing},
            {name: each.due() for name, each in book.items() if each.due() < NEVER},
            stored.outbox,
        )
    return expected


def live(port: int) -> int:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/live", timeout=5) as page:
        return int(page.status)


def reasons(port: int) -> str:
    """Return why a process says that it does not work; empty when it works."""
    code, body = health(port)
    return "" if code == 200 else "; ".join(body.get("reasons", ["it does not answer"]))


def works(port: int) -> bool:
    return health(port)[0] == 200


# -- Redis ------------------------------------------------------------------------------------


@dataclass
class Kept:
    """A corner with a Redis of its own, and the worker that runs there all the time."""

    corner: Corner
    keeper: Keeper
    worker: Child
    port: int
    sent: int = 0
    told: int = 0

    def publish(self, first: int, last: int) -> None:
        """Send the visits of some days, and what a CRM tells meanwhile."""
        events = visits(first, last)
        self.corner.publish(events)
        self.sent += len(events)
        report(self.corner, (outcome(n, "opened", f"shopper-{n}") for n in range(SHOPPERS)))
        self.told += SHOPPERS

    def assert_undisturbed(self) -> None:
        """Wait until all is applied, and compare with a run that nothing happened to."""
        self.corner.drain(self.sent, 60)
        wait_for("all outcomes are taken", lambda: taken(self.corner) == self.told, 20, 0.1)
        wait_for("it is well again", lambda: works(self.port), 20, 0.1)
        assert self.worker.running
        assert differing(self.corner.stored(), undisturbed(self.corner)) == []
        assert self.corner.counts()["applied"] == self.sent
        assert "Traceback" not in self.worker.log.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def kept(new_corner: NewCorner, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    """A worker on a Redis of its own; each test here leaves it well."""
    if shutil.which("redis-server") is None:
        pytest.skip("there is no redis-server that could be ended")
    keeper = Keeper(tmp_path_factory.mktemp("kept") / "redis")
    corner = new_corner(EBB_REDIS=keeper.url)
    corner.create_topics()
    port = free_port()
    made = Kept(corner, keeper, corner.worker(EBB_WORKER_PORT=str(port)), port)
    made.publish(0, 20)
    corner.drain(made.sent, 60)
    wait_for("the worker is well", lambda: works(port), 40, 0.1)
    yield made
    corner.stop()
    keeper.kill()


def test_while_redis_is_away_the_health_page_names_it(kept: Kept) -> None:
    kept.keeper.kill()
    kept.publish(20, 24)
    wait_for("it is named", lambda: "Redis" in reasons(kept.port), 20, 0.1)
    assert live(kept.port) == 200
    kept.keeper.start()
    kept.assert_undisturbed()


def test_while_redis_is_full_nothing_is_written_and_nothing_is_lost(kept: Kept) -> None:
    kept.keeper.allow_memory(1)
    before = kept.corner.stored()
    kept.publish(24, 28)
    wait_for("it says why it waits", lambda: "memory" in reasons(kept.port), 20, 0.1)
    assert live(kept.port) == 200
    # It goes on trying; neither a mark nor a customer has moved.
    assert kept.corner.stored() == before
    kept.keeper.allow_memory(0)
    kept.assert_undisturbed()


@pytest.mark.parametrize("how", ["quiet", "busy"])
def test_when_redis_is_restored_from_an_older_dump_the_worker_goes_back(
    kept: Kept, how: str
) -> None:
    first = 28 if how == "quiet" else 36
    kept.publish(first, first + 4)
    kept.corner.drain(kept.sent, 60)
    old = kept.corner.marks()
    kept.keeper.save()
    kept.publish(first + 4, first + 8)
    kept.corner.drain(kept.sent, 60)
    kept.keeper.kill()
    kept.keeper.set_back()
    if how == "busy":
        kept.publish(first + 8, first + 10)
    kept.assert_undisturbed()
    assert all(new.offset > then.offset for new, then in zip(kept.corner.marks(), old, strict=True))


# -- Kafka ------------------------------------------------------------------------------------


SIGNALS = {"SIGTERM": signal.SIGTERM, "SIGINT": signal.SIGINT}
DAYS = 10


@dataclass
class Outage:
    """What was seen while the broker was away; it is back, and some wait to go on."""

    running: Corner
    starting: Corner
    port: int = field(default_factory=free_port)
    reasons: str = ""
    live: int = 0
    #: Exit code, words and seconds of those that were told to end, by how they were.
    ends: dict[str, tuple[int, str, float]] = field(default_factory=dict)
    waiter_said: str = ""


@pytest.fixture(scope="module")
def outage(session_redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outage]:
    """One outage with all that can be seen in it: a broker takes long to start."""
    folder = tmp_path_factory.mktemp("outage")
    try:
        own = broker(folder / "kafka")
    except ServerError as error:
        pytest.skip(f"there is no Kafka that could be ended: {error}")
    corners = []
    for name in ("running", "ending", "starting"):
        environment = {
            "EBB_KAFKA": own.address,
            "EBB_REDIS": session_redis_url,
            "EBB_REDIS_NAMESPACE": f"outage-{own.port}-{name}",
            "EBB_TOPICS_PREFIX": f"{name}.",
            "EBB_TOPICS_PARTITIONS": "4",
            "EBB_CLOCK": "events",
        }
        corners.append(Corner(folder / name, environment))
        corners[-1].create_topics()
        corners[-1].publish(visits(0, DAYS))
    running, ending, starting = corners
    found = Outage(running, starting)
    running.worker(EBB_WORKER_PORT=str(found.port))
    ports = [free_port() for _ in range(3)]
    told = {
        "SIGTERM": ending.worker(EBB_WORKER_PORT=str(ports[0])),
        "SIGTERM twice": ending.learner(EBB_WORKER_PORT=str(ports[1])),
        "SIGINT twice": ending.worker(EBB_WORKER_PORT=str(ports[2])),
    }
    wait_for("all work", lambda: all(map(works, (found.port, *ports))), 60, 0.1)
    running.drain(len(visits(0, DAYS)))

    own.kill()
    began = time.monotonic()
    waiter = starting.worker()
    asked = {"--wait 2": time.monotonic()}
    told["--wait 2"] = starting.processes.ebb("worker", "--wait", "2")
    for how, child in list(told.items())[:3]:
        number = SIGNALS[how.split()[0]]
        if how.endswith("twice"):
            child.send_signal(number)
            wait_for("the first is known", says(child, "Signal received"), 10, 0.02)
        asked[how] = time.monotonic()
        child.send_signal(number)
    running_yet = dict(told)

    def all_ended() -> bool:
        for how, child in list(running_yet.items()):
            if not child.running:
                found.ends[how] = (*ended(child, 1), time.monotonic() - asked[how])
                del running_yet[how]
        return not running_yet

    wait_for("all that were told to end have ended", all_ended, 40, 0.02)
    wait_for("its health page says so", lambda: "Kafka" in reasons(found.port), 20, 0.1)
    found.reasons, found.live = reasons(found.port), live(found.port)
    wait_for("it was away for long", lambda: time.monotonic() > began + 12, 20, 0.1)
    wait_for("it says that it waits", says(waiter, "waiting for Kafka"), 20, 0.1)
    found.waiter_said = waiter.log.read_text(encoding="utf-8")
    own.start()
    running.publish(visits(DAYS, 2 * DAYS))
    yield found
    for corner in corners:
        corner.clear()
    own.kill()


def test_while_kafka_is_away_the_health_page_names_it(outage: Outage) -> None:
    assert "Kafka" in outage.reasons
    assert outage.live == 200


def test_after_an_outage_of_kafka_a_worker_goes_on(outage: Outage) -> None:
    outage.running.drain(len(visits(0, 2 * DAYS)), 60)
    wait_for("it works again", lambda: works(outage.port), 40, 0.1)
    assert differing(outage.running.stored(), undisturbed(outage.running)) == []
    [worker] = outage.running.processes.children
    assert worker.running
    assert "Traceback" not in worker.log.read_text(encoding="utf-8")


def test_a_worker_that_is_told_to_stop_while_kafka_is_away_ends(outage: Outage) -> None:
    code, said, seconds = outage.ends["SIGTERM"]
    assert code == 0
    assert seconds < 12
    assert "Traceback" not in said


@pytest.mark.parametrize(("how", "code"), [("SIGTERM twice", 143), ("SIGINT twice", 130)])
def test_a_second_signal_ends_it_at_once(outage: Outage, how: str, code: int) -> None:
    found, said, seconds = outage.ends[how]
    assert found == code
    assert seconds < 2
    assert "Traceback" not in said


def test_a_worker_that_is_started_first_says_that_it_waits_for_kafka_and_goes_on(
    outage: Outage,
) -> None:
    outage.starting.drain(len(visits(0, DAYS)), 60)
    [line] = [line for line in outage.waiter_said.splitlines() if "waiting for Kafka" in line]
    assert outage.starting.settings.kafka.bootstrap in line


def test_a_worker_that_shall_not_wait_longer_says_that_kafka_is_away(outage: Outage) -> None:
    code, said, _ = outage.ends["--wait 2"]
    assert code == 3
    assert "Kafka is away" in one_line(said)
