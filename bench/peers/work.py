"""The work that every peer does, as a careful programmer would write it without Ebbtide.

For each customer: rolling windows of hours and days, money, rhythm, sessions; 25 features and a
logistic score at each decision, which is the beginning of a session or a complaint (Ebbtide
decides when a session has ended, and on silence: about as often); an alert where the score is
above the threshold.

Left out, in the peers' favour: timers (so silence is not seen), repeats, late events' own rules,
reasons in words, labels, and a position that is stored with the state.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import exp, log1p
from typing import Final

import msgspec

HOUR: Final = 3_600_000
DAY: Final = 24 * HOUR
_SESSION_GAP: Final = 1_800_000


class Visit(msgspec.Struct, gc=False):
    """An event, as far as it is needed."""

    user_id: str
    type: str
    time: int
    price: float = 0.0
    quantity: float = 1.0


class Shopper(msgspec.Struct, array_like=True):
    """What is known of a customer."""

    first: int = 0
    last: int = 0
    events: int = 0
    session_start: int = 0
    session_events: int = 0
    sessions: int = 0
    carts: int = 0
    orders: int = 0
    spent: float = 0.0
    browsed: float = 0.0
    complaints: int = 0
    last_complaint: int = 0
    gaps: int = 0
    gap_sum: float = 0.0
    gap_square: float = 0.0
    hours: dict[int, int] = {}
    days: dict[int, int] = {}
    spend: dict[int, float] = {}


_WEIGHTS: Final = (
    *(-0.31, -0.22, -0.17, -0.12, -0.09, -0.05, -0.03, -0.2, -0.1, -0.05, 0.4, 0.2, 0.15),
    *(-0.3, -0.2, 0.25, 0.3, 0.1, -0.15, -0.05, -0.1, 0.35, 0.6, 0.2, -0.02),
)
_BIAS: Final = 0.4

decode_visit: Final = msgspec.json.Decoder(Visit).decode
encode_shopper: Final = msgspec.msgpack.Encoder().encode
decode_shopper: Final = msgspec.msgpack.Decoder(Shopper).decode


def take(shopper: Shopper, visit: Visit) -> float | None:
    """Take an event in, and return the risk if there is something to decide."""
    at = visit.time
    opens = not shopper.events or at - shopper.last > _SESSION_GAP
    _observe(shopper, visit, at, opens)
    if opens or visit.type == "complaint":
        return score(features(shopper, at))
    return None


def _observe(shopper: Shopper, visit: Visit, at: int, opens: bool) -> None:
    if not shopper.events:
        shopper.first = at
    elif opens:
        gap = (at - shopper.last) / DAY
        shopper.gaps += 1
        shopper.gap_sum += gap
        shopper.gap_square += gap * gap
    if opens:
        shopper.session_start, shopper.session_events = at, 0
        shopper.sessions += 1
    shopper.events += 1
    shopper.session_events += 1
    shopper.browsed += visit.price
    shopper.last = max(shopper.last, at)
    hour, day = at // HOUR, at // DAY
    hours, days = shopper.hours, shopper.days
    if hour not in hours and len(hours) >= 48:
        for old in [each for each in hours if each <= hour - 48]:
            del hours[old]
    hours[hour] = hours.get(hour, 0) + 1
    if day not in days and len(days) >= 90:
        for old in [each for each in days if each <= day - 90]:
            del days[old]
    days[day] = days.get(day, 0) + 1
    kind = visit.type
    if kind == "product_added":
        shopper.carts += 1
    elif kind == "purchase":
        value = visit.price * visit.quantity
        shopper.orders += 1
        shopper.spent += value
        shopper.spend[day] = shopper.spend.get(day, 0.0) + value
    elif kind == "complaint":
        shopper.complaints += 1
        shopper.last_complaint = at


def features(shopper: Shopper, at: int) -> list[float]:
    """Return 25 numbers about a customer as of a moment."""
    hour, day = at // HOUR, at // DAY
    in_hours = [0, 0, 0, 0]
    for each, count in shopper.hours.items():
        ago = hour - each
        if ago < 1:
            in_hours[0] += count
        if ago < 6:
            in_hours[1] += count
        if ago < 24:
            in_hours[2] += count
        in_hours[3] += count
    in_days = [0, 0, 0]
    for each, count in shopper.days.items():
        ago = day - each
        if ago < 7:
            in_days[0] += count
        if ago < 30:
            in_days[1] += count
        in_days[2] += count
    money = [0.0, 0.0, 0.0]
    for each, value in shopper.spend.items():
        ago = day - each
        if ago < 7:
            money[0] += value
        if ago < 30:
            money[1] += value
        money[2] += value
    mean = shopper.gap_sum / shopper.gaps if shopper.gaps else 0.0
    spread = shopper.gap_square / shopper.gaps - mean * mean if shopper.gaps else 0.0
    silent = (at - shopper.last) / DAY
    return [
        *map(log1p, in_hours),
        *map(log1p, in_days),
        *map(log1p, money),
        silent,
        silent / mean if mean else 0.0,
        mean,
        log1p(shopper.sessions),
        log1p(shopper.orders),
        log1p(shopper.session_events),
        (at - shopper.session_start) / HOUR,
        (at - shopper.first) / DAY,
        log1p(shopper.carts),
        log1p(shopper.spent),
        shopper.orders / shopper.sessions,
        log1p(shopper.complaints),
        1.0 if shopper.complaints and at - shopper.last_complaint < 7 * DAY else 0.0,
        spread,
        log1p(shopper.browsed),
    ]


def score(vector: list[float]) -> float:
    """Return the risk: a logistic of fixed weights."""
    total = _BIAS
    for weight, value in zip(_WEIGHTS, vector, strict=True):
        total += weight * value
    return 1 / (1 + exp(-max(-30.0, min(30.0, total))))


def alert_of(visit: Visit, risk: float) -> bytes:
    """Return an alert."""
    return msgspec.json.encode({"user_id": visit.user_id, "at": visit.time, "risk": risk})


def expected(values: Iterable[bytes], alerts: float) -> tuple[int, int, float]:
    """Return how many decisions there are, how many of them alert, and above which threshold.

    ``alerts`` is the share of the events that are wanted; of equal risks none or all alert.
    """
    book: dict[str, Shopper] = {}
    risks: list[float] = []
    events = 0
    for value in values:
        visit = decode_visit(value)
        events += 1
        shopper = book.get(visit.user_id)
        if shopper is None:
            shopper = book[visit.user_id] = Shopper()
        risk = take(shopper, visit)
        if risk is not None:
            risks.append(risk)
    wanted = min(round(alerts * events), len(risks) - 1)
    threshold = sorted(risks, reverse=True)[wanted] if risks else 1.0
    return len(risks), sum(risk > threshold for risk in risks), threshold
