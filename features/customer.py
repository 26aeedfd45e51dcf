"""All that is kept of one customer, and the two things that change it: an event, and time.

Rules:

- Before an event at t is applied, the timers due by t have fired; `CustomerState.due` says when
  the next one is, `CustomerState.fire` fires it. Both are the caller's to call, in event time.
- An event that was applied before (the same ``event_id``) changes nothing. Ids are remembered
  for as long as the tiles reach back and up to `IDS_KEPT`; what is older than the oldest id that
  may have been forgotten (``floor``) can no longer be told from a repeat, and is refused. So an
  event is counted at most once, whatever is sent again.
- A late event is counted in its tile and in the totals. It does not move sessions, nor gaps and
  timers unless it is the latest activity all the same: those follow arrival order.
- One absurd price does not own a customer: amounts are capped by the shop's cap and by
  `OUTLIER` times the customer's own typical amount.
"""

from __future__ import annotations

from bisect import bisect_left
from enum import Enum, IntEnum
from math import expm1, log1p
from typing import Final, Literal, TypeAlias
from zlib import crc32

from features.definition import Definition
from features.events import KINDS, Event, Kind, is_distress
from features.rhythm import Rhythm
from features.seen import SeenIds
from features.silence import NEVER, next_check
from features.tiles import KINDS_COUNT, Tiles, oldest_day
from features.timeline import DAY, MINUTE, SECOND, Millis

#: Event ids remembered for one customer, so that a repeat is known.
IDS_KEPT: Final = 128
_IDS_LEFT: Final = 96
#: Ids of one second are not forgotten while it lasts, up to so many.
_IDS_MOST: Final = 2_048
#: A customer's typical amount is known after that many orders ...
_TYPICAL_AFTER: Final = 3
#: ... and an amount beyond so many times it counts as that.
OUTLIER: Final = 50.0
TRAITS_KEPT: Final = 16
_TRAIT_LENGTH: Final = 64

Cause: TypeAlias = Literal["silence", "session_end"]


class Applied(Enum):
    """What became of an event."""

    NEW = "new"
    #: Counted, though a later one of this customer was here before.
    LATE = "late"
    #: Sent again; changed nothing.
    DUPLICATE = "duplicate"
    #: Too old to be told from a repeat; changed nothing.
    TOO_LATE = "too late"


class InSession(IntEnum):
    """What the open session has seen, as bits."""

    CART = 1
    CHECKOUT = 2
    PURCHASE = 4


