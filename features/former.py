"""A customer's state as former versions stored it: every field in a list."""

from __future__ import annotations

import sys
from array import array
from itertools import accumulate
from typing import Any, Final

from features.compact import unscaled
from features.customer import CustomerState
from features.definition import Definition
from features.rhythm import HALF_LIVES
from features.rhythm_codec import restore_sums
from features.seen import SeenIds
from features.session import Session
from features.silence import NEVER
from features.tiles import HOURS_A_DAY, KINDS_COUNT, Tiles, oldest_day
from features.tiles_codec import unpack_tiles
from features.timeline import DAY, MINUTE, SECOND
from features.told import Told
from features.trail import Trail

_WITH_VISITORS: Final = 3
_WITH_TOLD: Final = 4


def of_version_1(fields: list[Any]) -> CustomerState:
    """Return the state of the fields that version 1 wrote."""
    state = CustomerState(Definition())
    session, money, rhythm = state.session, state.money, state.rhythm
    (
        _,
        state.first_seen,
        state.last_seen,
        state.last_activity,
        state.now,
        state.check_due,
        state.floor,
        state.events,
        kinds,
        state.negatives,
        state.last_negative,
        state.ratings,
        state.ratings_sum,
        state.last_rating,
        money.orders,
        money.last_order,
        money.spent,
        money.log_amount,
        money.last_amount,
        money.quantity,
        session.start,
        session.last,
        session.events,
        session.seen,
        session.ended,
        session.ended_events,
        ended_minutes,
        session.cart_abandons,
        session.checkout_abandons,
        rhythm.first_day,
        rhythm.last_day,
        rhythm.days,
        rhythm.last_gap,
        rhythm.sum_gap,
        rhythm.sum_square,
        rhythm.weight,
        rhythm.log_gap,
        rhythm.powers,
        rhythm.visits,
        hours,
        days,
        spend,
        ids,
        seconds,
        traits,
    ) = fields
    rhythm.forget_gaps()
    _close(session, ended_minutes)
    state.traits = Told(traits)
    for kind, count in _pairs(kinds).items():
        state.kinds[kind] = count
    spent = dict(zip(spend[::2], spend[1::2], strict=True))
    state.tiles = Tiles(_pairs(hours), _pairs(days), spent)
    state.ids.fresh = dict(zip(_numbers(ids), _numbers(seconds), strict=True))
    return state


def of_version_2(fields: list[Any]) -> CustomerState:
    """Return the state of the fields that version 2 wrote, or 3 or 4, which had more."""
    state = CustomerState(Definition())
    told: Any = None
    version = fields[0]
    if version >= _WITH_TOLD:
        *fields, told = fields
    if version >= _WITH_VISITORS:
        *fields, trail, visitors = fields
        state.trail = None if trail is None else Trail.restored(trail)
        state.visitors = {visitor: number for visitor, number in visitors}
    session, money, rhythm = state.session, state.money, state.rhythm
    (
        _,
        rhythm.last_day,
        last_seen,
        last_activity,
        now,
        check_due,
        floor,
        span,
        first_seen,
        rhythm.days,
        rhythm.last_gap,
        sum_gap,
        rhythm.sum_square,
        faded,
        bits,
        counts,
        state.negatives,
        negative,
        state.ratings,
        state.ratings_sum,
        state.last_rating,
        money.orders,
        money.last_order,
        spent,
        money.log_amount,
        last_amount,
        money.quantity,
        session_last,
        session_length,
        session.events,
        session.seen,
        session.ended,
        ended_events,
        ended_minutes,
        session.cart_abandons,
        session.checkout_abandons,
        hours,
        days,
        spend,
        last_id,
        ids,
        seconds,
        traits,
    ) = fields
    last_seen += rhythm.last_day * DAY
    last_activity = last_seen - last_activity
    rhythm.first_day = rhythm.last_day - span
    rhythm.sum_gap = sum_gap + span
    if faded:
        restore_sums(rhythm, faded)
    else:
        # Who has come on one day at most.
        rhythm.visits = [float(rhythm.days)] * len(HALF_LIVES)
    state.traits = Told(traits) if told is None else Told.restored(traits, told, last_seen)
    state.last_seen = last_seen
    state.last_activity = last_activity
    state.now = last_seen + now
    state.check_due = NEVER if check_due is None else last_activity + check_due
    state.floor = oldest_day(last_seen) * DAY + floor
    state.first_seen = rhythm.first_day * DAY + first_seen
    # Each is of one kind.
    state.events = sum(counts)
    kinds = state.kinds
    places = [place for place in range(KINDS_COUNT) if bits >> (KINDS_COUNT - 1 - place) & 1]
    for place, count in zip(places, counts, strict=True):
        kinds[place] = count
    state.last_negative = -1 if negative is None else last_seen - negative
    money.spent = unscaled(spent)
    money.last_amount = unscaled(last_amount)
    session.last = last_seen - session_last
    session.start = session.last - session_length
    session.ended_events = state.events - session.events - ended_events
    _close(session, ended_minutes)
    oldest = oldest_day(last_seen)
    state.tiles = Tiles(
        unpack_tiles(hours, oldest * HOURS_A_DAY), unpack_tiles(days, oldest), _spend(spend)
    )
    if ids:
        state.ids = SeenIds.stored(last_seen // SECOND - last_id, ids, seconds)
    return state


def _close(session: Session, minutes: float) -> None:
    """Count the length in milliseconds, and let a visit that is over begin where it ended."""
    session.ended_length = round(minutes * MINUTE)
    if not session.events:
        session.start = session.last


def _spend(flat: list[Any]) -> dict[int, float]:
    return dict(zip(accumulate(flat[::2]), map(unscaled, flat[1::2]), strict=True))


def _pairs(flat: list[int]) -> dict[int, int]:
    """Return counts by key; the keys were stored as steps from the one before."""
    counts, key = {}, 0
    for step, count in zip(flat[::2], flat[1::2], strict=True):
        key += step
        counts[key] = count
    return counts


def _numbers(data: bytes) -> array[int]:
    numbers = array("I", data)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers
