"""How much may be under way at once: beyond that, a sender is turned away, never kept waiting.

What is refused with a time to come back is sent again by every SDK. What lies in the memory of
a process that dies is gone.
"""

from __future__ import annotations

from typing import Final


class Full(Exception):
    """As much is under way as may be."""


class Admission:
    """Counts requests and bytes under way.

    Parameters
    ----------
    requests
        Most requests at once.
    size
        Most bytes of them together, compressed and decompressed.

    Examples
    --------
    >>> admission = Admission(requests=1, size=100)
    >>> ticket = admission.enter()
    >>> ticket.grow(80)
    >>> ticket.grow(80)
    Traceback (most recent call last):
    ...
    streams.collect.admission.Full
    >>> ticket.release()
    >>> admission.requests, admission.size
    (0, 0)
    """

    def __init__(self, requests: int, size: int) -> None:
        self._most_requests = requests
        self._most_size = size
        self.requests = 0
        self.size = 0

    def enter(self) -> Ticket:
        """Let a request in; raises `Full`."""
        if self.requests >= self._most_requests:
            raise Full
        self.requests += 1
        return Ticket(self)

    def _take(self, size: int) -> None:
        if self.size + size > self._most_size:
            raise Full
        self.size += size


class Ticket:
    """What one request holds, until it is released: after Kafka's answer, not after ours."""

    __slots__ = ("_admission", "_held", "_open")

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self._held = 0
        self._open = True

    def grow(self, size: int) -> None:
        """Hold so many bytes more; raises `Full`."""
        self._admission._take(size)
        self._held += size

    def release(self) -> None:
        """Hold nothing any more; may be called again."""
        if self._open:
            self._open = False
            self._admission.requests -= 1
            self._admission.size -= self._held


class Bucket:
    """A rate limit: what is not used up flows in again, up to some seconds' worth.

    A request may overdraw it once, or a batch larger than the bucket would never be taken.

    Parameters
    ----------
    rate
        Events a second.
    now
        A steady clock's seconds.

    Examples
    --------
    >>> bucket = Bucket(rate=10.0, now=0.0)
    >>> bucket.wait(0.0)
    0.0
    >>> bucket.take(150, 0.0)
    >>> bucket.wait(0.0), bucket.wait(6.0)
    (5.1, 0.0)
    """

    __slots__ = ("_at", "_level", "rate")

    def __init__(self, rate: float, now: float) -> None:
        self.rate = rate
        self._level = self._most
        self._at = now

    @property
    def _most(self) -> float:
        return max(self.rate * BURST, 1.0)

    def _flow(self, now: float) -> None:
        self._level = min(self._level + max(now - self._at, 0.0) * self.rate, self._most)
        self._at = now

    def wait(self, now: float) -> float:
        """Return the seconds until something may be taken; 0 if it may now."""
        self._flow(now)
        if self._level > 0:
            return 0.0
        # One event's worth, so that whoever comes back then finds something.
        return (1.0 - self._level) / self.rate

    def take(self, events: int, now: float) -> None:
        """Use up so many events' worth."""
        self._flow(now)
        self._level -= events


#: Seconds' worth of events that may come at once.
BURST: Final = 10.0
