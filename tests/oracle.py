"""The slow, obvious version of what is known about a customer, to compare the fast one with.

Everything is recomputed from the raw list of one customer's events, in the order in which they
arrived, whenever it is asked for. Nothing of how `features` does it is used here: the wire types,
the shop's definition and the units of time are all that is imported.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Literal, NamedTuple
from zlib import crc32

from features import DAY, HOUR, KINDS, MINUTE, Definition, Event, Kind, Millis, decode_event


class Timer(NamedTuple):
    """A timer that fired: when, and for what; a session's end may go unnoticed by the policy."""

    at: Millis
    cause: Literal["silence", "session_end"]
    scored: bool


# -- which events count -----------------------------------------------------------------------


def from_log(messages: Iterable[bytes]) -> dict[str, list[Event]]:
    """Return each customer's events in the order of the log."""
    found: dict[str, list[Event]] = {}
    for message in messages:
        event = decode_event(message)
        found.setdefault(event.user_id, []).append(event)
    return found


def counted(events: Iterable[Event]) -> list[Event]:
    """Return the events that count: each id once, and none older than what is kept.

    What lies before the first of the ninety days that end with the latest event so far could not
    be told from a repeat. (A customer of more than 128 events within that time may lose more.)
    """
    kept: list[Event] = []
    seen: set[str] = set()
    for event in events:
        latest = max((each.at for each in kept), default=0)
        oldest = max(latest // DAY - 90, 0) * DAY
        if event.event_id not in seen and event.at >= oldest:
            seen.add(event.event_id)
            kept.append(event)
    return kept


def in_order(kept: Sequence[Event]) -> list[Event]:
    """Return the events that did not come late."""
    found: list[Event] = []
    for event in kept:
        if not found or event.at >= found[-1].at:
            found.append(event)
    return found


def is_activity(event: Event, definition: Definition) -> bool:
    if definition.activity:
        return event.type in definition.activity
    return event.type not in definition.passive


def is_trouble(event: Event) -> bool:
    wrong = {Kind.REFUND, Kind.CANCEL, Kind.COMPLAINT}
    return kind_of(event) in wrong or (event.rating is not None and event.rating <= 2)


def kind_of(event: Event) -> Kind:
    return KINDS.get(event.type, Kind.OTHER)


# -- visits -----------------------------------------------------------------------------------


def visit_days(kept: Sequence[Event], definition: Definition) -> list[int]:
    """Return the days of activity, each later than those before it."""
    days: list[int] = []
    for event in kept:
        day = event.at // DAY
        if is_activity(event, definition) and (not days or day > days[-1]):
            days.append(day)
    return days


def gaps_of(days: Sequence[int]) -> list[int]:
    return [later - earlier for earlier, later in pairwise(days)]


def fading(values: Sequence[float]) -> float:
    """Return the sum in which each newer value makes all older ones weigh .97 of what they did."""
    newest = len(values) - 1
    return math.fsum(value * math.pow(0.97, newest - n) for n, value in enumerate(values))


def usual_gap(gaps: Sequence[int]) -> float:
    return fading(gaps) / fading([1.0] * len(gaps)) if gaps else 0.0


def faded_visits(days: Sequence[int], half_life_days: float, at: Millis) -> float:
    """Return the number of visit days, each halved for every half-life that it lies back."""
    return sum(0.5 ** ((at / DAY - day) / half_life_days) for day in days)


# -- sessions ---------------------------------------------------------------------------------


def sessions_of(kept: Sequence[Event], definition: Definition) -> list[list[Event]]:
    """Return the sessions, the open one included: a long enough pause begins another."""
    sessions: list[list[Event]] = []
    for event in in_order(kept):
        if sessions and event.at - sessions[-1][-1].at < definition.session_gap:
            sessions[-1].append(event)
        else:
            sessions.append([event])
    return sessions


def abandoned(session: Sequence[Event], what: Kind) -> bool:
    kinds = {kind_of(event) for event in session}
    return what in kinds and Kind.PURCHASE not in kinds


# -- money ------------------------------------------------------------------------------------


class Line(NamedTuple):
    """A purchase as it counts."""

    at: Millis
    amount: float
    quantity: float
    order: str
    #: Whether it begins an order, rather than being one more line of the order before it.
    begins: bool


def purchases(kept: Sequence[Event], definition: Definition) -> list[Line]:
    """Return the purchases in the order of their arrival, with absurd amounts cut down."""
    lines: list[Line] = []
    for event in kept:
        if kind_of(event) is not Kind.PURCHASE:
            continue
        cap = definition.amount_cap
        firsts = [line.amount for line in lines if line.begins]
        if len(firsts) >= 3:
            logs = [math.log1p(max(amount, 0.0)) for amount in firsts]
            cap = min(cap, 50 * max(math.expm1(sum(logs) / len(logs)), 1.0))
        quantity = 1.0 if event.quantity is None else event.quantity
        by_price = (event.price or 0.0) * quantity
        amount = by_price if event.amount is None else event.amount
        order = event.order_id or ""
        lines.append(
            Line(
                at=event.at,
                amount=max(-cap, min(amount, cap)),
                quantity=min(quantity, definition.quantity_cap),
                order=order,
                begins=not order or not lines or lines[-1].order != order,
            )
        )
    return lines


def last_order(lines: Sequence[Line]) -> float:
    begins = [place for place, line in enumerate(lines) if line.begins]
    return sum(line.amount for line in lines[begins[-1] :]) if begins else 0.0


# -- windows ----------------------------------------------------------------------------------


def window_start(at: Millis, width: Millis, hop: Millis) -> Millis:
    return (at - width) // hop * hop


def within(kept: Sequence[Event], at: Millis, days: int, *types: Kind) -> int:
    start = window_start(at, days * DAY, DAY)
    return sum(event.at >= start and (not types or kind_of(event) in types) for event in kept)


# -- all of it --------------------------------------------------------------------------------


def features(events: Iterable[Event], definition: Definition, at: Millis) -> dict[str, float]:
    """Return every feature of the catalogue at a time not before the last event.

    Parameters
    ----------
    events
        Of one customer, in the order of their arrival, repeats and late ones included.
    definition
        The shop's.
    at
        The moment, in milliseconds; timers due by then have fired.

    Returns
    -------
    dict
        Integers where the feature is a count; floats otherwise.
    """
    arrived = list(events)
    kept = counted(arrived)
    ordered = in_order(kept)
    activity = [event.at for event in kept if is_activity(event, definition)]
    found: dict[str, float] = {}

    last = max(activity or [event.at for event in kept])
    days = visit_days(kept, definition)
    gaps = gaps_of(days)
    visit_silence = max(at / DAY - days[-1] - 0.5, 0.0) if days else 0.0
    found["recency"] = (at - last) / DAY
    found["overdue"] = visit_silence / usual_gap(gaps) if gaps else 0.0
    found["tenure"] = (at - min(event.at for event in kept)) / DAY

    found["visit_days"] = len(days)
    found["gap_last"] = gaps[-1] if gaps else 0
    mean = sum(gaps) / len(gaps) if gaps else 0.0
    found["gap_mean"] = mean
    spread = sum((gap - mean) ** 2 for gap in gaps)
    found["gap_std"] = math.sqrt(spread / len(gaps)) if len(gaps) > 1 else 0.0
    found["gap_usual"] = usual_gap(gaps)
    found["visit_silence"] = visit_silence
    found["visit_span"] = at / DAY - days[0] if days else 0.0
    found["gaps"] = fading([1.0 for _ in gaps])
    found["gap_log"] = fading([math.log(gap) for gap in gaps])
    for name, power in (("06", 0.6), ("1", 1.0), ("17", 1.7), ("3", 3.0)):
        found[f"gap_pow_{name}"] = fading([gap**power for gap in gaps])

    horizon = definition.horizon / DAY
    for name, share in (("h4", 0.25), ("h2", 0.5), ("h", 1.0), ("2h", 2.0), ("4h", 4.0)):
        found[f"visits_{name}"] = faded_visits(days, share * horizon, at)
    found["events"] = len(kept)
    found["events_1d"] = sum(event.at >= window_start(at, DAY, HOUR) for event in kept)
    found["events_7d"] = within(kept, at, 7)
    found["events_30d"] = within(kept, at, 30)
    found["events_90d"] = within(kept, at, 90)
    season = within(kept, at, 90)
    found["trend"] = within(kept, at, 30) / (season / 3) if season else 0.0
    found["views_7d"] = within(kept, at, 7, Kind.VIEW)
    found["searches_30d"] = within(kept, at, 30, Kind.SEARCH)
    found["messages_30d"] = within(kept, at, 30, Kind.MESSAGE)

    ended = [
        session
        for session in sessions_of(kept, definition)
        if session[-1].at + definition.session_gap <= at or session[-1] is not ordered[-1]
    ]
    found["sessions"] = len(ended)
    minutes = [(session[-1].at - session[0].at) / MINUTE for session in ended]
    found["session_events"] = sum(map(len, ended)) / len(ended) if ended else 0.0
    found["session_minutes"] = sum(minutes) / len(ended) if ended else 0.0
    found["cart_abandons"] = sum(abandoned(session, Kind.CART) for session in ended)
    found["checkout_abandons"] = sum(abandoned(session, Kind.CHECKOUT) for session in ended)
    found["carts_30d"] = within(kept, at, 30, Kind.CART)

    lines = purchases(kept, definition)
    orders = sum(line.begins for line in lines)
    found["orders"] = orders
    found["spent"] = math.fsum(line.amount for line in lines)
    found["order_mean"] = math.fsum(line.amount for line in lines) / orders if orders else 0.0
    found["order_last"] = last_order(lines)
    found["items_mean"] = sum(line.quantity for line in lines) / orders if orders else 0.0
    for window in (30, 90):
        start = window_start(at, window * DAY, DAY)
        found[f"spent_{window}d"] = math.fsum(line.amount for line in lines if line.at >= start)
    found["purchases_30d"] = within(kept, at, 30, Kind.PURCHASE)
    found["purchases_90d"] = within(kept, at, 90, Kind.PURCHASE)
    found["coupons_90d"] = within(kept, at, 90, Kind.COUPON)

    trouble = [event.at for event in kept if is_trouble(event)]
    found["negatives"] = len(trouble)
    found["since_negative"] = (at - max(trouble)) / DAY if trouble else -1.0
    found["complaints_90d"] = within(kept, at, 90, Kind.COMPLAINT)
    found["returns_90d"] = within(kept, at, 90, Kind.REFUND, Kind.CANCEL)
    refunds = sum(kind_of(event) is Kind.REFUND for event in kept)
    found["return_share"] = refunds / orders if orders else 0.0
    ratings = [event.rating for event in kept if event.rating is not None]
    found["ratings"] = len(ratings)
    found["rating_mean"] = sum(ratings) / len(ratings) if ratings else 0.0
    found["rating_last"] = next(
        (event.rating for event in reversed(ordered) if event.rating is not None), 0.0
    )

    traits = traits_of(arrived)
    for trait in definition.traits:
        for column in range(8):
            value = traits.get(trait)
            hit = value is not None and crc32(value.encode()) % 8 == column
            found[f"trait_{trait}_{column}"] = int(hit)
    return found


def traits_of(arrived: Iterable[Event]) -> dict[str, str]:
    """Return what the shop says of the customer: of each trait what was told last, late or not.

    What is too late to be counted tells something all the same; a repeat of what was counted does
    not.
    """
    traits: dict[str, tuple[Millis, str]] = {}
    passed: list[Event] = []
    for event in arrived:
        repeated = event.event_id in {each.event_id for each in counted(passed)}
        passed.append(event)
        if repeated:
            continue
        for name, value in event.traits.items():
            if value is None or (name not in traits and len(traits) >= 16):
                continue
            if name not in traits or event.at >= traits[name][0]:
                traits[name] = (event.at, str(value)[:64])
    return {name: value for name, (_, value) in traits.items()}


def differences(found: Mapping[str, float], expected: Mapping[str, float]) -> list[str]:
    """Return, in words, where a vector in single precision is not what the oracle says."""
    if list(found) != list(expected):
        return [f"the names differ: {sorted(found.keys() ^ expected.keys())} or their order"]
    return [
        f"{name}: {found[name]!r}, but the oracle says {value!r}"
        for name, value in expected.items()
        if not _same(found[name], value)
    ]


def _same(found: float, expected: float) -> bool:
    cut = max(-1e9, min(expected, 1e9))
    if isinstance(expected, int):
        return found == cut
    # Single precision holds seven digits; sums of money that cancel out leave some dust.
    return math.isclose(found, cut, rel_tol=1e-6, abs_tol=1e-7)


# -- when to look -----------------------------------------------------------------------------


def timers(events: Iterable[Event], definition: Definition, until: Millis) -> list[Timer]:
    """Return the timers that fire by a time, in order, if nothing but the events moves it."""
    fired: list[Timer] = []
    arrived: list[Event] = []
    for event in counted(events):
        fired += _due(arrived, fired, definition, event.at)
        arrived.append(event)
    return fired + _due(arrived, fired, definition, until)


def _due(
    arrived: list[Event], before: list[Timer], definition: Definition, until: Millis
) -> list[Timer]:
    fired: list[Timer] = []
    while True:
        ahead = [
            timer
            for timer in (
                _session_end(arrived, before + fired, definition),
                _silence(arrived, before + fired, definition),
            )
            if timer is not None and timer.at <= until
        ]
        if not ahead:
            return fired
        # A session ends before its end is followed by silence.
        fired.append(min(ahead, key=lambda timer: (timer.at, timer.cause == "silence")))


def _session_end(arrived: list[Event], fired: list[Timer], definition: Definition) -> Timer | None:
    if not arrived:
        return None
    end = max(event.at for event in arrived) + definition.session_gap
    if any(timer.at == end and timer.cause == "session_end" for timer in fired):
        return None
    activity = [event.at for event in arrived if is_activity(event, definition)]
    active = bool(activity) and end - max(activity) < definition.active
    return Timer(end, "session_end", active)


def _silence(arrived: list[Event], fired: list[Timer], definition: Definition) -> Timer | None:
    activity = [event.at for event in arrived if is_activity(event, definition)]
    if not activity:
        return None
    last = max(activity)
    place = next(
        place
        for place, event in enumerate(arrived)
        if event.at == last and is_activity(event, definition)
    )
    # Looking begins when the activity became known; what has been looked at is past.
    known = max(event.at for event in arrived[: place + 1])
    past = [timer.at for timer in fired if timer.cause == "silence" and timer.at > known]
    due = next_step(
        definition, last, usual_gap(gaps_of(visit_days(arrived, definition))), max([known, *past])
    )
    return None if due is None else Timer(due, "silence", True)


def next_step(
    definition: Definition, last: Millis, rhythm_days: float, after: Millis
) -> Millis | None:
    """Return the next step of the ladder after a time, if there is one left."""
    shares = (0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 2.5)
    waits = definition.waits or [round(share * definition.horizon) for share in shares]
    fixed = [last + wait for wait in waits if wait < definition.active]
    next_fixed = min((step for step in fixed if step > after), default=None)
    if rhythm_days:
        own_waits = [max(round(k * rhythm_days * DAY), DAY) for k in definition.multiples]
        for step in sorted(last + wait for wait in own_waits if wait < definition.active):
            news = step - after >= DAY // 2
            soon = next_fixed is not None and next_fixed - step < DAY // 2
            if news and not soon:
                return step
    return next_fixed
