"""Sends the shoppers' events: half a year in under a minute, never far ahead of the workers."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any, Final

from kafka import KafkaProducer

from features import Millis
from streams.brokers import open_producer
from streams.demo.shoppers import Shop
from streams.settings import Settings

#: Events that may be sent and not yet applied.
_AHEAD: Final = 8_000
_BREATH: Final = 0.02


class Feed(threading.Thread):
    """Publishes deliveries at the pace of the play.

    Parameters
    ----------
    settings
        How to reach Kafka.
    shop
        Whose shoppers.
    seconds
        How long the whole simulation should take.
    partitions
        Of the topic.
    """

    def __init__(self, settings: Settings, shop: Shop, seconds: float, partitions: int) -> None:
        super().__init__(name="feed", daemon=True)
        self._settings = settings
        self._shop = shop
        self._seconds = seconds
        self._ends = dict.fromkeys(range(partitions), 0)
        self._halted = threading.Event()
        #: Told by whoever looks: events that the workers have committed.
        self.applied = 0
        self.sent = 0
        self.reached: Millis = shop.start
        self.error: BaseException | None = None
        self.done = False

    def __len__(self) -> int:
        return len(self._ends)

    def read(self, positions: Mapping[int, int]) -> Mapping[int, int]:
        """Return where each partition ends, as far as the broker has acknowledged."""
        return dict(self._ends)

    def halt(self) -> None:
        """Stop sending."""
        self._halted.set()
        self.join(10.0)

    def run(self) -> None:
        """Send everything."""
        try:
            producer = open_producer(
                self._settings, acks="all", enable_idempotence=False, linger_ms=20
            )
            try:
                self._send(producer)
                producer.flush(timeout=30)
                self.done = not self._halted.is_set()
            finally:
                producer.close(timeout=5)
        except Exception as error:
            self.error = error

    def _send(self, producer: KafkaProducer) -> None:
        topic = self._settings.topic("clickstream")
        span = self._shop.end - self._shop.start
        began = time.monotonic()
        allowed = self._shop.start
        for delivery in self._shop.deliveries():
            while delivery.at > allowed or self.sent - self.applied > _AHEAD:
                if self._halted.wait(_BREATH):
                    return
                passed = (time.monotonic() - began) / self._seconds
                allowed = self._shop.start + round(span * min(passed, 1.0))
            producer.send(topic, key=delivery.key, value=delivery.value).add_callback(self._sent)
            self.sent += 1
            self.reached = delivery.at

    def _sent(self, metadata: Any) -> None:
        end = self._ends[metadata.partition]
        self._ends[metadata.partition] = max(end, metadata.offset + 1)
