"""A customer's state as bytes and back: few, versioned, and the same bytes for the same state.

The bytes are a MessagePack list of plain data, never code. Most numbers are written as what they
differ by from what they usually are (the last event is an activity, the floor is the oldest day),
and what most customers have nothing of is not written at all: a number says by its bits what is.
Of the rhythm the gaps are written, from which it follows; amounts are hundredths; ids lie in the
order of their seconds, of which the steps are kept. What has been written of ids and of days that
are over is kept in memory, for most of a customer is the same the next time.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import compress
from typing import Any, Final

import msgspec

from features import lexicon
from features.compact import Damaged, brief, flags, full, scaled, unscaled, whole
from features.customer import CustomerState
from features.definition import Definition
from features.former import of_version_1, of_version_2
from features.rhythm_codec import pack_rhythm, unpack_rhythm
from features.seen import SeenIds
from features.silence import NEVER
from features.tiles import KINDS_COUNT, PackedTiles, Tiles, oldest_day
from features.tiles_codec import pack_tiles, unpack_hours, unpack_spend, unpack_tiles
from features.timeline import DAY, HOUR, SECOND, Millis
from features.told import Told
from features.trail import Trail
from features.versions import Step, up_to_date

STATE_VERSION: Final = 5
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[Any])
#: In place of times and words: all traits were told when the customer was first seen.
_TOLD_AT_FIRST: Final = 1
#: How many things there are that not every customer has.
_SELDOM: Final = 16


def encode_state(state: CustomerState) -> bytes:
    """Return the state as bytes; equal states give equal bytes.

    Examples
    --------
    >>> ada = CustomerState(Definition())
    >>> decode_state(encode_state(ada), Definition()).first_seen == ada.first_seen
    True
    """
    session, rhythm = state.session, state.rhythm
    last_seen, last_activity = state.last_seen, state.last_activity
    last_day = rhythm.last_day
    check_due = state.check_due
    tiles = pack_tiles(state)
    last_id, ids, seconds = state.ids.store()
    seldom = _seldom(state, tiles, last_id)
    return _encoder.encode(
        [
            STATE_VERSION,
            flags(seldom),
            last_day,
            last_seen - last_day * DAY,
            brief(state.now - last_seen),
            # It is always after the activity.
            brief(check_due - last_activity) if check_due < NEVER else 0,
            state.first_seen - rhythm.first_day * DAY,
            rhythm.last_day - rhythm.first_day,
            pack_rhythm(rhythm),
            tiles.kinds,
            tiles.counts,
            session.ended,
            session.ended_length,
            tiles.days,
            ids,
            seconds,
            *compress(seldom, seldom),
        ]
    )


def _seldom(state: CustomerState, tiles: PackedTiles, last_id: int) -> tuple[Any, ...]:
    """Return what not every customer has; nothing, an empty list or 0 for what is not there.

    What most have comes first: of that it takes the fewest bytes to say which it is.
    """
    session, money, last_seen = state.session, state.money, state.last_seen
    oldest = oldest_day(last_seen)
    spent, flat = tiles.spend
    return (
        money.orders
        and (
            money.orders,
            money.last_order,
            scaled(money.spent),
            whole(money.log_amount),
            scaled(money.last_amount),
            whole(money.quantity),
        ),
        tiles.hours,
        flat and (spent - oldest, flat),
        lexicon.written(state.traits),
        _pack_told(state),
        session.cart_abandons,
        session.checkout_abandons,
        state.negatives and (state.negatives, last_seen - state.last_negative),
        session.events and (session.events, session.seen, session.last - session.start),
        state.ratings and (state.ratings, whole(state.ratings_sum), whole(state.last_rating)),
        last_seen - state.last_activity,
        last_seen - session.last,
        state.events - session.events - session.ended_events,
        state.floor - oldest * DAY,
        last_seen // SECOND - last_id,
        (state.trail is not None or state.visitors)
        and (
            None if state.trail is None else state.trail.stored(),
            list(state.visitors.items()),
        ),
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
    ValueError, TypeError
        If none did.
    """
    (
        _,
        present,
        last_day,
        last_seen,
        now,
        check_due,
        first_seen,
        span,
        rhythm,
        bits,
        counts,
        ended,
        ended_length,
        days,
        ids,
        seconds,
        *rest,
    ) = up_to_date(_decoder.decode(data), STATE_VERSION, STEPS)
    places = _places(present)
    if len(places) != len(rest) or present >> _SELDOM or not all(rest):
        raise Damaged("they are no state: of what not everybody has there is more or less")
    seldom: list[Any] = [0] * _SELDOM
    for place, each in zip(places, rest, strict=True):
        seldom[place] = each
    (
        bought,
        hours,
        spend,
        traits,
        told,
        cart_abandons,
        checkout_abandons,
        negatives,
        under_way,
        ratings,
        last_activity,
        session_last,
        ended_events,
        floor,
        last_id,
        visits,
    ) = seldom
    state = CustomerState(definition)
    session, money, kinds = state.session, state.money, state.kinds
    state.rhythm = unpack_rhythm(rhythm, last_day, span, definition.horizon_days)
    state.last_seen = last_seen = last_seen + last_day * DAY
    state.last_activity = last_activity = last_seen - last_activity
    state.now = last_seen + full(now)
    if check_due:
        state.check_due = last_activity + full(check_due)
    oldest = oldest_day(last_seen)
    state.floor = oldest * DAY + floor
    state.first_seen = (last_day - span) * DAY + first_seen
    # Each is of one kind.
    state.events = events = sum(counts)
    for place, count in zip(_kinds(bits), counts, strict=True):
        kinds[place] = count
    if bought:
        money.orders, money.last_order, spent, log_amount, last_amount, money.quantity = bought
        money.spent, money.log_amount = unscaled(spent), log_amount
        money.last_amount = unscaled(last_amount)
    if negatives:
        state.negatives, ago = negatives
        state.last_negative = last_seen - ago
    if ratings:
        state.ratings, state.ratings_sum, state.last_rating = ratings
    session.start = session.last = last_seen - session_last
    if under_way:
        session.events, session.seen, length = under_way
        session.start -= length
    session.ended, session.ended_length = ended, ended_length
    session.ended_events = events - session.events - ended_events
    session.cart_abandons, session.checkout_abandons = cart_abandons, checkout_abandons
    state.tiles = Tiles(
        unpack_hours(hours, days, last_seen // HOUR) if hours else {},
        unpack_tiles(days, oldest),
        unpack_spend(oldest + spend[0], spend[1]) if spend else {},
    )
    if ids:
        state.ids = SeenIds.stored(last_seen // SECOND - last_id, ids, seconds)
    if traits:
        state.traits = Told(lexicon.read(traits))
    if told:
        state.traits = _unpack_told(told, state.traits, state.first_seen, last_seen)
    if visits:
        trail, visitors = visits
        state.trail = None if trail is None else Trail.restored(trail)
        state.visitors = {visitor: number for visitor, number in visitors}
    return state


def _pack_told(state: CustomerState) -> int | list[Any]:
    """Return when traits were told, and what was said of being written to."""
    traits, first = state.traits, state.first_seen
    times = traits.times
    if not (times or traits.words):
        return 0
    if len(times) == len(traits) and not traits.words and set(times.values()) == {first}:
        return _TOLD_AT_FIRST
    return traits.stored(state.last_seen)


def _unpack_told(told: Any, traits: Told, first_seen: Millis, last_seen: Millis) -> Told:
    if told == _TOLD_AT_FIRST:
        traits.times = dict.fromkeys(traits, first_seen)
        return traits
    return Told.restored(traits, told, last_seen)


def _from_version_1(fields: list[Any]) -> list[Any]:
    anew: list[Any] = _decoder.decode(encode_state(of_version_1(fields)))
    return anew


def _from_version_2(fields: list[Any]) -> list[Any]:
    anew: list[Any] = _decoder.decode(encode_state(of_version_2(fields)))
    return anew


#: What brings a state of an older version up to date. Versions 3 and 4 had more at the end.
STEPS: Final[dict[int, Step]] = {
    1: _from_version_1,
    **dict.fromkeys((2, 3, 4), _from_version_2),
}


@lru_cache(maxsize=4096)
def _places(bits: int) -> tuple[int, ...]:
    """Return the places of the bits that are set, the first place the lowest."""
    return tuple(place for place in range(_SELDOM) if bits >> place & 1)


@lru_cache(maxsize=4096)
def _kinds(bits: int) -> tuple[int, ...]:
    """Return the kinds that there are, the first kind the highest bit."""
    return tuple(kind for kind in range(KINDS_COUNT) if bits >> (KINDS_COUNT - 1 - kind) & 1)
