"""How much may be under way at once: beyond that, a sender is turned away, never kept waiting.

What is refused with a time to come back is sent again by every SDK. What lies in the memory of
a process that dies is gone.
"""

from __future__ import annotations


class Full(Exception):
    """As much is under way as may be."""


class Capacity:
    """Counts requests and bytes under way.

    Parameters
    ----------
    requests
        Most requests at once.
    size
        Most bytes of them together, compressed and decompressed.

    Examples
    --------
    >>> capacity = Capacity(requests=1, size=100)
    >>> ticket = capacity.enter()
    >>> ticket.grow(80)
    >>> ticket.grow(80)
    Traceback (most recent call last):
    ...
    streams.collect.capacity.Full
    >>> ticket.release()
    >>> capacity.requests, capacity.size
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

    __slots__ = ("_capacity", "_held", "_open")

    def __init__(self, capacity: Capacity) -> None:
        self._capacity = capacity
        self._held = 0
        self._open = True

    def grow(self, size: int) -> None:
        """Hold so many bytes more; raises `Full`."""
        self._capacity._take(size)
        self._held += size

    def release(self) -> None:
        """Hold nothing any more; may be called again."""
        if self._open:
            self._open = False
            self._capacity.requests -= 1
            self._capacity.size -= self._held
