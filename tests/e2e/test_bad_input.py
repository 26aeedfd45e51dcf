"""Bad input among good: kept as it was with its reason, and the good goes on."""

from __future__ import annotations

import json
import time
from typing import Any, NamedTuple

import jsonschema
import pytest

from features import DAY, MINUTE, Event, encode_event
from streams.brokers import open_producer
from streams.deadletters import HEADER
from tests.e2e.conftest import NewCorner
from tests.e2e.corner import Corner
from tests.servers import wait_for

pytestmark = pytest.mark.e2e

GOOD = 40
NOW = time.time_ns() // 1_000_000


class Bad(NamedTuple):
    """A message that cannot be used, and what its dead letter must say."""

    key: bytes | None
    value: bytes | None
    field: str
    reason: str


def good(name: str, at: int) -> bytes:
    return encode_event(Event(event_id=f"{name}-{at}", user_id=name, type="visit", time=at))


def bad_ones() -> list[Bad]:
    nameless = json.dumps({"event_id": "1", "type": "visit", "time": NOW}).encode()
    ageless = json.dumps({"event_id": "1", "user_id": "ada", "type": "visit"}).encode()
    return [
        Bad(b"ada", b'{"event_id": "1", "user_id": ', "", ""),
        Bad(b"ada", b"\xff\x00 not text", "", ""),
        Bad(b"ada", None, "", ""),
        Bad(None, nameless, "", "user_id"),
        Bad(b"ada", ageless, "", "time"),
        Bad(b"ada", good("ada", NOW + 30 * DAY), "time", "after its arrival"),
    ]


@pytest.fixture(scope="module")
def mixed(new_corner: NewCorner) -> Corner:
    """A corner whose worker has met good and bad messages in turns."""
    corner = new_corner()
    corner.create_topics()
    names = [f"shopper-{number}" for number in range(GOOD)]
    topic = corner.settings.topic("clickstream")
    bad = bad_ones()
    with open_producer(corner.settings) as producer:
        for number, name in enumerate(names):
            producer.send(topic, key=name.encode(), value=good(name, NOW - MINUTE))
            if number < len(bad):
                each = bad[number]
                producer.send(topic, key=each.key, value=each.value)
    worker = corner.worker()
    corner.drain(GOOD + len(bad))
    assert worker.running
    corner.stop()
    return corner


def test_bad_messages_are_kept_with_their_reason_and_good_ones_are_applied(mixed: Corner) -> None:
    [worker] = mixed.processes.children
    said = worker.log.read_text(encoding="utf-8")
    assert "Traceback" not in said
    assert "dropped a batch" not in said
    counts = mixed.counts()
    assert counts["applied"] == counts["customers"] == GOOD
    assert counts["invalid"] == len(bad_ones())

    sent = {(each.partition, each.offset): each for each in mixed.read("clickstream")}
    letters = mixed.read("dead_letters")
    assert len(letters) == len(bad_ones())
    for letter in letters:
        why: dict[str, Any] = json.loads(letter.headers[HEADER])
        original = sent[why["partition"], why["offset"]]
        assert why["topic"] == mixed.settings.topic("clickstream")
        assert why["timestamp"] == original.timestamp
        assert (letter.key, letter.value) == (original.key, original.value)
        [bad] = [
            each for each in bad_ones() if (each.key, each.value) == (letter.key, letter.value)
        ]
        assert bad.field == why["field"] or not bad.field
        assert bad.reason in why["reason"]
        assert why["reason"]


def test_dead_letters_are_what_the_schema_promises(mixed: Corner) -> None:
    schema = json.loads(mixed.run("schema", "dead-letter"))
    letters = mixed.read("dead_letters")
    assert letters
    for letter in letters:
        jsonschema.validate(json.loads(letter.headers[HEADER]), schema)


def test_a_partition_of_nothing_but_bad_messages_is_read_to_its_end(corner: Corner) -> None:
    topic = corner.settings.topic("clickstream")
    with open_producer(corner.settings) as producer:
        for _ in range(5):
            producer.send(topic, key=b"ada", value=b"{", partition=2)
    corner.worker()
    wait_for("all are read", lambda: corner.applied() == 5)
    corner.drain(5)
    status = corner.status()
    assert [part["invalid"] for part in status["partitions"]] == [0, 0, 5, 0]
    assert status["lag"] == 0
    assert status["watermark"] is None
