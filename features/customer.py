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
- What is told of the customer (traits, and the words by which they agree to be written to or do
  not) goes by the time at which it was told, late or not. To say no is no activity, and counts in
  no feature: `features.told`.
- What somebody did as a visitor, before they said who they are, is recalled: counted as if it had
  come in its turn, as far back as the tiles reach. It is known by its number what came already.
- One absurd price does not own a customer: amounts are capped by the shop's cap and by
  `OUTLIER` times the customer's own typical amount.
"""

from __future__ import annotations

from bisect import bisect_left
from enum import Enum
from math import expm1, log1p
from typing import Final, Literal, TypeAlias
from zlib import crc32

from features.definition import Definition
from features.events import KINDS, Event, Kind, is_distress
from features.rhythm import Rhythm
from features.seen import SeenIds
from features.session import Session
from features.silence import NEVER, next_check
from features.tiles import KINDS_COUNT, Tiles, oldest_day
from features.timeline import DAY, SECOND, Millis
from features.told import WORDS, Told, channel_of
from features.trail import Handed, History, Trail

#: Event ids remembered for one customer, so that a repeat is known.
IDS_KEPT: Final = 128
_IDS_LEFT: Final = 96
#: Ids of one second are not forgotten while it lasts, up to so many.
_IDS_MOST: Final = 2_048
#: A customer's typical amount is known after that many orders ...
_TYPICAL_AFTER: Final = 3
#: ... and an amount beyond so many times it counts as that.
OUTLIER: Final = 50.0
#: Visitors of one customer of whom it is remembered how much of them has come.
VISITORS_KEPT: Final = 16

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


# Members by names of their own: up to Python 3.11, looking one up takes longer than a method call,
# and every event asks for several.
_NEW, _LATE = Applied.NEW, Applied.LATE
_DUPLICATE, _TOO_LATE = Applied.DUPLICATE, Applied.TOO_LATE
_OTHER, _PURCHASE = Kind.OTHER, Kind.PURCHASE


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
        # Of the two zeros the plain one: the other would not survive being told in few bytes.
        return max(-cap, min(amount, cap)) + 0.0

    def buy(self, amount: float, quantity: float, order: int, *, last: bool = True) -> None:
        """Add a purchase; lines of one order, one after the other, are one order.

        Unless it is the ``last`` one, what is known of the last order stays.
        """
        if order == 0 or order != self.last_order:
            self.orders += 1
            self.log_amount += log1p(max(amount, 0.0))
            if last:
                self.last_amount = amount
        else:
            self.last_amount += amount
        if last:
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
        "trail",
        "traits",
        "visitors",
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
        self.traits = Told()
        #: Of a visitor: the last events, and who it is. Of a customer: None.
        self.trail: Trail | None = None
        #: How many events of each visitor who is this customer have come, by the visitor's hash.
        self.visitors: dict[int, int] = {}

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
            ``NEW`` or ``LATE`` when the event was counted. What it told may have changed something
            also where it came ``TOO_LATE``.
        """
        if at is None:
            at = event.at
        event_type, rating = event.type, event.rating
        if event_type in WORDS and (said := self._take_word(event, at)) is not None:
            return said
        ids = self.ids
        event_id = crc32(event.event_id.encode())
        if event_id in ids:
            return _DUPLICATE
        if event.traits:
            self._take_traits(event, at)
        if at < self.floor:
            return _TOO_LATE
        ids.fresh[event_id] = at // SECOND
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
                self.last_rating = rating + 0.0
        activity = self.definition.activity
        if event_type in activity if activity else event_type not in self.definition.passive:
            self._note_activity(at)
        if len(self.ids) > IDS_KEPT:
            self._forget_ids()
        return _NEW if in_order else _LATE

    # -- what somebody did as a visitor -------------------------------------------------------

    def has_come(self, history: History) -> bool:
        """Whether an event that was handed over has come before, by its number."""
        return history.number < self.visitors.get(crc32(history.visitor.encode()), 0)

    def recall(self, event: Event, at: Millis, history: History) -> Applied:
        """Take an event of a visitor into account who was found to be this customer, once.

        Parameters
        ----------
        event, at
            As of `apply`.
        history
            What came with it.

        Returns
        -------
        Applied
            ``NEW`` or ``LATE`` when it was counted, ``TOO_LATE`` when it is older than what is
            kept. Something has changed even if it was not counted.
        """
        visitor = crc32(history.visitor.encode())
        due = self.visitors.pop(visitor, 0)
        self.visitors[visitor] = max(due, history.number + 1)
        if len(self.visitors) > VISITORS_KEPT:
            del self.visitors[next(iter(self.visitors))]
        if history.number < due or crc32(event.event_id.encode()) in self.ids:
            return _DUPLICATE
        if event.type in WORDS and (said := self._take_word(event, at)) is not None:
            return said
        if at >= max(self.last_seen, self.floor):
            applied = self.apply(event, at)
        elif at < oldest_day(self.last_seen) * DAY:
            return _TOO_LATE
        else:
            applied = self._insert(event, at, history)
        if history.known_at > self.now:
            self.now = history.known_at
            if self.check_due <= self.now:
                self.check_due = self._next_check()
        return applied

    def _insert(self, event: Event, at: Millis, history: History) -> Applied:
        """Count an event that lies before the last one as if it had come in its turn."""
        kind = event.kind
        value = 0.0
        if kind is _PURCHASE:
            value = self._take_money(event, last=self.tiles.is_last(at, kind))
        self.tiles.add(at, kind, value)
        self.kinds[kind] += 1
        self.events += 1
        self.first_seen = min(self.first_seen, at)
        if event.rating is not None:
            if not self.ratings:
                self.last_rating = event.rating + 0.0
            self.ratings += 1
            self.ratings_sum += event.rating
        if is_distress(kind, event.rating):
            self.negatives += 1
            self.last_negative = max(self.last_negative, at)
        self._take_traits(event, at, over=False)
        session, gap = self.session, self.definition.session_gap
        near = history.end + gap > session.start and history.start < session.last + gap
        if session.events and near:
            session.join(at, kind)
        elif history.events:
            session.count(history.end - history.start, history.events, history.seen)
        if self.definition.counts_as_activity(event.type):
            self._note_activity(at)
        if at >= self.floor:
            self.ids.fresh[crc32(event.event_id.encode())] = at // SECOND
            if len(self.ids) > IDS_KEPT:
                self._forget_ids()
        return _LATE

    def _note_earlier_activity(self, at: Millis) -> None:
        """Take note of an activity before the last one, which the tiles have by now."""
        day, rhythm = at // DAY, self.rhythm
        activity = self.definition.activity
        kinds = {KINDS.get(name, _OTHER) for name in activity} if activity else None
        days = self.tiles.days_with(kinds)
        if days.pop(day, 0) > 1 or day == rhythm.last_day:
            return
        if rhythm.insert(day, sorted(days), self.definition.horizon_days):
            self._first_wait = None
            self.check_due = self._next_check()

    def hand_over(self) -> list[Handed]:
        """Return what a visitor did, as the customer's who that is; nothing of it is left here.

        What was seen stays known by its ids, so that a repeat is none of the customer's either.
        """
        assert self.trail is not None
        handed = self.trail.hand_over(self.definition.session_gap)
        fresh = CustomerState(self.definition)
        fresh.trail, fresh.ids, fresh.floor = self.trail, self.ids, self.floor
        fresh.last_seen, fresh.now = self.last_seen, self.now
        for name in self.__slots__:
            setattr(self, name, getattr(fresh, name))
        return handed

    def meet(self, event: Event, at: Millis) -> Applied:
        """Take note of an event that counts elsewhere: by its id alone."""
        event_id = crc32(event.event_id.encode())
        if event_id in self.ids:
            return _DUPLICATE
        if at < self.floor:
            return _TOO_LATE
        self.ids.fresh[event_id] = at // SECOND
        in_order = at >= self.last_seen
        if in_order:
            if at >= self._day_ends:
                self._turn_day(at)
            self.last_seen = at
            self.now = max(self.now, at)
        if len(self.ids) > IDS_KEPT:
            self._forget_ids()
        return _NEW if in_order else _LATE

    # -- what either does ---------------------------------------------------------------------

    def _turn_day(self, at: Millis) -> None:
        """Drop what is too old by now, when the latest event is the first one of its day."""
        day = at // DAY
        if day != self.last_seen // DAY:
            self.tiles.forget(at)
            self._raise_floor(oldest_day(at) * DAY)
        self._day_ends = (day + 1) * DAY

    def _take_money(self, event: Event, *, last: bool = True) -> float:
        amount = self.money.winsorised(event.value, self.definition.amount_cap)
        quantity = min(
            1.0 if event.quantity is None else event.quantity, self.definition.quantity_cap
        )
        order = crc32(event.order_id.encode()) if event.order_id else 0
        self.money.buy(amount, quantity, order, last=last)
        return amount

    def _take_traits(self, event: Event, at: Millis, *, over: bool = True) -> None:
        traits = self.traits
        for name, value in event.traits.items():
            if value is not None and (over or name not in traits):
                traits.trait(name, value, at)

    def _take_word(self, event: Event, at: Millis) -> Applied | None:
        """Take what the customer said; return what became of the event if that is all of it."""
        granted = WORDS[event.type]
        news = self.traits.word(channel_of(event), granted=granted, at=at)
        if granted:
            return None  # whoever says yes has come, as with any other event
        if news:
            self._take_traits(event, at)
        return _NEW if news else _DUPLICATE

    def _note_activity(self, at: Millis) -> None:
        if at >= self._visit_ends:
            self._visit(at // DAY)
        if at <= self.last_activity:
            if self.visitors:
                self._note_earlier_activity(at)
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
