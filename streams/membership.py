"""A member of a consumer group that keeps its place in a topic itself, and not with the group."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import KafkaError


class Assigned(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """Lets go of partitions that are somebody else's, and holds new ones until they are placed.

    Parameters
    ----------
    consumer
        The member's.
    let_go
        Told the number of each partition that was taken away.
    """

    def __init__(self, consumer: Any, let_go: Callable[[int], None] = lambda _: None) -> None:
        self._consumer = consumer
        self._let_go = let_go
        #: Whether the group has ever given out its partitions to this member.
        self.joined = False
        #: Partitions that are paused since nobody has gone to their place yet.
        self.waiting: set[Any] = set()

    async def on_partitions_revoked(self, revoked: Any) -> None:
        """Forget them before somebody else goes on with them."""
        self.waiting.difference_update(revoked)
        for part in revoked:
            self._let_go(part.partition)

    async def on_partitions_assigned(self, assigned: Any) -> None:
        """Read nothing of them yet: the group's offsets are for lag monitors."""
        self.joined = True
        self.waiting = set(assigned)
        self._consumer.pause(*assigned)


async def leave(consumer: Any, seconds: float) -> None:
    """Leave the group; nobody waits longer than that for a broker that is away."""
    with suppress(KafkaError, OSError, TimeoutError):
        async with asyncio.timeout(seconds):
            await consumer.stop()


__all__ = ["Assigned", "leave"]
