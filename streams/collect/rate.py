"""How many events a second a key is good for."""

from __future__ import annotations

from typing import Final

#: Seconds' worth of events that may come at once.
BURST: Final = 10.0


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
