"""Send events to a topic: in order, acknowledged, at a rate if wanted, with little in memory."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from kafka import KafkaProducer
from kafka.codec import has_lz4
from kafka.errors import KafkaError

from features import Event, encode_event
from streams.brokers import Acknowledgement, Producer
from streams.settings import Settings
from streams.topics import TopicMissing, open_admin, open_producer

#: Most events, and most bytes, sent and not yet acknowledged; the client itself has no bound.
MAX_IN_FLIGHT: Final = 10_000
MAX_IN_FLIGHT_BYTES: Final = 4 * 1024 * 1024
#: How long, in seconds, a broker may be silent before the import gives up.
PATIENCE: Final = 10.0
#: Sleeping for less than this, in seconds, is not worth a system call.
_NAP: Final = 0.005
#: How far, in seconds, sending at a rate may make up for a pause.
_CATCH_UP: Final = 0.1
_PROGRESS_EVENTS: Final = 500


@dataclass(frozen=True)
class Published:
    """What was sent: acknowledged events, and the seconds since the first of them."""

    events: int
    seconds: float


def publish(
    events: Iterable[Event],
    producer: Producer,
    topic: str,
    *,
    rate: float | None = None,
    patience: float = PATIENCE,
    max_in_flight: int = MAX_IN_FLIGHT,
    max_in_flight_bytes: int = MAX_IN_FLIGHT_BYTES,
    on_sent: Callable[[int], None] | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Published:
    """Send events in the order given, keyed by customer, and wait until all are acknowledged.

    Parameters
    ----------
    events
        The events, in the order of time.
    producer
        A producer as `open_import_producer` makes it.
    topic
        Full name of the topic.
    rate
        Most events in a second; without it as fast as the broker takes them.
    patience
        Seconds to wait for an acknowledgement.
    max_in_flight, max_in_flight_bytes
        Most events, and most bytes of them, sent and not yet acknowledged.
    on_sent
        Called with the number of events sent so far, every few hundred.
    clock, sleep
        Seconds that only go forward, and how to wait.

    Raises
    ------
    KafkaError
        The first error of a delivery. What was sent before may have arrived; repeats are
        harmless, since ids are the same each time.
    """
    waiting: deque[tuple[Acknowledgement, int]] = deque()
    sent = in_flight = 0
    began = due = clock()
    for event in events:
        if not sent:
            began = due = clock()  # reading the file came before the first event
        if rate is not None:
            now = clock()
            if due - now > _NAP:
                sleep(due - now)
            due = max(due, now - _CATCH_UP) + 1 / rate
        value = encode_event(event)
        while waiting and (len(waiting) >= max_in_flight or in_flight > max_in_flight_bytes):
            acknowledgement, size = waiting.popleft()
            acknowledgement.get(timeout=patience)
            in_flight -= size
        acknowledgement = producer.send(
            topic, value=value, key=event.user_id.encode(), timestamp_ms=event.at
        )
        waiting.append((acknowledgement, len(value)))
        in_flight += len(value)
        sent += 1
        if on_sent is not None and (sent % _PROGRESS_EVENTS == 0 or rate is not None):
            on_sent(sent)
    producer.flush(timeout=patience)
    for acknowledgement, _ in waiting:
        acknowledgement.get(timeout=patience)
    if on_sent is not None:
        on_sent(sent)
    return Published(sent, clock() - began)


def open_import_producer(settings: Settings, topic: str) -> KafkaProducer:
    """Return a producer for an import, when the topic exists.

    Every record is acknowledged by all in-sync replicas and written once, even when sending
    is tried again (an idempotent producer); records of a customer stay in order.

    Parameters
    ----------
    settings
        How to reach Kafka.
    topic
        Full name of the topic that will be written.

    Raises
    ------
    TopicMissing
        If Kafka does not have the topic; importing never creates one, since the number of its
        partitions is a decision.
    KafkaAway
        If no broker answers within some ten seconds.
    """
    with open_admin(settings) as admin:
        if topic not in admin.list_topics():
            raise TopicMissing(topic)
    patience_ms = int(PATIENCE * 1_000)
    return open_producer(
        settings,
        request_timeout_ms=patience_ms,
        delivery_timeout_ms=patience_ms + 1_000,
        acks="all",
        enable_idempotence=True,
        allow_auto_create_topics=False,
        compression_type="lz4" if has_lz4() else None,
        linger_ms=20,
        batch_size=128 * 1024,
    )


def close_import_producer(producer: KafkaProducer) -> None:
    """Close a producer, also when what it holds can no longer be sent, without an error."""
    try:
        producer.close(timeout=1)
    except KafkaError:
        # It gave up in the middle of closing, and would try again, and print a traceback,
        # when Python collects it.
        producer._sender.force_close()
        producer._closed = True
