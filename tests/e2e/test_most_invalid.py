"""Most of what arrives cannot be used: the line stops, before all of it is a dead letter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

import pytest

from features import MINUTE, Event, encode_event
from streams.brokers import open_producer
from streams.live.held import Mark
from streams.topics import partition_of
from tests.e2e.conftest import NewCorner
from tests.e2e.corner import Corner, Said, ended
from tests.e2e.test_starting import one_line

pytestmark = pytest.mark.e2e

START = 1_700_000_000_000
PLACE = 2
GOOD, RUBBISH, AFTER = 100, 1_500, 10
#: Messages that the worker looks back at.
WINDOW = 1_000
SHOPPERS = [
    name
    for name in (f"shopper-{number}" for number in range(200))
    if partition_of(name.encode(), 4) == PLACE
]


def visits(first: int, last: int) -> list[bytes]:
    return [
        encode_event(
            Event(
                event_id=f"visit-{number}",
                user_id=SHOPPERS[number % len(SHOPPERS)],
                type="visit",
                time=START + number * MINUTE,
            )
        )
        for number in range(first, last)
    ]


def rubbish() -> list[bytes]:
    return [b'{"user": %d' % number for number in range(RUBBISH)]


def refused(corner: Corner) -> str:
    """Start a worker that has to end itself; return the one line with which it does."""
    # The first batch is mostly good, the second all bad.
    code, said = ended(corner.worker(EBB_WORKER_BATCH="200"), 40)
    line = one_line(said)
    assert code == 1, said
    return line


def send_bytes(corner: Corner, values: Iterable[bytes]) -> None:
    topic = corner.settings.topic("clickstream")
    with open_producer(corner.settings) as producer:
        for value in values:
            producer.send(topic, key=b"ada", value=value, partition=PLACE)


class Flooded(NamedTuple):
    """What there was after each of three starts on a log that is mostly rubbish."""

    lines: list[str]
    marks: list[list[Mark]]
    counts: list[Counter[str]]
    letters: list[list[Said]]


@pytest.fixture(scope="module")
def flooded(new_corner: NewCorner) -> Flooded:
    """Two starts that have to be refused, and one that lets it all pass."""
    corner = new_corner()
    corner.create_topics()
    send_bytes(corner, visits(0, GOOD))
    send_bytes(corner, rubbish())
    found = Flooded([], [], [], [])

    def look() -> None:
        found.marks.append(corner.marks())
        found.counts.append(corner.counts())
        found.letters.append(corner.read("dead_letters"))

    for _ in range(2):
        found.lines.append(refused(corner))
        look()
    send_bytes(corner, visits(GOOD, GOOD + AFTER))
    corner.worker(EBB_WORKER_INVALID_CAP="1")
    corner.drain(GOOD + RUBBISH + AFTER, 40)
    look()
    corner.stop()
    return found


def test_the_line_is_stopped_when_most_of_what_arrives_cannot_be_used(flooded: Flooded) -> None:
    assert "messages cannot be used" in flooded.lines[0]
    assert "Input data was truncated" in flooded.lines[0]
    assert "invalid_cap" in flooded.lines[0]
    # Some went before it was clear; none of them is lost, and the position is no further.
    counts, [letters, *_] = flooded.counts[0], flooded.letters
    assert counts["applied"] == GOOD
    assert len(letters) == counts["invalid"] <= WINDOW
    assert flooded.marks[0][PLACE].offset == GOOD + len(letters)


def test_the_line_that_was_stopped_stops_again(flooded: Flooded) -> None:
    assert flooded.lines[1] == flooded.lines[0]
    assert flooded.marks[1] == flooded.marks[0]


def test_a_start_that_is_refused_sends_nothing_again(flooded: Flooded) -> None:
    # Whoever runs it starts it again and again.
    first, second = (len(letters) for letters in flooded.letters[:2])
    assert second == first


def test_the_cap_can_be_taken_off(flooded: Flooded) -> None:
    counts, letters = flooded.counts[2], flooded.letters[2]
    assert (counts["applied"], counts["invalid"]) == (GOOD + AFTER, RUBBISH)
    assert {each.value for each in letters} == set(rubbish())
    assert flooded.marks[2][PLACE].offset == GOOD + RUBBISH + AFTER
