"""A customer's state as the first version stored it: every field as it was, in a list."""

from __future__ import annotations

import sys
from array import array
from typing import Any

from features.customer import CustomerState
from features.definition import Definition
from features.tiles import Tiles
from features.told import Told


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
        session.ended_minutes,
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
    state.traits = Told(traits)
    for kind, count in _pairs(kinds).items():
        state.kinds[kind] = count
    spent = dict(zip(spend[::2], spend[1::2], strict=True))
    state.tiles = Tiles(_pairs(hours), _pairs(days), spent)
    state.ids.fresh = dict(zip(_numbers(ids), _numbers(seconds), strict=True))
    return state


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
