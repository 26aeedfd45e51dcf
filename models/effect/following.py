"""Alerted customers, and what became of each: alerts, events and outcomes put together.

One customer counts once, with their first alert: that is the moment at which the two arms were
still alike. Whether there is a second one depends on what the first one did, so later alerts are
part of what became of the customer, and no new beginning.

Only alerted customers are kept, and of each a few numbers. All but the outcomes may come in any
order and more than once; of outcomes with the same id, the first one counts.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Final, TypeVar

from msgspec import UnsetType

from features import DAY, NEVER, Event, Kind, Millis, from_datetime
from models.deciding import Alert, Arm, Outcome
from models.effect.grouping import RESPONSE, group_of
from models.effect.ratio import UNTOLD, Drawn
from models.effect.response import Case, known_of, thirds

#: Payments of one customer that are told apart; what comes beyond is not counted.
_PAYMENTS: Final = 10_000
_BACK: Final = frozenset({Kind.REFUND, Kind.CANCEL})
_MONEY: Final = _BACK | {Kind.PURCHASE}
#: Outcomes that mean that somebody was contacted.
_REACHED: Final = frozenset({"sent", "delivered", "opened", "clicked", "redeemed"})


class Followed:
    """A customer from their first alert on.

    Parameters
    ----------
    alert_id, at
        The first alert, and when it was decided.
    arm
        Treated, or held out; for good.
    group
        By the dimensions that were asked for.
    risk
        What the model said.
    drawn
        By which chances the arm was drawn.
    """

    __slots__ = (
        *("alert_id", "arm", "at", "back", "bought", "cost", "days", "drawn", "group", "payments"),
        *("known", "risk", "spent", "spent_before"),
    )

    def __init__(
        self,
        alert_id: str,
        at: Millis,
        arm: Arm,
        group: tuple[str, ...],
        risk: float,
        drawn: Drawn,
    ) -> None:
        self.alert_id, self.at, self.arm, self.group, self.risk = alert_id, at, arm, group, risk
        self.drawn = drawn
        #: What a response is told by; None where nobody asks for it.
        self.known: array[float] | None = None
        #: When the first activity, and the first purchase, came after it.
        self.back: Millis = NEVER
        self.bought: Millis = NEVER
        #: Days before it with activity: a bit each.
        self.days = 0
        self.spent = self.spent_before = 0.0
        #: Costs that outcomes told.
        self.cost = 0.0
        self.payments: set[bytes] | None = None

    @property
    def treated(self) -> bool:
        """Whether the customer is in the treated arm."""
        return self.arm == "treated"


def drawn_of(alert: Alert) -> Drawn:
    """Return by which chances an alert's arm, and its playbook's arm, were drawn."""
    return Drawn(
        playbook=_told(alert.playbook, ""),
        policy=_told(alert.policy, ""),
        variant=_told(alert.variant, ""),
        share=_told(alert.variant_share, 1.0),
        chance=_told(alert.holdout_share, UNTOLD),
        held_out=alert.arm == "holdout",
    )


_T = TypeVar("_T")


def _told(value: _T | UnsetType, otherwise: _T) -> _T:
    return otherwise if isinstance(value, UnsetType) else value


class _Sent:
    """An alert, and what is known of it."""

    __slots__ = ("arm", "at", "told", "user_id")

    def __init__(self, user_id: str, at: Millis, arm: Arm) -> None:
        self.user_id, self.at, self.arm = user_id, at, arm
        self.told: set[str] = set()


class Following:
    """Puts together what became of alerted customers. All alerts first, then the rest.

    Parameters
    ----------
    counts
        Whether an event of some type is an activity.
    horizon
        For how long what a customer does is held to the alert; and as long before it is looked
        at what they did before.
    dimensions
        By what customers are grouped: some of `DIMENSIONS`, cuts, and `RESPONSE`.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    >>> following = Following(lambda kind: True, 30 * DAY)
    >>> following.alert(Alert(alert_id="a", user_id="ada", decided_at=noon, valid_until=noon,
    ...     cause="silence", risk=0.7, band="high", reasons=[], silence_days=31.0,
    ...     action="offer", arm="treated", horizon_days=30.0, model_version="prior",
    ...     catalogue="c", vector={}))
    >>> later = from_datetime(noon) + DAY
    >>> bought = Event(event_id="e", user_id="ada", type="purchase", time=later, amount=20.0)
    >>> following.event(bought), following.event(bought)
    (None, None)
    >>> ada = following.customers["ada"]
    >>> ada.back == later, ada.spent
    (True, 20.0)
    """

    def __init__(
        self, counts: Callable[[str], bool], horizon: Millis, dimensions: Sequence[str] = ()
    ) -> None:
        self._counts = counts
        self._horizon = horizon
        self._dimensions = tuple(name for name in dimensions if name != RESPONSE)
        #: Where the response stands among the dimensions; None where nobody asks for it.
        self._response = dimensions.index(RESPONSE) if RESPONSE in dimensions else None
        self._sent: dict[str, _Sent] = {}
        self._outcomes: set[bytes] = set()
        #: There are few different ones, and many customers.
        self._drawn: dict[Drawn, Drawn] = {}
        self.customers: dict[str, Followed] = {}
        #: What was met on the way, by name.
        self.met: Counter[str] = Counter()

    def alert(self, alert: Alert) -> None:
        """Take an alert, treated or held out."""
        self.met["alerts"] += 1
        if alert.alert_id in self._sent:
            self.met["repeated_alerts"] += 1
            return
        at = from_datetime(alert.decided_at)
        self._sent[alert.alert_id] = _Sent(alert.user_id, at, alert.arm)
        known = self.customers.get(alert.user_id)
        drawn = drawn_of(alert)
        # Who is held out of one playbook need not be held out of another.
        if known is not None and known.arm != alert.arm and known.drawn.playbook == drawn.playbook:
            self.met["changed_arm"] += 1
        if known is None or (at, alert.alert_id) < (known.at, known.alert_id):
            group = group_of(alert, self._dimensions)
            drawn = self._drawn.setdefault(drawn, drawn)
            followed = Followed(alert.alert_id, at, alert.arm, group, alert.risk, drawn)
            if self._response is not None:
                followed.known = known_of(alert)
            self.customers[alert.user_id] = followed

    def event(self, event: Event) -> None:
        """Take something that somebody did; most people are of no concern here."""
        customer = self.customers.get(event.user_id)
        if customer is None:
            return
        after = event.at - customer.at
        if self._counts(event.type):
            if after > 0:
                customer.back = min(customer.back, event.at)
            elif after > -self._horizon:
                customer.days |= 1 << (-after // DAY)
        kind = event.kind
        if kind not in _MONEY or not -self._horizon < after <= self._horizon:
            return
        if kind is Kind.PURCHASE and after > 0:
            customer.bought = min(customer.bought, event.at)
        if value := event.value:
            self._pay(customer, event.event_id, after, -abs(value) if kind in _BACK else value)

    def _pay(self, customer: Followed, event_id: str, after: Millis, value: float) -> None:
        """Count a payment, once."""
        payments = customer.payments
        if payments is None:
            payments = customer.payments = set()
        mark = blake2b(event_id.encode(), digest_size=8).digest()
        if mark in payments:
            return
        if len(payments) >= _PAYMENTS:
            self.met["payments_not_counted"] += 1
            return
        payments.add(mark)
        if after > 0:
            customer.spent += value
        else:
            customer.spent_before += value

    def outcome(self, outcome: Outcome) -> None:
        """Take what a CRM says happened to an alert."""
        sent = self._sent.get(outcome.alert_id)
        if sent is None or sent.user_id != outcome.user_id:
            self.met["strange_outcomes"] += 1
            return
        name = f"{outcome.user_id}\0{outcome.outcome_id}".encode()
        mark = blake2b(name, digest_size=12).digest()
        if mark in self._outcomes:
            self.met["repeated_outcomes"] += 1
            return
        self._outcomes.add(mark)
        self.met["outcomes"] += 1
        if sent.arm == "holdout" and outcome.type in _REACHED and not sent.told & _REACHED:
            self.met["held_out_contacted"] += 1
        if outcome.type not in sent.told:
            sent.told.add(outcome.type)
            self.met[f"{sent.arm}_{outcome.type}"] += 1
        if outcome.cost is not None:
            customer = self.customers[outcome.user_id]
            # What it cost is held to the alert for as long as what it brought.
            if 0 <= from_datetime(outcome.time) - customer.at <= self._horizon:
                customer.cost += outcome.cost
            sent.told.add("cost")

    def respond(self) -> None:
        """Put each customer into their third, if that was asked for; once everything was taken."""
        place = self._response
        if place is None:
            return
        self._response = None
        everybody = list(self.customers.values())
        cases = [
            Case(each.at, each.known, each.treated, each.back <= each.at + self._horizon)
            for each in everybody
            if each.known is not None
        ]
        for each, third in zip(everybody, thirds(cases, self._horizon), strict=True):
            each.group = (*each.group[:place], third, *each.group[place:])
            each.known = None

    def untold(self) -> Counter[str]:
        """Return how many alerts each treated customer had within the horizon that told no cost."""
        found: Counter[str] = Counter()
        for sent in self._sent.values():
            if sent.arm != "treated" or "cost" in sent.told:
                continue
            if sent.at - self.customers[sent.user_id].at <= self._horizon:
                found[sent.user_id] += 1
        return found
