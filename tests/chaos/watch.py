"""Looks at the marks all the time: how long nothing moved, and when it moved again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import redis

from streams.live.held import read_mark
from streams.settings import Settings
from tests.chaos.feeder import Feeder

EVERY = 0.05


class Look(NamedTuple):
    """Where everything stood at a moment: the partitions, and last the learner.

    ``places`` is None while Redis does not answer. A place is where a partition is, an end
    where it should be.
    """

    at: float
    places: tuple[int, ...] | None
    ends: tuple[int, ...]


def longest_stall(looks: Sequence[Look]) -> float:
    """Return the longest time for which something lagged behind and did not move, in seconds."""
    longest = 0.0
    since: dict[int, float] = {}
    last: tuple[int, ...] | None = None
    for look in looks:
        places = look.places
        for number, end in enumerate(look.ends):
            moved = places is not None and last is not None and places[number] != last[number]
            there = places if places is not None else last
            if moved or there is None or there[number] >= end:
                started = since.pop(number, None)
                if started is not None:
                    longest = max(longest, look.at - started)
                if there is None or there[number] >= end:
                    continue
            since.setdefault(number, look.at)
        last = places if places is not None else last
    if looks:
        longest = max([longest, *(looks[-1].at - started for started in since.values())])
    return longest


def recovered_after(looks: Sequence[Look], mended: float) -> float | None:
    """Return how long after ``mended`` everything had moved or caught up; None if not by now.

    What moved until the first look after it may have been the last that a victim did.
    """
    first: tuple[int, ...] | None = None
    waiting: set[int] = set()
    for look in looks:
        if look.at <= mended or look.places is None:
            continue
        if first is None:
            first = look.places
            waiting = set(range(len(first)))
        waiting = {
            number
            for number in waiting
            if look.places[number] == first[number] and look.places[number] < look.ends[number]
        }
        if not waiting:
            return look.at - mended
    return None


class Watch:
    """A thread that looks, whatever is away."""

    def __init__(
        self, settings: Settings, url: str, feeder: Feeder, learns: Callable[[], bool]
    ) -> None:
        self._namespace = settings.redis.namespace
        self._topics = settings.topic("clickstream"), settings.topic("training")
        self._partitions = settings.topics.partitions
        self._url = url
        self._feeder = feeder
        self._learns = learns
        self.looks: list[Look] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._over.set()
        self._thread.join(10)

    def _run(self) -> None:
        client: Any = redis.Redis.from_url(
            self._url, socket_timeout=0.5, socket_connect_timeout=0.5
        )
        told = 0
        while not self._over.is_set():
            ends = tuple(self._feeder.ends)
            places: tuple[int, ...] | None = None
            try:
                clickstream, training = self._topics
                marks = [
                    read_mark(client.hget(f"{self._namespace}:{{{name}-{number}}}:state", "@"))
                    for name, number in (
                        *((clickstream, number) for number in range(self._partitions)),
                        (training, 0),
                    )
                ]
                *parts, learner = marks
                told = sum(mark.counts.get("examples", 0) for mark in parts)
                places = (
                    *(max(mark.offset, 0) for mark in parts),
                    learner.counts.get("learnt", 0) if self._learns() else told,
                )
            except redis.RedisError:
                pass
            self.looks.append(Look(time.monotonic(), places, (*ends, told)))
            self._over.wait(EVERY)
        client.close()
