"""The visits of a customer: one under way, and the sums of those that ended."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from features.events import Kind
from features.timeline import MINUTE, Millis


class InSession(IntEnum):
    """What the open session has seen, as bits."""

    CART = 1
    CHECKOUT = 2
    PURCHASE = 4


#: What a session sees of some kinds of event.
SEEN: Final[dict[Kind, int]] = {
    Kind.CART: int(InSession.CART),
    Kind.CHECKOUT: int(InSession.CHECKOUT),
    Kind.PURCHASE: int(InSession.PURCHASE),
}


class Session:
    """The visit under way (``events`` above 0), and the sums of those that ended."""

    __slots__ = (
        "cart_abandons",
        "checkout_abandons",
        "ended",
        "ended_events",
        "ended_length",
        "events",
        "last",
        "seen",
        "start",
    )

    def __init__(self) -> None:
        self.start: Millis = 0
        self.last: Millis = 0
        self.events = 0
        self.seen = 0
        self.ended = 0
        self.ended_events = 0
        #: In milliseconds.
        self.ended_length: Millis = 0
        self.cart_abandons = 0
        self.checkout_abandons = 0

    def add(self, at: Millis, kind: Kind) -> None:
        """Take an event into the open session, or open one."""
        if self.events == 0:
            self.start = at
            self.seen = 0
        self.last = at
        self.events += 1
        if kind in SEEN:
            self.seen |= SEEN[kind]

    def end(self) -> None:
        """Close the open session: what was in the cart and not bought is abandoned."""
        self.count(self.last - self.start, self.events, self.seen)
        # The next one begins when it begins.
        self.start = self.last
        self.events = 0
        self.seen = 0

    def join(self, at: Millis, kind: Kind) -> None:
        """Take an event of earlier into the open session: it began before it was known."""
        self.start = min(self.start, at)
        self.events += 1
        self.seen |= SEEN.get(kind, 0)

    @property
    def ended_minutes(self) -> float:
        """How long those that ended were, together."""
        return self.ended_length / MINUTE

    def count(self, length: Millis, events: int, seen: int) -> None:
        """Count a session that has ended, as long as that."""
        self.ended += 1
        self.ended_events += events
        self.ended_length += length
        if not seen & InSession.PURCHASE:
            self.cart_abandons += bool(seen & InSession.CART)
            self.checkout_abandons += bool(seen & InSession.CHECKOUT)
