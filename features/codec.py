"""A customer's state as bytes and back: compact, versioned, and the same bytes for the same state.

The bytes are MessagePack of plain numbers, never code. Whole numbers are written as integers
(a customer of one visit is mostly zeros), event ids and their seconds as packed arrays.
"""

from __future__ import annotations

import sys
from array import array
from typing import Any, Final

import msgspec

from features.customer import CustomerState
from features.definition import Definition
from features.tiles import Tiles
from features.versions import Step, up_to_date

STATE_VERSION: Final = 1
#: What brings a state of an older version up to date: from that version to the next.
STEPS: Final[dict[int, Step]] = {}
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[Any])


def encode_state(state: CustomerState) -> bytes:
    """Return the state as bytes; equal states give equal bytes.

    Examples
    --------
    >>> ada = CustomerState(Definition())
    >>> decode_state(encode_state(ada), Definition()).first_seen == ada.first_seen
    True
    """
    session, money, rhythm, tiles = state.session, state.money, state.rhythm, state.tiles
    ids = sorted(state.ids.items())
    return _encoder.encode(
        (
            STATE_VERSION,
            state.first_seen,
            state.last_seen,
            state.last_activity,
            state.now,
            state.check_due,
            state.floor,
            state.events,
            _pairs({kind: count for kind, count in enumerate(state.kinds) if count}),
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
            _pairs(tiles.hours),
            _pairs(tiles.days),
            [part for item in sorted(tiles.spend.items()) for part in item],
            _packed([key for key, _ in ids]),
            _packed([second for _, second in ids]),
            dict(sorted(state.traits.items())),
        )
    )


def decode_state(data: bytes, definition: Definition) -> CustomerState:
    """Return the state that `encode_state` wrote.

    Parameters
    ----------
    data
        Bytes of this version, or of an older one.
    definition
        The shop's definition, which is not stored with each customer.

    Raises
    ------
    UnknownVersion
        If a newer Ebbtide wrote them.
    """
    fields = up_to_date(_decoder.decode(data), STATE_VERSION, STEPS)
    state = CustomerState(definition)
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
        state.traits,
    ) = fields
    for kind, count in _unpair(kinds).items():
        state.kinds[kind] = count
    state.tiles = Tiles(
        _unpair(hours), _unpair(days), dict(zip(spend[::2], spend[1::2], strict=True))
    )
    state.ids = dict(zip(_unpacked(ids), _unpacked(seconds), strict=True))
    return state


def _pairs(counts: dict[int, int]) -> list[int]:
    """Keys as steps from the one before: small numbers take one byte."""
    flat: list[int] = []
    before = 0
    for key in sorted(counts):
        flat += (key - before, counts[key])
        before = key
    return flat


def _unpair(flat: list[int]) -> dict[int, int]:
    counts, key = {}, 0
    for step, count in zip(flat[::2], flat[1::2], strict=True):
        key += step
        counts[key] = count
    return counts


def _packed(numbers: list[int]) -> bytes:
    packed = array("I", numbers)
    if sys.byteorder == "big":
        packed.byteswap()
    return packed.tobytes()


def _unpacked(data: bytes) -> array[int]:
    packed = array("I")
    packed.frombytes(data)
    if sys.byteorder == "big":
        packed.byteswap()
    return packed
