"""A producer for shops: checks, keys, bounds, and says of every event whether it arrived."""

from __future__ import annotations

import atexit
import logging
import time
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from threading import Condition
from types import TracebackType
from typing import Any, Final, Self, Unpack, overload

from kafka.codec import has_lz4
from kafka.errors import KafkaError

from features import Event, Millis
from streams.brokers import PATIENCE as AWAY_AFTER
from streams.brokers import Producer, TopicMissing, open_admin, open_producer
from streams.publishing.wording import EventFields, checked, worded
from streams.recorded import close_import_producer
from streams.settings import Settings, load_settings

log = logging.getLogger(__name__)

#: Seconds in which an event must arrive.
PATIENCE: Final = 10.0
#: Most events, and most bytes of them, that wait for Kafka's word.
MOST_EVENTS: Final = 10_000
MOST_BYTES: Final = 16 * 1024 * 1024
#: Milliseconds that an event waits for others, to be sent with them.
_TOGETHER: Final = 5
#: Milliseconds after which kafka-python gives an event up: never, which is to say in three weeks.
#: Its idempotent producer (3.0) sends nothing more, and says nothing, once an event has expired.
_FOR_EVER: Final = 2**31 - 1


@dataclass(frozen=True)
class Published:
    """Where an event lies, acknowledged by all in-sync replicas.

    Parameters
    ----------
    event_id
        Of the event.
    partition, offset
        In the topic.
    """

    event_id: str
    partition: int
    offset: int


class NotPublished(RuntimeError):
    """Events did not arrive, as far as is known; publish them again, under the same ids.

    Parameters
    ----------
    events
        Those that did not, as they were to be sent.
    reason
        Why.
    """

    def __init__(self, events: tuple[Event, ...], reason: str) -> None:
        many = "1 event was" if len(events) == 1 else f"{len(events)} events were"
        super().__init__(f"{many} not published: {reason}")
        self.events = events
        self.reason = reason


