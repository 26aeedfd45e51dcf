"""Recorded arrivals of several partitions, taken as event time goes on."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from features import NEVER, Millis
from streams.batch import Arrival

#: Arrivals taken from one partition before another has its turn.
_TURN: Final = 1_000


class Arriving:
    """The arrivals of one partition in their order, and how far they have brought time.

    Parameters
    ----------
    arrivals
        In the order of the log.
    skew
        How far after its arrival an event's own time may lie; what is beyond moves nothing.

    Examples
    --------
    >>> from features import Event
    >>> def at(time):
    ...     event = Event(event_id=str(time), user_id="ada", type="visit", time=time)
    ...     return Arrival(0, time, event)
    >>> log = Arriving([at(10), at(30), at(20), at(40)], skew=0)
    >>> [arrival.event.at for arrival in log.until(35)]
    [10, 30, 20]
    >>> log.next_at
    40
    """

    def __init__(self, arrivals: Iterable[Arrival], skew: Millis) -> None:
        self._rest = iter(arrivals)
        self._skew = skew
        self._next: Arrival | None = None
        #: Where time will be with the next arrival; `NEVER` when none is left.
        self.next_at: Millis = 0
        self._move_on()

    def _move_on(self) -> None:
        arrival = self._next = next(self._rest, None)
        if arrival is None:
            self.next_at = NEVER
            return
        at = arrival.event.at
        if at > self.next_at and at <= arrival.timestamp + self._skew:
            self.next_at = at

    def until(self, last: Millis, most: int | None = None) -> list[Arrival]:
        """Take the arrivals that do not bring time beyond ``last``, at most so many."""
        taken: list[Arrival] = []
        # Once for every event there is, so without a call of `_move_on` for each.
        arrival, next_at, rest, skew = self._next, self.next_at, self._rest, self._skew
        while next_at <= last and arrival is not None:
            if most is not None and len(taken) >= most:
                break
            taken.append(arrival)
            arrival = next(rest, None)
            if arrival is None:
                next_at = NEVER
                break
            at = arrival.event.at
            if at > next_at and at <= arrival.timestamp + skew:
                next_at = at
        self._next, self.next_at = arrival, next_at
        return taken


def in_time_order(logs: Sequence[Arriving], lateness: Millis, skew: Millis) -> Iterator[Arrival]:
    """Yield the usable arrivals of all partitions in the order of event time.

    Parameters
    ----------
    logs
        The partitions.
    lateness
        How late an event may come and still find its place; one that is later comes as it is.
    skew
        As of `Arriving`: what is beyond comes at its turn, for whoever takes it to refuse.

    Yields
    ------
    Arrival
        Of equal times, in the order of arrival.
    """
    waiting: list[tuple[Millis, int, Arrival]] = []
    number = 0
    turns = [(log.next_at, place) for place, log in enumerate(logs) if log.next_at < NEVER]
    heapq.heapify(turns)
    while turns:
        reached, place = heapq.heappop(turns)
        log = logs[place]
        others = turns[0][0] if turns else NEVER - 1
        for arrival in log.until(max(reached, others), _TURN):
            at = arrival.event.at
            if at > arrival.timestamp + skew:
                yield arrival
                continue
            reached = max(reached, at)
            number += 1
            heapq.heappush(waiting, (at, number, arrival))
            while waiting and waiting[0][0] < reached - lateness:
                yield heapq.heappop(waiting)[2]
        if log.next_at < NEVER:
            heapq.heappush(turns, (log.next_at, place))
    while waiting:
        yield heapq.heappop(waiting)[2]
