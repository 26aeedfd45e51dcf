"""Half of the input is malformed, in every way: all of it is kept, and all the rest is applied.

The long form, 100,000 messages of each sort::

    EBB_TEST_MALFORMED=100000 python -m pytest -s tests/e2e/test_malformed.py
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from operator import itemgetter
from random import Random
from typing import Any, Final, NamedTuple, TypeAlias

import pytest
from aiokafka import AIOKafkaProducer

from features import Definition, Millis, decode_state
from streams.deadletters import HEADER
from streams.demo import Child
from streams.reading import Message, Reading
from tests.e2e.conftest import NewCorner
from tests.e2e.corner import Corner
from tests.malformed import ANY, CLASSES, FUTURE, HUGE, SECRET, Bad, Good, GoodOnes, bad_one
from tests.servers import wait_for

pytestmark = pytest.mark.e2e

COUNT: Final = int(os.environ.get("EBB_TEST_MALFORMED", "3000"))
SEED: Final = 4
#: One in so many bad messages is as large as Kafka takes.
HUGE_EVERY: Final = 200
#: A worker says how it starts and ends; any number of messages must not add to that.
LOG_BYTES: Final = 20_000

Digest: TypeAlias = bytes
Place: TypeAlias = tuple[int, int]


def digest(key: bytes | None, value: bytes | None) -> Digest:
    """Tell two messages apart, an absent key or value from an empty one too."""
    sign = blake2b(digest_size=16)
    for part in (key, value):
        sign.update(b"-" if part is None else b"%d:" % len(part) + part)
    return sign.digest()


@dataclass
class Sent:
    """What was published, without the bytes themselves."""

    #: What the reason must name, and how many times it was sent, for each bad message.
    bad: dict[Digest, Bad] = field(default_factory=dict)
    times: Counter[Digest] = field(default_factory=Counter)
    #: Event ids of each customer.
    good: dict[str, set[str]] = field(default_factory=dict)
    repeats: int = 0
    kinds: Counter[str] = field(default_factory=Counter)


class Letter(NamedTuple):
    """A dead letter: why, and of which message."""

    why: dict[str, Any]
    original: Digest

    @property
    def place(self) -> Place:
        return self.why["partition"], self.why["offset"]


@dataclass
class Mixed:
    """A corner whose worker has met it all."""

    corner: Corner
    worker: Child
    sent: Sent
    #: Where each bad message lies in the clickstream.
    places: dict[Place, Digest]
    letters: list[Letter]
    running: bool


def mixture(rng: Random, now: Millis) -> Iterator[Good | Bad]:
    """Yield as many good messages as bad ones, in any order."""
    good, number = GoodOnes(rng, now, COUNT), 0
    kinds = [kind for kind in CLASSES if kind != HUGE]
    turns = [True] * COUNT + [False] * COUNT
    rng.shuffle(turns)
    for turn in turns:
        if turn:
            yield good.next()
        else:
            yield bad_one(rng, now, kinds[number % len(kinds)] if number % HUGE_EVERY else HUGE)
            number += 1


async def publish(corner: Corner, rng: Random, now: Millis) -> Sent:
    """Send the mixture: the good to their partitions, the bad to any."""
    sent = Sent()
    topic, partitions = corner.settings.topic("clickstream"), corner.settings.topics.partitions
    producer = AIOKafkaProducer(
        bootstrap_servers=corner.settings.kafka.bootstrap,
        linger_ms=20,
        max_batch_size=256 * 1024,
        max_request_size=2 * 1024 * 1024,
        # This client refuses a message without key and value, which others send: it is given
        # every value in a wrapping.
        value_serializer=itemgetter(0),
    )
    async with producer:
        for message in mixture(rng, now):
            partition = None
            if isinstance(message, Good):
                key: bytes | None = message.user_id.encode()
                ids = sent.good.setdefault(message.user_id, set())
                sent.repeats += message.event_id in ids
                ids.add(message.event_id)
            else:
                key = message.key
                sign = digest(key, message.value)
                sent.bad[sign] = message._replace(key=None, value=None)
                sent.times[sign] += 1
                sent.kinds[message.kind] += 1
                if message.kind != FUTURE:
                    partition = rng.randrange(partitions)
            await producer.send(topic, key=key, value=(message.value,), partition=partition)
    return sent


def read(corner: Corner, topic: str) -> Iterator[Message]:
    with Reading(corner.settings, corner.settings.topic(topic), in_bulk=True) as reading:
        yield from reading.past()


@pytest.fixture(scope="module")
def mixed(new_corner: NewCorner) -> Mixed:
    """One worker, from the first message to the last dead letter."""
    corner = new_corner()
    corner.create_topics()
    started = time.monotonic()
    sent = asyncio.run(publish(corner, Random(SEED), time.time_ns() // 1_000_000))
    published = time.monotonic()
    worker = corner.worker()

    def settled() -> bool:
        marks = corner.marks()
        done = sum(max(mark.offset, 0) for mark in marks) == 2 * COUNT
        return not worker.running or (done and all(mark.head == mark.tail for mark in marks))

    wait_for("all is applied and published", settled, 60 + COUNT / 100, 0.25)
    seconds = time.monotonic() - published
    print(
        f"\n{2 * COUNT} messages, half of them malformed ({sent.kinds[HUGE]} of 1 MiB): sent in "
        f"{published - started:.1f} s; {seconds:.1f} s from the start of the worker to the last "
        f"dead letter, {2 * COUNT / seconds:.0f} a second"
    )
    running = worker.running
    corner.stop()
    places = {
        (each.partition, each.offset): sign
        for each in read(corner, "clickstream")
        if (sign := digest(each.key, each.value)) in sent.bad
    }
    assert len(places) == COUNT
    letters = [
        Letter(json.loads(each.headers[HEADER]), digest(each.key, each.value))
        for each in read(corner, "dead_letters")
    ]
    return Mixed(corner, worker, sent, places, letters, running)


def test_the_worker_goes_on_and_has_nothing_to_say(mixed: Mixed) -> None:
    said = mixed.worker.log.read_text(encoding="utf-8")
    assert mixed.running
    assert len(mixed.corner.processes.children) == 1
    for trouble in ("Traceback", "dropped a batch", "reading the place again", "waiting for"):
        assert trouble not in said
    assert SECRET not in said
    assert len(said.encode()) < LOG_BYTES


def test_every_good_message_is_applied_once(mixed: Mixed) -> None:
    sent, counts = mixed.sent, mixed.corner.counts()
    events = sum(map(len, sent.good.values()))
    assert sent.repeats > COUNT / 50
    assert counts["applied"] == events == COUNT - sent.repeats
    assert counts["duplicate"] == sent.repeats
    assert counts["too_late"] == 0
    assert counts["late"] > 0
    assert counts["customers"] == len(sent.good)
    states = {
        name: decode_state(state, Definition()).events
        for stored in mixed.corner.stored().values()
        for name, state in stored.states.items()
    }
    assert states == {name: len(ids) for name, ids in sent.good.items()}


def test_every_bad_message_has_one_dead_letter_with_its_own_bytes(mixed: Mixed) -> None:
    assert mixed.corner.counts()["invalid"] == COUNT
    assert set(mixed.sent.kinds) == set(CLASSES)
    topic = mixed.corner.settings.topic("clickstream")
    assert {letter.why["topic"] for letter in mixed.letters} == {topic}
    assert len(mixed.letters) == COUNT
    assert {letter.place: letter.original for letter in mixed.letters} == mixed.places
    assert Counter(letter.original for letter in mixed.letters) == mixed.sent.times


def test_every_reason_is_short_and_names_the_field_and_nothing_private(mixed: Mixed) -> None:
    for letter in mixed.letters:
        bad = mixed.sent.bad[letter.original]
        reason, named = letter.why["reason"], letter.why["field"]
        assert 0 < len(reason) <= 200, bad
        assert len(named) <= 60, bad
        assert (reason + named).replace("\N{REPLACEMENT CHARACTER}", "?").isprintable(), bad
        assert SECRET not in reason + named
        if bad.field.endswith("*") and bad.field != ANY:
            assert named.startswith(bad.field[:-1]), (bad, letter)
        else:
            assert bad.field in (ANY, named), (bad, letter)
