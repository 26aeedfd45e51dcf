"""Told to stop, or frozen and thawed: what was begun is finished, and nothing is done twice."""

from __future__ import annotations

import json
import signal
import time
from contextlib import suppress
from datetime import datetime
from typing import Any, NamedTuple

import pytest

from features import DAY, MINUTE, Event
from streams.brokers import open_admin
from streams.demo import free_port
from streams.live.held import Mark
from tests.e2e.conftest import NewCorner
from tests.e2e.corner import Corner, ended, health
from tests.servers import wait_for

pytestmark = pytest.mark.e2e

START = 1_700_000_000_000
#: A partition is another's after that long by itself, if its worker just vanishes.
SESSION = "30s"


def visits(shoppers: int, days: int) -> list[Event]:
    """Return the visits of shoppers who come every few days, and at some time no more."""
    return [
        Event(
            event_id=f"{number}-{day}",
            user_id=f"shopper-{number}",
            type="visit",
            time=START + day * DAY + number * MINUTE,
        )
        for day in range(days)
        for number in range(shoppers)
        if day % (2 + number % 5) == 0 and (day < 20 + number % days or number % 7 == 0)
    ]


EVENTS = visits(shoppers=70, days=50)


class Stopped(NamedTuple):
    """A worker that was stopped in mid-stream, and how another one went on."""

    corner: Corner
    code: int
    said: str
    seconds: float
    marks: list[Mark]
    members: list[Any]
    took_over: float


def members(corner: Corner, role: str) -> list[Any]:
    """Return the members of a consumer group."""
    group = f"{corner.settings.topics.prefix}{corner.settings.redis.namespace}-{role}"
    with open_admin(corner.settings) as admin:
        described = admin.describe_groups([group])
    [found] = described.values() if isinstance(described, dict) else described
    return list(found["members"])


def moment(words: str, text: str) -> float:
    """Return when a log says something for the first time, in seconds."""
    [line, *_] = [line for line in words.splitlines() if text in line]
    return datetime.strptime(line[1:24], "%Y-%m-%d %H:%M:%S,%f").timestamp()


def offsets(marks: list[Mark]) -> int:
    return sum(max(mark.offset, 0) for mark in marks)


@pytest.fixture(scope="module")
def stopped(new_corner: NewCorner) -> Stopped:
    """A corner whose worker was told to stop in mid-stream; another one has done the rest."""
    # Small batches: time enough to be stopped in the middle.
    corner = new_corner(
        EBB_KAFKA_SESSION_TIMEOUT=SESSION,
        EBB_WORKER_BATCH="1",
        EBB_WORKER_TIMERS="5",
        EBB_HORIZON="7d",
    )
    corner.create_topics()
    corner.publish(EVENTS)
    worker = corner.worker()
    corner.wait_until_applied(len(EVENTS) // 5, 40)
    assert members(corner, "worker"), "nobody is seen in a group that works"
    asked = time.monotonic()
    worker.send_signal(signal.SIGTERM)
    code, said = ended(worker, 20)
    seconds = time.monotonic() - asked
    marks, left = corner.marks(), members(corner, "worker")

    successor = corner.worker()
    corner.wait_until_applied(offsets(marks) + 1, 40)
    words = successor.log.read_text(encoding="utf-8")
    took_over = moment(words, "Worker ready") - moment(words, "(Re-)joining group")
    corner.drain(len(EVENTS))
    corner.stop()
    return Stopped(corner, code, said, seconds, marks, left, took_over)


def test_a_worker_that_is_told_to_stop_in_mid_stream_ends_soon_and_well(stopped: Stopped) -> None:
    assert stopped.code == 0
    assert stopped.seconds < 10
    assert "Traceback" not in stopped.said
    assert 0 < offsets(stopped.marks) < len(EVENTS), "stopped at a time that shows nothing"


def test_what_a_stopped_worker_had_committed_is_published_and_trimmed(stopped: Stopped) -> None:
    assert sum(mark.head for mark in stopped.marks) > 0
    assert [mark.head - mark.tail for mark in stopped.marks] == [0, 0, 0, 0]


def test_a_stopped_worker_leaves_its_group_at_once(stopped: Stopped) -> None:
    assert stopped.members == []
    # Not after its session of 30 s, nor after the 10 s that members have to join anew.
    assert stopped.took_over < 5


def test_after_a_stop_another_goes_on_and_says_nothing_twice(stopped: Stopped) -> None:
    counts = stopped.corner.counts()
    assert counts["applied"] == len(EVENTS)
    for topic, name, count in (
        ("interventions", "alert_id", counts["alerts"]),
        ("training", "example_id", counts["examples"]),
    ):
        ids = [json.loads(said.value)[name] for said in stopped.corner.read(topic)]
        assert len(ids) == len(set(ids)) == count > 50


# -- the learner ------------------------------------------------------------------------------


def learnt(corner: Corner) -> int:
    return corner.counts("training")["learnt"]


class Taught(NamedTuple):
    """Learners of which one was stopped, and one was frozen until another had done its work."""

    examples: int
    code: int
    mark: Mark
    members: list[Any]
    status: dict[str, Any]
    learnt: int
    repeated: int
    #: What the thawed one says of itself, now that it stands by.
    health: tuple[int, dict[str, Any]]


@pytest.fixture(scope="module")
def taught(stopped: Stopped) -> Taught:
    """Three learners, one after the other, and then the thawed one beside the third."""
    corner = stopped.corner
    examples = corner.counts()["examples"]
    quick = {"EBB_KAFKA_SESSION_TIMEOUT": "6s", "EBB_WORKER_BATCH": "3"}

    first = corner.learner(**quick)
    wait_for("it has learnt some", lambda: learnt(corner) > examples // 20, 40, 0.005)
    first.send_signal(signal.SIGTERM)
    code, _ = ended(first, 20)
    [mark] = corner.marks("training")
    left = members(corner, "learner")

    port = free_port()
    frozen = corner.learner(**quick, EBB_WORKER_PORT=str(port))
    wait_for("it has learnt more", lambda: learnt(corner) > examples // 5, 40, 0.005)
    frozen.send_signal(signal.SIGSTOP)
    assert learnt(corner) < examples, "frozen at a time that shows nothing"
    corner.learner(EBB_KAFKA_SESSION_TIMEOUT="6s")
    wait_for("the other has learnt the rest", lambda: learnt(corner) >= examples, 60, 0.1)
    frozen.send_signal(signal.SIGCONT)
    wait_for("both are in the group", lambda: len(members(corner, "learner")) == 2, 40, 0.2)
    status = corner.idle(40)
    with suppress(AssertionError):
        wait_for("it is well", lambda: health(port)[0] == 200, 5, 0.1)
    standing = health(port)
    corner.stop()
    counts = corner.counts("training")
    return Taught(
        examples, code, mark, left, status, counts["learnt"], counts["repeated"], standing
    )


def test_a_stopped_learner_leaves_its_group_and_nothing_unpublished(taught: Taught) -> None:
    assert taught.code == 0
    assert 0 < taught.mark.counts["learnt"] < taught.examples, "stopped too early or too late"
    assert taught.mark.head == taught.mark.tail
    assert taught.members == []


def test_learners_that_are_stopped_or_frozen_learn_nothing_twice(taught: Taught) -> None:
    assert taught.status["learnt"] == taught.status["matured"]
    assert taught.status["quality"]["count"] == taught.status["matured"]
    assert taught.learnt == taught.examples > taught.status["matured"]
    assert taught.repeated == 0


def test_a_thawed_learner_that_stands_by_is_well(taught: Taught) -> None:
    code, body = taught.health
    assert code == 200, body
