"""Where a log ends: asked with a fetch, since not every broker tells it rightly otherwise."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final

from kafka import KafkaConsumer, TopicPartition

from streams.brokers import KafkaAway, TopicMissing, open_consumer
from streams.settings import Settings

_DEADLINE: Final = 10.0


class LogEnds:
    """The ends of a topic's partitions, for somebody who looks again and again.

    Parameters
    ----------
    settings
        How to reach Kafka.
    topic
        Full name of the topic.

    Raises
    ------
    KafkaAway
        If no broker answers.
    TopicMissing
        If there is no such topic.
    """

    def __init__(self, settings: Settings, topic: str) -> None:
        self._bootstrap = settings.kafka.bootstrap
        self._consumer: KafkaConsumer = open_consumer(
            settings,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=50,
            max_partition_fetch_bytes=4_096,
        )
        numbers = self._consumer.partitions_for_topic(topic)
        if not numbers:
            self.close()
            raise TopicMissing(topic)
        self._partitions = {number: TopicPartition(topic, number) for number in sorted(numbers)}
        self._consumer.assign(list(self._partitions.values()))

    def __len__(self) -> int:
        return len(self._partitions)

    def close(self) -> None:
        """Disconnect."""
        self._consumer.close(autocommit=False)

    def read(self, positions: Mapping[int, int]) -> dict[int, int]:
        """Return the offset after the last record of each partition.

        Parameters
        ----------
        positions
            An offset in each partition that is likely near its end; 0 where none is given.
        """
        for number, partition in self._partitions.items():
            self._consumer.seek(partition, max(positions.get(number, 0), 0))
        ends: dict[int, int] = {}
        until = time.monotonic() + _DEADLINE
        waiting = dict(self._partitions)
        asked = dict.fromkeys(waiting, False)
        while waiting:
            batches = self._consumer.poll(timeout_ms=100, max_records=1)
            for number, partition in list(waiting.items()):
                # The first answer may be one that was on its way before the seek.
                fresh = asked[number] or partition in batches
                end = self._consumer.highwater(partition)
                if end is not None and fresh:
                    ends[number] = max(end, positions.get(number, 0))
                    del waiting[number]
                asked[number] = True
            if time.monotonic() > until:
                raise KafkaAway(self._bootstrap, reason="it does not tell where its logs end")
        return ends
