"""Sends the stream while everything around it breaks."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from kafka.errors import KafkaError

from streams.brokers import KafkaAway, open_producer
from streams.settings import Settings
from streams.topics import partition_of
from tests.chaos.letters import Letter
from tests.servers import wait_for

_PAUSE = 0.1


class Feeder:
    """A producer in a thread of its own, that sends as much and as fast as it is allowed.

    What the broker takes is what counts: the comparison reads the topic, so a message that was
    sent twice or not at all is no fault.
    """

    def __init__(self, settings: Settings, stream: Sequence[Letter]) -> None:
        self._settings = settings
        self._stream = list(stream)
        self._topic = settings.topic("clickstream")
        self._partitions = settings.topics.partitions
        self._taken = [0] * self._partitions
        self._under_way = [0] * self._partitions
        self.sent = 0
        self.failed = 0
        self._upto = 0
        self._rate = 0.0
        self._rests = threading.Event()
        self._paused = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def taken(self) -> list[int]:
        """Offset after the last message that the broker has taken, by partition."""
        return list(self._taken)

    @property
    def ends(self) -> list[int]:
        """The same with what is under way: while Kafka is away, nobody else knows of it."""
        return [end + waiting for end, waiting in zip(self._taken, self._under_way, strict=True)]

    def start(self) -> None:
        """Begin; nothing is sent until `allow`."""
        self._thread.start()

    def allow(self, upto: int, rate: float = 0.0) -> None:
        """Send the stream up to there: so many a second, or at once."""
        self._upto, self._rate = min(upto, len(self._stream)), rate

    def add(self, more: Sequence[Letter]) -> None:
        """Lengthen the stream."""
        self._stream.extend(more)

    def pause(self) -> None:
        """Send nothing; what was sent has arrived when this returns."""
        self._rests.set()
        wait_for("the producer rests", self._paused.is_set, 60)

    def resume(self, *, afresh: bool = False) -> None:
        """Go on; ``afresh`` when the topic has been created anew."""
        if afresh:
            self._taken = [0] * self._partitions
        self._rests.clear()
        self._paused.clear()

    def finish(self, seconds: float = 90) -> None:
        """Send all that is left, and wait until it has arrived."""
        self.allow(len(self._stream))
        wait_for("the stream is sent", lambda: self.sent == len(self._stream), seconds)
        self.pause()

    def stop(self) -> None:
        """End the thread."""
        self._over.set()
        self._thread.join(30)

    # -- in its thread --------------------------------------------------------------------

    def _run(self) -> None:
        while not self._over.is_set():
            if self._rests.is_set():
                self._paused.set()
                time.sleep(_PAUSE)
                continue
            with suppress(KafkaAway), open_producer(self._settings, acks="all") as producer:
                self._send(producer)
                with suppress(KafkaError):
                    producer.flush(timeout=60)

    def _send(self, producer: Any) -> None:
        began, first, rate = time.monotonic(), self.sent, self._rate
        while not (self._over.is_set() or self._rests.is_set()):
            if self._rate != rate:
                began, first, rate = time.monotonic(), self.sent, self._rate
            due = first + (time.monotonic() - began) * rate if rate else self._upto
            if self.sent >= min(due, self._upto):
                if self.sent >= self._upto:
                    began, first = time.monotonic(), self.sent
                time.sleep(0.005)
                continue
            letter = self._stream[self.sent]
            try:
                future = producer.send(
                    self._topic, key=letter.key, value=letter.value, partition=letter.partition
                )
            except KafkaError:  # it has waited for the broker long enough
                time.sleep(_PAUSE)
                continue
            place = self._place(letter)
            self._under_way[place] += 1
            future.add_callback(partial(self._arrived, place))
            future.add_errback(partial(self._lost, place))
            self.sent += 1

    def _place(self, letter: Letter) -> int:
        if letter.partition is not None:
            return letter.partition
        assert letter.key is not None
        return partition_of(letter.key, self._partitions)

    def _arrived(self, place: int, taken: Any) -> None:
        assert taken.partition == place
        self._taken[place] = max(self._taken[place], taken.offset + 1)
        self._under_way[place] -= 1

    def _lost(self, place: int, error: BaseException) -> None:
        self._under_way[place] -= 1
        self.failed += 1
