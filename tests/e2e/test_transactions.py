"""Events of a Kafka transaction: those of one that was rolled back never happened."""

from __future__ import annotations

import pytest

from features import MINUTE, Event, encode_event
from streams.brokers import open_producer
from tests.e2e.corner import Corner
from tests.servers import wait_for

pytestmark = pytest.mark.e2e

START = 1_700_000_000_000
SHOPPERS = [f"shopper-{number}" for number in range(40)]


def visits(name: str) -> list[Event]:
    return [
        Event(event_id=f"{name}-{number}", user_id=user, type="visit", time=START + number * MINUTE)
        for number, user in enumerate(SHOPPERS)
    ]


def test_only_what_was_committed_is_applied_and_nothing_is_left_to_do(corner: Corner) -> None:
    topic = corner.settings.topic("clickstream")
    # Records that do not count, and then a marker, are the end of the log.
    order = ["rolled back", "committed", "rolled back", "committed", "rolled back"]
    corner.worker()
    with open_producer(corner.settings, transactional_id=topic) as producer:
        producer.init_transactions()
        for number, end in enumerate(order):
            producer.begin_transaction()
            for event in visits(str(number)):
                producer.send(topic, key=event.user_id.encode(), value=encode_event(event))
            producer.flush()
            if end == "committed":
                producer.commit_transaction()
            else:
                producer.abort_transaction()
    sent = len(order) * len(SHOPPERS)
    # The markers take offsets, too: one for each transaction of each partition.
    wait_for("it is read past the last marker", lambda: corner.applied() > sent, 40)
    status = corner.idle(40)

    assert status["applied"] == corner.counts()["applied"] == 2 * len(SHOPPERS)
    assert status["lag"] == 0
    assert corner.applied() == sent + 4 * len(order)
    assert corner.counts()["invalid"] == 0
