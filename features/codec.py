"""A customer's state as bytes and back: few, versioned, and the same bytes for the same state.

The bytes are a MessagePack list of plain numbers, never code. Most numbers are written as what
they differ by from what they usually are (the last event is an activity, the gaps sum up to the
days between the first visit and the last), so most take a byte; amounts are hundredths; ids lie
in the order of their seconds, of which the steps are kept. What has been written of ids and of
days that are over is kept in memory, for most of a customer is the same the next time.
"""

from __future__ import annotations

from functools import lru_cache
from struct import Struct
from typing import Any, Final

import msgspec

from features.compact import scaled, unscaled, whole
from features.customer import CustomerState
from features.definition import Definition
from features.former import of_version_1
from features.rhythm import FADING, HALF_LIVES, POWERS, Rhythm
from features.seen import SeenIds
from features.silence import NEVER
from features.tiles import HOURS_A_DAY, KINDS_COUNT, Tiles, oldest_day
from features.tiles_codec import pack_tiles, unpack_spend, unpack_tiles
from features.timeline import DAY, SECOND
from features.told import Told
from features.trail import Trail
from features.versions import Step, up_to_date

STATE_VERSION: Final = 2
#: The same with two more fields at the end: the trail of a visitor, and a customer's visitors.
#: Whoever is neither pays nothing for it.
_WITH_VISITORS: Final = 3
#: The same with one more: when traits were told, and what was said of being written to.
_WITH_TOLD: Final = 4
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[Any])
_FADED: Final = Struct(f"<{1 + len(POWERS) + len(HALF_LIVES)}d")
_WEIGHT: Final = Struct("<d")


def encode_state(state: CustomerState) -> bytes:
    """Return the state as bytes; equal states give equal bytes.

    Examples
    --------
    >>> ada = CustomerState(Definition())
    >>> decode_state(encode_state(ada), Definition()).first_seen == ada.first_seen
    True
    """
    session, money, rhythm = state.session, state.money, state.rhythm
    last_seen, last_activity = state.last_seen, state.last_activity
    last_day = rhythm.last_day
    span = last_day - rhythm.first_day
    check_due, negative = state.check_due, state.last_negative
    tiles = pack_tiles(state)
    last_id, ids, seconds = state.ids.store()
    version, more = _more(state)
    return _encoder.encode(
        [
            version,
            last_day,
            last_seen - last_day * DAY,
            last_seen - last_activity,
            state.now - last_seen,
            check_due - last_activity if check_due < NEVER else None,
            state.floor - oldest_day(last_seen) * DAY,
            span,
            state.first_seen - rhythm.first_day * DAY,
            rhythm.days,
            rhythm.last_gap,
            rhythm.sum_gap - span,
            rhythm.sum_square,
            _pack_faded(rhythm),
            tiles.kinds,
            tiles.counts,
            state.negatives,
            last_seen - negative if negative >= 0 else None,
            state.ratings,
            whole(state.ratings_sum),
            whole(state.last_rating),
            money.orders,
            money.last_order,
            scaled(money.spent),
            whole(money.log_amount),
            scaled(money.last_amount),
            whole(money.quantity),
            last_seen - session.last,
            session.last - session.start,
            session.events,
            session.seen,
            session.ended,
            state.events - session.events - session.ended_events,
            whole(session.ended_minutes),
            session.cart_abandons,
            session.checkout_abandons,
            tiles.hours,
            tiles.days,
            tiles.spend,
            last_seen // SECOND - last_id,
            ids,
            seconds,
            dict(sorted(state.traits.items())),
            *more,
        ]
    )


def _more(state: CustomerState) -> tuple[int, tuple[Any, ...]]:
    """Return what not every customer has, and the version that has it."""
    traits = state.traits
    told = bool(traits.times or traits.words)
    if not told and state.trail is None and not state.visitors:
        return STATE_VERSION, ()
    trail = None if state.trail is None else state.trail.stored()
    more = (trail, list(state.visitors.items()))
    return (_WITH_TOLD, (*more, traits.stored(state.last_seen))) if told else (_WITH_VISITORS, more)


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
    ValueError, TypeError
        If none did.
    """
    fields = _decoder.decode(data)
    state = CustomerState(definition)
    told: Any = None
    if fields and fields[0] == _WITH_TOLD:
        *fields, told = fields
        fields[0] = _WITH_VISITORS
    if fields and fields[0] == _WITH_VISITORS:
        *fields, trail, visitors = fields
        state.trail = None if trail is None else Trail.restored(trail)
        state.visitors = {visitor: number for visitor, number in visitors}
        fields[0] = STATE_VERSION
    fields = up_to_date(fields, STATE_VERSION, STEPS)
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
        session.ended_minutes,
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
    _unpack_faded(rhythm, faded)
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
    for place, count in zip(_places(bits), counts, strict=True):
        kinds[place] = count
    state.last_negative = -1 if negative is None else last_seen - negative
    money.spent = unscaled(spent)
    money.last_amount = unscaled(last_amount)
    session.last = last_seen - session_last
    session.start = session.last - session_length
    session.ended_events = state.events - session.events - ended_events
    oldest = oldest_day(last_seen)
    state.tiles = Tiles(
        unpack_tiles(hours, oldest * HOURS_A_DAY), unpack_tiles(days, oldest), unpack_spend(spend)
    )
    if ids:
        state.ids = SeenIds.stored(last_seen // SECOND - last_id, ids, seconds)
    return state


def _tell_differences(fields: list[Any]) -> list[Any]:
    """Version 1 told every field as it was."""
    anew: list[Any] = _decoder.decode(encode_state(of_version_1(fields)))
    return anew


#: What brings a state of an older version up to date: from that version to the next.
STEPS: Final[dict[int, Step]] = {1: _tell_differences}


def _weights(most: int) -> tuple[float, ...]:
    weight, found = 0.0, [0.0, 0.0]
    for _ in range(most):
        weight = FADING * weight + 1.0
        found.append(weight)
    return tuple(found)


#: The fading number of gaps of who has come on so many days: it follows from them.
_WEIGHTS: Final = _weights(500)


def _pack_faded(rhythm: Rhythm) -> bytes:
    """Return what fades, in full precision; nothing for who has come on one day at most."""
    days, weight = rhythm.days, rhythm.weight
    follows = days < len(_WEIGHTS) and weight == _WEIGHTS[days]
    if days <= 1 and follows and _is_fresh(rhythm):
        return b""
    faded = _FADED.pack(rhythm.log_gap, *rhythm.powers, *rhythm.visits)
    return faded if follows else faded + _WEIGHT.pack(weight)


def _is_fresh(rhythm: Rhythm) -> bool:
    one = float(rhythm.days)
    return not rhythm.log_gap and not any(rhythm.powers) and all(one == n for n in rhythm.visits)


def _unpack_faded(rhythm: Rhythm, faded: bytes) -> None:
    days = rhythm.days
    if not faded:
        rhythm.visits = [float(days)] * len(HALF_LIVES)
        return
    rhythm.log_gap, *values = _FADED.unpack_from(faded)
    rhythm.powers, rhythm.visits = values[: len(POWERS)], values[len(POWERS) :]
    if len(faded) > _FADED.size:
        (rhythm.weight,) = _WEIGHT.unpack_from(faded, _FADED.size)
    else:
        rhythm.weight = _WEIGHTS[days]


@lru_cache(maxsize=1024)
def _places(kinds: int) -> tuple[int, ...]:
    """Return the places of the bits that `which` sets."""
    return tuple(place for place in range(KINDS_COUNT) if kinds >> (KINDS_COUNT - 1 - place) & 1)