class Publisher:
    """Publishes what customers did to ``clickstream``, for a shop's own servers.

    Each event is checked by the rules of the workers before it is sent, keyed by its customer
    (murmur2, as in Java), and written once (an idempotent producer, ``acks=all``). Threads may
    share a publisher; processes may not: open it after a fork.

    Parameters
    ----------
    kafka
        Addresses such as ``"kafka-1:9092,kafka-2:9092"``, or settings; by default as Ebbtide's
        commands read them, from ``EBB_KAFKA`` or ``ebbtide.toml``.
    topic
        Full name of another topic than ``clickstream``.
    patience
        Seconds in which an event must arrive, and that `publish` waits for room, at most.
    most_events, most_bytes
        How many events may wait for Kafka, and their bytes.

    Raises
    ------
    KafkaAway
        If no broker answers in time.
    TopicMissing
        If the topic is not there: ``ebb topics create``.
    SettingsError
        If a setting is wrong.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> def bought(user: str, order: str, total: float) -> None:  # doctest: +SKIP
    ...     with Publisher("localhost:9092") as publisher:
    ...         publisher.publish(
    ...             user_id=user, type="purchase", time=datetime.now(UTC), order_id=order,
    ...             amount=total, currency="EUR",
    ...         )
    """

    def __init__(
        self,
        kafka: Settings | str | None = None,
        *,
        topic: str | None = None,
        patience: float = PATIENCE,
        most_events: int = MOST_EVENTS,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        if not isinstance(kafka, Settings):
            kafka = load_settings(options={"kafka.bootstrap": kafka} if kafka else {}).settings
        self.topic = topic or kafka.topic("clickstream")
        self._patience = patience
        self._most_events = most_events
        self._most_bytes = most_bytes
        self._changed = Condition()
        self._waiting: dict[int, Event] = {}
        self._bytes = 0
        self._sent = 0
        self._lost: list[Event] = []
        self._reason = ""
        self._closed = False
        self._producer = _open(kafka, self.topic, int(patience * 1_000))
        # Who forgets to close still learns what did not arrive: at the end of the program.
        atexit.register(self.close)

    @overload
    def publish(self, event: Event, /) -> Future[Published]: ...
    @overload
    def publish(self, /, **fields: Unpack[EventFields]) -> Future[Published]: ...
    def publish(self, event: Event | None = None, /, **fields: Any) -> Future[Published]:
        """Check an event and hand it over; it is sent in the background, a customer's in order.

        Parameters
        ----------
        event
            What happened; or its fields as keyword arguments.
        **fields
            Of the event. Without ``event_id``, an order has ``purchase:ORDER``, and anything else
            a hash of what it says: to publish the same again counts once.

        Returns
        -------
        Future of Published
            Done when Kafka has acknowledged the event, or has failed to: then its ``result()``
            raises `NotPublished`. Whoever does not look is told by `flush` and `close`.

        Raises
        ------
        InvalidEvent
            If the workers would refuse it; nothing was sent.
        NotPublished
            If there is no room for it within the patience. ``events`` holds it, and whatever was
            lost before and not yet told.
        """
        if event is None:
            event, message = worded(fields)
        elif fields:
            raise TypeError("publish takes an event or its fields, not both")
        else:
            message = checked(event)
        number = self._make_room(event, len(message))
        future: Future[Published] = Future()
        future.set_running_or_notify_cancel()  # it is on its way: nobody can cancel it
        try:
            record: Any = self._producer.send(
                self.topic, value=message, key=event.user_id.encode(), timestamp_ms=event.at
            )
        except KafkaError as error:
            self._leave_room(number, len(message))
            raise NotPublished((event,), _said(error)) from None
        record.add_callback(partial(self._arrived, number, len(message), event, future))
        record.add_errback(partial(self._failed, number, len(message), event, future))
        return future

    def flush(self, timeout: float | None = None) -> None:
        """Wait until all that was published has arrived.

        Parameters
        ----------
        timeout
            Seconds; by default the publisher's patience.

        Raises
        ------
        NotPublished
            With the events that did not arrive since this was last told. Those that have not
            arrived yet, when the time is over, are among them.
        """
        patience = self._patience if timeout is None else timeout
        until = time.monotonic() + patience
        with suppress(KafkaError):  # what has not arrived is looked at below
            self._producer.flush(timeout=patience)
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting, max(until - time.monotonic(), 0.0))
            late = list(self._waiting.values())
            lost, self._lost = self._lost, []
            reason = self._reason if lost else f"no acknowledgement in {patience:g} s"
        if lost or late:
            raise NotPublished((*lost, *late), reason)

    def close(self) -> None:
        """Wait until all has arrived, and let go of Kafka; once closed, nothing can be published.

        Raises
        ------
        NotPublished
            As `flush` does.
        """
        with self._changed:
            if self._closed:
                return
            self._closed = True
        atexit.unregister(self.close)
        try:
            self.flush()
        finally:
            close_import_producer(self._producer)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.close()
        except NotPublished as lost:
            if error is None:
                raise
            # What went wrong first is what is told; but not without this.
            error.add_note(str(lost))

    def _make_room(self, event: Event, size: int) -> int:
        """Count an event as waiting, as soon as there is room for it; return its number."""
        with self._changed:
            if self._closed:
                raise NotPublished((event,), "the publisher is closed")
            self._changed.wait_for(lambda: self._has_room(size) or self._lost, self._patience)
            if not self._has_room(size):
                lost, self._lost = self._lost, []
                reason = self._reason if lost else f"no room for it in {self._patience:g} s"
                raise NotPublished((*lost, event), reason)
            self._sent += 1
            self._waiting[self._sent] = event
            self._bytes += size
            return self._sent

    def _has_room(self, size: int) -> bool:
        # What was lost and not yet told is kept, too.
        events = len(self._waiting) + len(self._lost)
        return events < self._most_events and (
            self._bytes + size <= self._most_bytes or not self._waiting
        )

    def _leave_room(self, number: int, size: int) -> None:
        with self._changed:
            if self._waiting.pop(number, None) is not None:
                self._bytes -= size
            self._changed.notify_all()

    def _arrived(
        self, number: int, size: int, event: Event, future: Future[Published], record: Any
    ) -> None:
        self._leave_room(number, size)
        future.set_result(Published(event.event_id, record.partition, record.offset))

    def _failed(
        self, number: int, size: int, event: Event, future: Future[Published], error: Exception
    ) -> None:
        reason = _said(error)
        log.error("event %s was not published: %s", event.event_id, reason)
        with self._changed:
            self._lost.append(event)
            self._reason = reason
        self._leave_room(number, size)
        future.set_exception(NotPublished((event,), reason))


def _open(settings: Settings, topic: str, patience: Millis) -> Producer:
    wait = min(patience, AWAY_AFTER)
    with open_admin(settings, wait) as admin:
        if topic not in admin.list_topics():
            raise TopicMissing(topic)
    producer = open_producer(
        settings,
        bootstrap_timeout_ms=wait,
        max_block_ms=patience,
        request_timeout_ms=patience,
        delivery_timeout_ms=_FOR_EVER,
        acks="all",
        enable_idempotence=True,
        allow_auto_create_topics=False,
        compression_type="lz4" if has_lz4() else None,
        linger_ms=_TOGETHER,
    )
    # From here on nobody who publishes has to wait for a broker to tell of the topic.
    producer.partitions_for(topic)
    opened: Producer = producer
    return opened


def _said(error: Exception) -> str:
    """Return what the client says of an error, which may be nothing but its name."""
    return str(error) or type(error).__name__
