"""What a visitor did before they said who they are, event by event, and who they turned out to be.

A visitor's state knows sums, and sums cannot be added to a customer's: which of two events came
first, or whether one was counted before, is no longer in them. So of a visitor the last events
are kept as they came. When it is known who the visitor is, they are *handed over*: each goes to
the customer under its own id, with a number that rises for ever, by which the customer knows what
has come already, however long ago that was. Whatever the visitor does from then on is handed over
at once.

Bounds: the last `MOST_EVENTS` events, and `MOST_BYTES` of them; older ones go, and are counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec

from features.events import MAX_EVENT_BYTES, MAX_PROPERTIES, Event, encode_event
from features.naming import VISITOR, is_customer
from features.session import SEEN
from features.timeline import Millis

MOST_EVENTS: Final = 128
MOST_BYTES: Final = 64 * 1024
#: The type of an event that says who a visitor is, and the property that names the customer.
LINK_TYPE: Final = "identified"
LINKED_TO: Final = "identified_as"
#: The property of an event that was handed over: which visitor did it.
WAS_VISITOR: Final = "anonymous_id"
_LONGEST_NAME: Final = 200
#: How an event begins that says no to being written to; within a text, quotes are escaped.
_NO: Final = b'"type":"unsubscribed"'
_Stored: TypeAlias = tuple[int, str | None, Millis, int, list[bytes]]
_event: Final = msgspec.json.Decoder(Event)


class History(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What comes with an event that was handed over.

    Parameters
    ----------
    visitor
        Who did it: a visitor's ``user_id``.
    number
        How many events of that visitor were handed over before.
    known_at
        When it was known who the visitor is: what the customer was silent about until then has
        passed, and nobody need look at it any more.
    start, end
        First and last event of the visit that it was part of.
    events
        How many events that visit had, with the last of them; 0 with the others, and with what
        came when the visitor was known already.
    seen
        What that visit saw (`features.session.InSession`), with the last of its events.
    """

    visitor: str
    number: int
    known_at: Millis
    start: Millis
    end: Millis
    events: int = 0
    seen: int = 0


class Handed(NamedTuple):
    """An event that is the customer's now, and what comes with it."""

    event: Event
    history: History


class Trail:
    """The last events of a visitor, and who that is.

    Attributes
    ----------
    events
        As they came, each as JSON.
    lost
        How many were too many to be kept.
    customer, since
        Who it is, and the time of the event that said so; None while nobody knows.
    handed
        How many events were handed over.

    Examples
    --------
    >>> trail = Trail()
    >>> _ = trail.add(Event(event_id="e1", user_id="anon:7", type="visit", time=5))
    >>> trail.link("ada", 9), trail.link("ada", 9), trail.link("bob", 8)
    (True, False, False)
    >>> [(event, history)] = trail.hand_over(session_gap=10)
    >>> event.user_id, event.properties, history.visitor, history.events
    ('ada', {'anonymous_id': '7'}, 'anon:7', 1)
    """

    __slots__ = ("customer", "events", "handed", "lost", "since", "size")

    def __init__(self) -> None:
        self.events: list[bytes] = []
        self.size = 0
        self.lost = 0
        self.customer: str | None = None
        self.since: Millis = -1
        self.handed = 0

    def add(self, event: Event) -> int:
        """Keep an event; the oldest go where there are too many. Return how many went."""
        events, lost = self.events, self.lost
        events.append(encode_event(event))
        self.size += len(events[-1])
        while len(events) > MOST_EVENTS or self.size > MOST_BYTES:
            # A no is kept before all else: whoever the visitor is must not be written to.
            oldest = next((place for place, raw in enumerate(events) if _NO not in raw), 0)
            self.size -= len(events.pop(oldest))
            self.lost += 1
        return self.lost - lost

    def link(self, customer: str, at: Millis) -> bool:
        """Take note of who the visitor is; return whether that is news.

        What was said first, or is said again, of the same moment or an earlier one, is none.
        """
        if at <= self.since:
            return False
        news = customer != self.customer or bool(self.events)
        self.customer, self.since = customer, at
        return news

    def hand_over(self, session_gap: Millis) -> list[Handed]:
        """Take all events out, as the customer's, in the order of their time.

        Parameters
        ----------
        session_gap
            Silence that ends a visit.
        """
        found = sorted(map(_event.decode, self.events), key=_time)
        self.events = []
        self.size = 0
        handed = []
        known_at = max(self.since, found[-1].at) if found else self.since
        for visit in _visits(found, session_gap):
            start, end, seen = visit[0].at, visit[-1].at, 0
            for event in visit[:-1]:
                seen |= SEEN.get(event.kind, 0)
                handed.append(self._hand(event, known_at, start, end))
            seen |= SEEN.get(visit[-1].kind, 0)
            handed.append(self._hand(visit[-1], known_at, start, end, len(visit), seen))
        return handed

    def pass_on(self, event: Event) -> Handed:
        """Return an event of a visitor who is known already, as the customer's."""
        at = event.at
        return self._hand(event, at, at, at)

    def _hand(
        self,
        event: Event,
        known_at: Millis,
        start: Millis,
        end: Millis,
        events: int = 0,
        seen: int = 0,
    ) -> Handed:
        assert self.customer is not None
        history = History(event.user_id, self.handed, known_at, start, end, events, seen)
        self.handed += 1
        return Handed(_of_customer(event, self.customer), history)

    def stored(self) -> list[Any]:
        """Return the trail as plain data."""
        return [self.lost, self.customer, self.since, self.handed, list(self.events)]

    @classmethod
    def restored(cls, data: Sequence[Any]) -> Trail:
        """Return the trail that `stored` told.

        Raises
        ------
        msgspec.ValidationError
            If it told none of these.
        """
        trail = cls()
        told = msgspec.convert(data, _Stored)
        trail.lost, trail.customer, trail.since, trail.handed, trail.events = told
        trail.size = sum(map(len, trail.events))
        return trail


def linked_customer(event: Event) -> str | None:
    """Return the customer that an event of a visitor names; None where it names none.

    Examples
    --------
    >>> linked_customer(
    ...     Event(event_id="e", user_id="anon:7", type="identified", time=0,
    ...           properties={"identified_as": "ada"})
    ... )
    'ada'
    """
    if event.type != LINK_TYPE:
        return None
    name = event.properties.get(LINKED_TO)
    if isinstance(name, str) and 0 < len(name) <= _LONGEST_NAME and is_customer(name):
        return name
    return None


def _time(event: Event) -> Millis:
    return event.at


def _visits(events: Sequence[Event], gap: Millis) -> list[list[Event]]:
    visits: list[list[Event]] = []
    for event in events:
        if visits and event.at - visits[-1][-1].at < gap:
            visits[-1].append(event)
        else:
            visits.append([event])
    return visits


def _of_customer(event: Event, customer: str) -> Event:
    properties = event.properties
    if WAS_VISITOR in properties or len(properties) < MAX_PROPERTIES:
        properties = {**properties, WAS_VISITOR: event.user_id.removeprefix(VISITOR)}
    found = msgspec.structs.replace(event, user_id=customer, properties=properties)
    if len(encode_event(found)) > MAX_EVENT_BYTES:
        # A little too large now; no feature is made of these.
        found = msgspec.structs.replace(found, properties={}, text=None)
    return found
