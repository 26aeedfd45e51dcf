"""The built-in features in one straight pass: the numbers of the formulas, several times faster.

A vector is made for every decision, and a call for each of 55 formulas is most of what one costs.
The formulas of the catalogue say what a feature *is*; here each is written out once more, in the
same order and with the same arithmetic, so that the two agree to the last bit.
`tests/features/test_straight.py` holds them against each other.

A feature that is new in the catalogue need not be here: the catalogue then goes by its formulas.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from math import exp, sqrt
from typing import Final

from features.customer import CustomerState
from features.events import Kind
from features.rhythm import HALF_LIVES, LN2, Rhythm
from features.tiles import KIND_BITS, KIND_MASK, KINDS_COUNT
from features.timeline import DAY, HOUR, MINUTE, Millis

#: Values beyond this say nothing more; they are cut there.
LIMIT: Final = 1e9
#: What `straight` returns, in order.
STRAIGHT: Final = (
    *("recency", "overdue", "tenure"),
    *("visit_days", "gap_last", "gap_mean", "gap_std", "gap_usual", "visit_silence", "visit_span"),
    *("gaps", "gap_log", "gap_pow_06", "gap_pow_1", "gap_pow_17", "gap_pow_3"),
    *("visits_h4", "visits_h2", "visits_h", "visits_2h", "visits_4h"),
    *("events", "events_1d", "events_7d", "events_30d", "events_90d", "trend"),
    *("views_7d", "searches_30d", "messages_30d"),
    *("sessions", "session_events", "session_minutes", "cart_abandons", "checkout_abandons"),
    *("carts_30d", "orders", "spent", "order_mean", "order_last", "items_mean"),
    *("spent_30d", "spent_90d", "purchases_30d", "purchases_90d", "coupons_90d"),
    *("negatives", "since_negative", "complaints_90d", "returns_90d", "return_share"),
    *("ratings", "rating_mean", "rating_last"),
)
# Plain numbers: looking a member up costs as much as adding it.
_VIEW, _SEARCH, _CART = int(Kind.VIEW), int(Kind.SEARCH), int(Kind.CART)
_PURCHASE, _REFUND, _CANCEL = int(Kind.PURCHASE), int(Kind.REFUND), int(Kind.CANCEL)
_COMPLAINT, _COUPON, _MESSAGE = int(Kind.COMPLAINT), int(Kind.COUPON), int(Kind.MESSAGE)


@cache
def _spans(horizon_days: float) -> tuple[float, float, float, float, float]:
    """Return the half-lives of the visit counters, in days."""
    a, b, c, d, e = (share * horizon_days for share in HALF_LIVES)
    return a, b, c, d, e


#: What `measure` returns, in order. The silence, and how long it is since something went wrong, are
#: milliseconds; the first event is told from the start of the first visit day.
MEASURED: Final = (
    *("silence", "events_1", "events_7", "events_30", "events_90"),
    *("views_7", "searches_30", "carts_30", "events", "ended", "ended_events", "ended_length"),
    *("purchases_30", "spent_30", "purchases_90", "spent_90", "orders", "spent", "last_amount"),
    *("quantity", "first_seen", "cart_abandons", "checkout_abandons"),
    *("ratings", "ratings_sum", "last_rating", "since_negative", "negatives", "complaints_90"),
    *("messages_30", "coupons_90", "returns_90", "refunds"),
)


def measure(state: CustomerState, at: Millis) -> tuple[float, ...]:
    """Return what the features of a customer at a time are made of, beside rhythm and time.

    Parameters
    ----------
    state
        The customer; its timers due by ``at`` must have fired.
    at
        The moment, not before ``state.now``.
    """
    session, money, tiles = state.session, state.money, state.tiles
    last = state.last_activity
    if last < 0:
        last = state.last_seen
    events_1 = 0
    hour = at // HOUR - 24
    # Most are looked at in silence, when none of their last hours is that recent.
    if state.last_seen // HOUR >= hour:
        first_1 = hour << KIND_BITS
        for key, count in tiles.hours.items():
            if key >= first_1:
                events_1 += count
    today = at // DAY
    week, month, season = _by_day(tiles.days, today)
    events_7 = sum(week)
    events_30 = events_7 + sum(month)
    purchases_30 = week[_PURCHASE] + month[_PURCHASE]
    spent_30: float = 0
    spent_90: float = 0
    if tiles.spend:
        spend = tiles.spend
        since_30, since_90 = today - 30, today - 90
        # Sorted, so that the sum does not depend on the order in which days were first seen.
        recent = sorted([number for number in spend if number >= since_90])
        spent_90 = sum([spend[number] for number in recent])
        spent_30 = sum([spend[number] for number in recent if number >= since_30])
    return (
        at - last if at > last else 0,
        events_1,
        events_7,
        events_30,
        events_30 + sum(season),
        week[_VIEW],
        week[_SEARCH] + month[_SEARCH],
        week[_CART] + month[_CART],
        state.events,
        session.ended,
        session.ended_events,
        session.ended_length,
        purchases_30,
        spent_30,
        purchases_30 + season[_PURCHASE],
        spent_90,
        money.orders,
        money.spent,
        money.last_amount,
        money.quantity,
        state.first_seen - state.rhythm.first_day * DAY,
        session.cart_abandons,
        session.checkout_abandons,
        state.ratings,
        state.ratings_sum,
        state.last_rating,
        at - state.last_negative if state.negatives else 0,
        state.negatives,
        week[_COMPLAINT] + month[_COMPLAINT] + season[_COMPLAINT],
        week[_MESSAGE] + month[_MESSAGE],
        week[_COUPON] + month[_COUPON] + season[_COUPON],
        (week[_REFUND] + month[_REFUND] + season[_REFUND])
        + (week[_CANCEL] + month[_CANCEL] + season[_CANCEL]),
        state.kinds[_REFUND],
    )


def combine(
    measured: Sequence[float], rhythm: Rhythm, at: Millis, horizon_days: float
) -> list[float]:
    """Return the features of `STRAIGHT`, cut at `LIMIT`, of what they are made of.

    Parameters
    ----------
    measured
        As of `measure`.
    rhythm
        The customer's at ``at``.
    at
        The moment.
    horizon_days
        H, in days.

    Examples
    --------
    >>> from features.definition import Definition
    >>> from features.events import Event
    >>> ada = CustomerState(Definition())
    >>> _ = ada.apply(Event(event_id="1", user_id="ada", type="purchase", time=0, amount=9.5))
    >>> values = combine(measure(ada, 10 * DAY), ada.rhythm, 10 * DAY, horizon_days=30.0)
    >>> seen = dict(zip(STRAIGHT, values, strict=True))
    >>> seen["recency"], seen["visit_silence"], seen["spent_30d"], seen["since_negative"]
    (10.0, 9.5, 9.5, -1.0)
    """
    (
        silent,
        events_1,
        events_7,
        events_30,
        events_90,
        views_7,
        searches_30,
        carts_30,
        events,
        ended,
        ended_events,
        ended_length,
        purchases_30,
        spent_30,
        purchases_90,
        spent_90,
        orders,
        spent,
        order_last,
        quantity,
        first_seen,
        cart_abandons,
        checkout_abandons,
        ratings,
        ratings_sum,
        last_rating,
        since_negative,
        negatives,
        complaints_90,
        messages_30,
        coupons_90,
        returns_90,
        refunds,
    ) = measured
    day = at / DAY
    first_seen += rhythm.first_day * DAY
    days, weight, powers = rhythm.days, rhythm.weight, rhythm.powers
    usual = powers[1] / weight if weight else 0.0
    since_last = since_first = 0.0
    if days:
        since_last = day - rhythm.last_day - 0.5
        if since_last < 0.0:
            since_last = 0.0
        since_first = day - rhythm.first_day
        if since_first < 0.0:
            since_first = 0.0
    gaps = days - 1
    mean = rhythm.sum_gap / gaps if gaps else 0.0
    deviation = 0.0
    if gaps >= 2:
        variance = rhythm.sum_square / gaps - mean * mean
        if variance > 0.0:
            deviation = sqrt(variance)
    silence = day - rhythm.last_day
    fading = -LN2 * (silence if silence > 0.0 else 0.0)
    span_h4, span_h2, span_h, span_2h, span_4h = _spans(horizon_days)
    visits_h4, visits_h2, visits_h, visits_2h, visits_4h = rhythm.visits
    order_mean = spent / orders if orders else 0.0
    items_mean = quantity / orders if orders else 0.0
    values = [
        silent / DAY,
        since_last / usual if usual else 0.0,
        (at - first_seen) / DAY if at > first_seen else 0.0,
        days,
        rhythm.last_gap,
        mean,
        deviation,
        usual,
        since_last,
        since_first,
        weight,
        rhythm.log_gap,
        *powers,
        visits_h4 * exp(fading / span_h4),
        visits_h2 * exp(fading / span_h2),
        visits_h * exp(fading / span_h),
        visits_2h * exp(fading / span_2h),
        visits_4h * exp(fading / span_4h),
        events,
        events_1,
        events_7,
        events_30,
        events_90,
        3 * events_30 / events_90 if events_90 else 0.0,
        views_7,
        searches_30,
        messages_30,
        ended,
        ended_events / ended if ended else 0.0,
        ended_length / MINUTE / ended if ended else 0.0,
        cart_abandons,
        checkout_abandons,
        carts_30,
        orders,
        spent,
        order_mean,
        order_last,
        items_mean,
        spent_30,
        spent_90,
        purchases_30,
        purchases_90,
        coupons_90,
        negatives,
        since_negative / DAY if negatives else -1.0,
        complaints_90,
        returns_90,
        refunds / orders if orders else 0.0,
        ratings,
        ratings_sum / ratings if ratings else 0.0,
        last_rating,
    ]
    # Counts, shares and days cannot be as large as that; money and powers of days can.
    far = (powers[2], powers[3], spent, order_mean, order_last, items_mean, spent_30, spent_90)
    if max(far) > LIMIT or min(far) < -LIMIT:
        values = [max(-LIMIT, min(value, LIMIT)) for value in values]
    return values


def _by_day(tiles: dict[int, int], today: int) -> tuple[list[int], list[int], list[int]]:
    """Return counts by kind in the last 7 days, in the 23 before them, and in the 60 before those.

    Each tile is counted once: windows that lie in one another are added up by whoever asks.
    """
    first_7 = today - 7 << KIND_BITS
    first_30 = today - 30 << KIND_BITS
    first_90 = today - 90 << KIND_BITS
    week, month, season = [0] * KINDS_COUNT, [0] * KINDS_COUNT, [0] * KINDS_COUNT
    for key, count in tiles.items():
        if key >= first_7:
            week[key & KIND_MASK] += count
        elif key >= first_30:
            month[key & KIND_MASK] += count
        elif key >= first_90:
            season[key & KIND_MASK] += count
    return week, month, season


__all__ = ["LIMIT", "MEASURED", "STRAIGHT", "combine", "measure"]
