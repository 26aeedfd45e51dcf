"""Events of a producer with another partitioner: moved once, applied once, in order."""

from __future__ import annotations

import binascii
import json

import pytest

from features import DAY, HOUR, Definition, Event, decode_state, encode_event
from streams.brokers import open_producer
from streams.topics import partition_of
from tests.e2e.corner import Corner

pytestmark = pytest.mark.e2e

PARTITIONS = 4
START = 1_700_000_000_000
SHOPPERS = [f"shopper-{number}" for number in range(60)]
VISITS = 20


def by_librdkafka(user: str) -> int:
    """Return the partition that librdkafka's default partitioner chooses."""
    return binascii.crc32(user.encode()) % PARTITIONS


def test_events_on_the_wrong_partition_are_moved_and_applied_once_in_order(corner: Corner) -> None:
    strays = {
        user for user in SHOPPERS if by_librdkafka(user) != partition_of(user.encode(), PARTITIONS)
    }
    assert 0 < len(strays) < len(SHOPPERS)
    topic = corner.settings.topic("clickstream")
    amounts: dict[str, float] = {}
    with open_producer(corner.settings) as producer:
        for visit in range(VISITS):
            for place, user in enumerate(SHOPPERS):
                at = START + visit * DAY + place * HOUR // 4
                amounts[user] = float(visit + place)
                event = Event(
                    event_id=f"{user}-{visit}",
                    user_id=user,
                    type="purchase",
                    time=at,
                    amount=amounts[user],
                )
                value = encode_event(event)
                producer.send(topic, key=user.encode(), value=value, partition=by_librdkafka(user))
    corner.worker()
    total = len(SHOPPERS) * VISITS
    corner.drain(total + len(strays) * VISITS)
    corner.stop()

    counts = corner.counts()
    assert counts["applied"] == total
    assert counts["customers"] == len(SHOPPERS)
    assert counts["forwarded"] == counts["rekeyed"] == len(strays) * VISITS
    assert counts["invalid"] == 0
    for number, stored in corner.stored().items():
        for user, data in stored.states.items():
            assert partition_of(user.encode(), PARTITIONS) == number
            state = decode_state(data, Definition())
            assert state.events == VISITS
            assert state.money.last_amount == amounts[user]

    moved = corner.read("rekeyed")
    assert {each.key.decode() for each in moved if each.key} == strays
    by_customer: dict[bytes | None, list[int]] = {}
    for each in moved:
        origin = json.loads(each.headers["ebb_origin"])
        assert origin["topic"] == topic
        by_customer.setdefault(each.key, []).append(origin["offset"])
    assert all(offsets == sorted(offsets) for offsets in by_customer.values())