# Members by names of their own: up to Python 3.11, looking one up takes longer than a method call,
# and every event asks for several.
_NEW, _LATE = Applied.NEW, Applied.LATE
_DUPLICATE, _TOO_LATE = Applied.DUPLICATE, Applied.TOO_LATE
_OTHER, _PURCHASE = Kind.OTHER, Kind.PURCHASE
_SEEN: Final[dict[Kind, int]] = {
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
        "ended_minutes",
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
        self.ended_minutes: float = 0
        self.cart_abandons = 0
        self.checkout_abandons = 0

    def add(self, at: Millis, kind: Kind) -> None:
        """Take an event into the open session, or open one."""
        if self.events == 0:
            self.start = at
            self.seen = 0
        self.last = at
        self.events += 1
        if kind in _SEEN:
            self.seen |= _SEEN[kind]

    def end(self) -> None:
        """Close the open session: what was in the cart and not bought is abandoned."""
        self.ended += 1
        self.ended_events += self.events
        self.ended_minutes += (self.last - self.start) / MINUTE
        if not self.seen & InSession.PURCHASE:
            self.cart_abandons += bool(self.seen & InSession.CART)
            self.checkout_abandons += bool(self.seen & InSession.CHECKOUT)
        self.events = 0
        self.seen = 0


class Money:
    """What a customer spends: totals, with outliers winsorised on the way in."""

    __slots__ = ("last_amount", "last_order", "log_amount", "orders", "quantity", "spent")

    def __init__(self) -> None:
        self.orders = 0
        self.last_order = 0
        self.spent: float = 0
        self.log_amount: float = 0
        self.last_amount: float = 0
        self.quantity: float = 0

    def winsorised(self, amount: float, cap: float) -> float:
        """Return the amount as it counts: within the shop's cap and the customer's own habit."""
        if self.orders >= _TYPICAL_AFTER:
            typical = expm1(self.log_amount / self.orders)
            cap = min(cap, OUTLIER * max(typical, 1.0))
        return max(-cap, min(amount, cap))

    def buy(self, amount: float, quantity: float, order: int) -> None:
        """Add a purchase; lines of one order, one after the other, are one order."""
        if order == 0 or order != self.last_order:
            self.orders += 1
            self.log_amount += log1p(max(amount, 0.0))
            self.last_amount = amount
        else:
            self.last_amount += amount
        self.last_order = order
        self.spent += amount
        self.quantity += quantity


class CustomerState:
    """Everything that the features are made of, for one customer.

    Parameters
    ----------
    definition
        The shop's definition of churn; not stored with the state.

    Examples
    --------
    >>> from features.events import Event
    >>> shop = Definition(horizon=30 * DAY, active=90 * DAY)
    >>> ada = CustomerState(shop)
    >>> ada.apply(Event(event_id="1", user_id="ada", type="purchase", time=0, amount=9.5))
    <Applied.NEW: 'new'>
    >>> ada.apply(Event(event_id="1", user_id="ada", type="purchase", time=0, amount=9.5))
    <Applied.DUPLICATE: 'duplicate'>
    >>> while ada.due() <= 8 * DAY:
    ...     print(ada.due() / DAY, ada.fire())
    0.020833333333333332 session_end
    3.0 silence
    7.5 silence
    """

    __slots__ = (
        "_day_ends",
        "_first_wait",
        "_visit_ends",
        "check_due",
        "definition",
        "events",
        "first_seen",
        "floor",
        "ids",
        "kinds",
        "last_activity",
        "last_negative",
        "last_rating",
        "last_seen",
        "money",
        "negatives",
        "now",
        "ratings",
        "ratings_sum",
        "rhythm",
        "session",
        "tiles",
        "traits",
    )

    def __init__(self, definition: Definition) -> None:
        self.definition = definition
        self.first_seen: Millis = NEVER
        self.last_seen: Millis = -1
        self.last_activity: Millis = -1
        #: The latest moment this state has been moved to, by an event or by a timer.
        self.now: Millis = -1
        self.check_due: Millis = NEVER
        #: When the day of the latest event ends, and that of the last visit; -1 until it is known.
        #: Within them nothing turns, so most events need not ask.
        self._day_ends: Millis = -1
        self._visit_ends: Millis = -1
        #: How long after an activity the first check is; None until it is asked for, and again
        #: when the rhythm has changed.
        self._first_wait: Millis | None = None
        self.floor: Millis = 0
        self.events = 0
        self.kinds = [0] * KINDS_COUNT
        self.negatives = 0
        self.last_negative: Millis = -1
        self.ratings = 0
        self.ratings_sum: float = 0
        self.last_rating: float = 0
        self.money = Money()
        self.session = Session()
        self.rhythm = Rhythm()
        self.tiles = Tiles()
        self.ids = SeenIds()
        self.traits: dict[str, str] = {}

    # -- an event -----------------------------------------------------------------------------

    def apply(self, event: Event, at: Millis | None = None) -> Applied:
        """Take an event into account, once.

        Parameters
        ----------
        event
            What happened; the timers due by its time must have fired.
        at
            The event's time where the caller has it at hand.

        Returns
        -------
        Applied
            ``NEW`` or ``LATE`` when the state has changed.
        """
        if at is None:
            at = event.at
        ids = self.ids
        event_id = crc32(event.event_id.encode())
        if event_id in ids:
            return _DUPLICATE
        if at < self.floor:
            return _TOO_LATE
        ids.fresh[event_id] = at // SECOND
        event_type, rating = event.type, event.rating
        kind = KINDS.get(event_type, _OTHER)
        value = self._take_money(event) if kind is _PURCHASE else 0.0
        self.tiles.add(at, kind, value)
        self.kinds[kind] += 1
        self.events += 1
        if at < self.first_seen:
            self.first_seen = at
        if rating is not None:
            self.ratings += 1
            self.ratings_sum += rating
        if is_distress(kind, rating):
            self.negatives += 1
            if at > self.last_negative:
                self.last_negative = at
        in_order = at >= self.last_seen
        if in_order:
            if at >= self._day_ends:
                self._turn_day(at)
            self.last_seen = at
            if at > self.now:
                self.now = at
            self.session.add(at, kind)
            if rating is not None:
                self.last_rating = rating
            if event.traits:
                self._take_traits(event)
        activity = self.definition.activity
        if not activity or event_type in activity:
            self._note_activity(at)
        if len(self.ids) > IDS_KEPT:
            self._forget_ids()
        return _NEW if in_order else _LATE

    def _turn_day(self, at: Millis) -> None:
        """Drop what is too old by now, when the latest event is the first one of its day."""
        day = at // DAY
        if day != self.last_seen // DAY:
            self.tiles.forget(at)
            self._raise_floor(oldest_day(at) * DAY)
        self._day_ends = (day + 1) * DAY

    def _take_money(self, event: Event) -> float:
        amount = self.money.winsorised(event.value, self.definition.amount_cap)
        quantity = min(
            1.0 if event.quantity is None else event.quantity, self.definition.quantity_cap
        )
        order = crc32(event.order_id.encode()) if event.order_id else 0
        self.money.buy(amount, quantity, order)
        return amount

    def _take_traits(self, event: Event) -> None:
        for name, value in event.traits.items():
            if value is not None and (name in self.traits or len(self.traits) < TRAITS_KEPT):
                self.traits[name] = str(value)[:_TRAIT_LENGTH]

    def _note_activity(self, at: Millis) -> None:
        if at >= self._visit_ends:
            self._visit(at // DAY)
        if at <= self.last_activity:
            return
        self.last_activity = at
        if at < self.now:
            self.check_due = self._next_check()
            return
        # Most events are the latest of all, and the first wait is then the same until the
        # rhythm changes, wherever on the line of time it begins.
        wait = self._first_wait
        if wait is None:
            wait = self._first_wait = next_check(self.definition, 0, self.rhythm.mean, 0)
        self.check_due = at + wait if wait < NEVER else NEVER

    def _visit(self, day: int) -> None:
        rhythm = self.rhythm
        if rhythm.visit(day, self.definition.horizon_days):
            self._first_wait = None
        self._visit_ends = (rhythm.last_day + 1) * DAY

    def _next_check(self) -> Millis:
        after = max(self.now, self.last_activity)
        return next_check(self.definition, self.last_activity, self.rhythm.mean, after)

    def _raise_floor(self, floor: Millis) -> None:
        if floor > self.floor:
            self.floor = floor
            self.ids.forget(floor // SECOND)

    def _forget_ids(self) -> None:
        seconds = sorted(self.ids.seconds())
        forgotten = seconds[-_IDS_LEFT - 1]
        # The lines of one large basket come in one second, and that second may go on.
        if forgotten == seconds[-1] and len(seconds) <= _IDS_MOST:
            place = bisect_left(seconds, forgotten)
            if not place:
                return
            forgotten = seconds[place - 1]
        self._raise_floor((forgotten + 1) * SECOND)

    # -- time ---------------------------------------------------------------------------------

    def due(self) -> Millis:
        """Return when the next timer is due; `NEVER` when there is none."""
        session = self.session
        if session.events:
            ends = session.last + self.definition.session_gap
            if ends < self.check_due:
                return ends
        return self.check_due

    def fire(self) -> Cause | None:
        """Fire the timer that is due next, and move to its time.

        Returns
        -------
        str or None
            Why the customer should be looked at now; None where the moment has passed: a
            session that a late event opened in the past ends without a decision.
        """
        due = self.due()
        passed = due <= self.now
        self.now = max(self.now, due)
        if self.session.events and due == self.session.last + self.definition.session_gap:
            self.session.end()
            return None if passed or not self.is_active(due) else "session_end"
        self.check_due = self._next_check()
        return "silence"

    def is_active(self, at: Millis) -> bool:
        """Whether the customer still counts as one at ``at``, and so is worth scoring."""
        return self.last_activity >= 0 and at - self.last_activity < self.definition.active
