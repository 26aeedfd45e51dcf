"""Dead letters sent again after a fix: each is applied once, and a second redrive sends nothing."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from features import HOUR, MINUTE, Event, encode_event
from streams.brokers import open_producer
from streams.deadletters import HEADER, REDRIVEN
from tests.e2e.conftest import NewCorner
from tests.e2e.corner import Corner

pytestmark = pytest.mark.e2e

NOW = time.time_ns() // 1_000_000
NAMES = [f"shopper-{number}" for number in range(12)]
EACH = 5
BROKEN = 3
#: The "deployment error": a clock so strict that a frontend an hour ahead is refused.
STRICT, MENDED = {"EBB_SKEW": "5m"}, {"EBB_SKEW": "1d"}


def ahead() -> list[Event]:
    return [
        Event(
            event_id=f"{name}-{number}",
            user_id=name,
            type="visit",
            time=NOW + HOUR + number * MINUTE,
        )
        for number in range(EACH)
        for name in NAMES
    ]


def on_time() -> list[Event]:
    return [
        Event(event_id=f"{name}-now", user_id=name, type="visit", time=NOW - MINUTE)
        for name in NAMES
    ]


def redrive(corner: Corner, *arguments: str, code: int = 0, **settings: str) -> dict[str, Any]:
    done = corner.ebb("dlq", "redrive", "--json", *arguments, env=settings)
    assert done.returncode == code, done.stderr + done.stdout
    return dict(json.loads(done.stdout))


def listed(corner: Corner, **settings: str) -> list[dict[str, Any]]:
    done = corner.ebb("dlq", "list", "--json", "--last", "1000", env=settings)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_letters_are_applied_once_after_a_fix_and_a_second_redrive_sends_nothing(
    brief_corner: NewCorner,
) -> None:
    corner = brief_corner(EBB_WORKER_INVALID_CAP="1")
    corner.create_topics()
    topic = corner.settings.topic("clickstream")
    corner.publish(on_time())
    corner.publish(ahead())
    with open_producer(corner.settings) as producer:
        for _ in range(BROKEN):
            producer.send(topic, key=b"shop", value=b'{"event_id": "1", ')
    late, good = len(ahead()), len(on_time())
    sent = good + late + BROKEN

    corner.worker(**STRICT)
    corner.drain(sent)
    corner.stop()
    assert corner.counts()["applied"] == good
    letters = listed(corner)
    assert len(letters) == late + BROKEN
    assert {letter["state"] for letter in letters} == {"waiting"}
    assert redrive(corner, "--reason", "after its arrival", code=1, **STRICT)["sent"] == 0

    # The fix; one of the letters goes twice, as after a crash between sending and its marker.
    first = next(letter for letter in letters if letter["field"] == "time")
    with open_producer(corner.settings) as producer:
        producer.send(
            topic,
            key=first["key"].encode(),
            value=first["value"].encode(),
            headers=[(REDRIVEN, first["letter_id"].encode())],
        )
    corner.worker(**MENDED)
    report = redrive(corner, "--all", code=1, **MENDED)
    assert (report["sent"], report["left"], report["already_redriven"]) == (late, BROKEN, 0)
    corner.drain(sent + late + 1)
    counts = corner.counts()
    assert counts["applied"] == good + late
    assert counts["duplicate"] == 1
    assert counts["customers"] == len(NAMES)

    again = redrive(corner, "--reason", "after its arrival", **MENDED)
    assert (again["sent"], again["already_redriven"]) == (0, late)
    assert len(corner.read("clickstream")) == sent + late + 1
    states = [letter["state"] for letter in listed(corner)]
    assert (states.count("redriven"), states.count("waiting")) == (late, BROKEN)

    # Each customer's events came back in the order of their log, on the customer's partition.
    back = [said for said in corner.read("clickstream") if REDRIVEN in said.headers][1:]
    for name in NAMES:
        mine = [said for said in back if said.key == name.encode()]
        assert len({said.partition for said in mine}) == 1
    by_customer = {
        name: [
            said.value
            for said in sorted(back, key=lambda said: said.offset)
            if said.key == name.encode() and said.value != first["value"].encode()
        ]
        for name in NAMES
    }
    for name, values in by_customer.items():
        expected = [encode_event(event) for event in ahead() if event.user_id == name]
        assert values == [value for value in expected if value != first["value"].encode()]


def test_a_message_that_is_refused_again_becomes_a_letter_of_its_own(
    brief_corner: NewCorner,
) -> None:
    corner = brief_corner()
    corner.create_topics()
    topic = corner.settings.topic("clickstream")
    with open_producer(corner.settings) as producer:
        producer.send(topic, key=b"ada", value=b"{")
    corner.worker()
    corner.drain(1)
    [first] = listed(corner)
    assert redrive(corner, first["letter_id"], "--force")["sent"] == 1
    corner.drain(2)
    letters = listed(corner)
    assert [letter["redriven_from"] for letter in letters] == [None, first["letter_id"]]
    assert [letter["state"] for letter in letters] == ["refused again", "waiting"]
    assert [letter["value"] for letter in letters] == ["{", "{"]
    said = corner.read("dead_letters")
    assert [HEADER in each.headers for each in said].count(True) == 2, "the third is the marker"
    assert len(said) == 3
