"""A customer's state as bytes and back: few, versioned, and the same bytes for the same state.

The bytes are a MessagePack list of plain numbers, never code. Most numbers are written as what
they differ by from what they usually are (the last event is an activity, the gaps sum up to the
days between the first visit and the last), so most take a byte; amounts are hundredths; ids lie
in the order of their seconds, of which the steps are kept. What has been written of ids and of
days that are over is kept in memory, for most of a customer is the same the next time.
"""

from __future__ import annotations

from bisect import bisect_left
from functools import lru_cache
from itertools import accumulate, islice
from struct import Struct
from typing import Any, Final

import msgspec

from features.compact import (
    Damaged,
    pack_steps,
    scaled,
    unpack_steps,
    unscaled,
    which,
    whole,
)
from features.customer import CustomerState
from features.definition import Definition
from features.events import Kind
from features.former import of_version_1
from features.rhythm import FADING, HALF_LIVES, POWERS, Rhythm
from features.seen import SeenIds
from features.silence import NEVER
from features.tiles import (
    KIND_BITS,
    KIND_MASK,
    KINDS_COUNT,
    NO_RUNS,
    PackedTiles,
    Runs,
    Tiles,
    oldest_day,
)
from features.timeline import DAY, HOUR, SECOND
from features.versions import Step, up_to_date

STATE_VERSION: Final = 2
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[Any])
#: A tile's kind and count in a byte; from this count on, the rest follows.
_COUNT_BITS: Final = 3
_MANY: Final = (1 << _COUNT_BITS) - 1
#: Hours of a day.
_HOURS: Final = DAY // HOUR
_FADED: Final = Struct(f"<{1 + len(POWERS) + len(HALF_LIVES)}d")
_WEIGHT: Final = Struct("<d")
_PURCHASE: Final = int(Kind.PURCHASE)


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
    tiles = _pack_tiles(state)
    last_id, ids, seconds = state.ids.store()
    return _encoder.encode(
        [
            STATE_VERSION,
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
            state.events - sum(tiles.counts),
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
        ]
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
    fields = up_to_date(_decoder.decode(data), STATE_VERSION, STEPS)
    state = CustomerState(definition)
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
        events,
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
        state.traits,
    ) = fields
    last_seen += rhythm.last_day * DAY
    last_activity = last_seen - last_activity
    rhythm.first_day = rhythm.last_day - span
    rhythm.sum_gap = sum_gap + span
    _unpack_faded(rhythm, faded)
    state.last_seen = last_seen
    state.last_activity = last_activity
    state.now = last_seen + now
    state.check_due = NEVER if check_due is None else last_activity + check_due
    state.floor = oldest_day(last_seen) * DAY + floor
    state.first_seen = rhythm.first_day * DAY + first_seen
    state.events = events + sum(counts)
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
        _unpack_tiles(hours, oldest * _HOURS), _unpack_tiles(days, oldest), _unpack_spend(spend)
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


# -- tiles --------------------------------------------------------------------------------------


def _pack_tiles(state: CustomerState) -> PackedTiles:
    """Return the tiles of hours and of days, the money and the counts, as they are stored.

    Only an event changes them; of days that are over, only a late one.
    """
    tiles, events = state.tiles, state.events
    packed = tiles.packed
    if packed is None:
        packed = tiles.packed = PackedTiles(tiles.days)
    elif packed.events == events:
        return packed
    packed.events = events
    days, spend, kinds = tiles.days, tiles.spend, state.kinds
    if packed.of is not days:
        packed.since(days)
    today = state.last_seen // DAY << KIND_BITS
    # Those of the days that are not over were added last, unless one came late.
    keys = sorted(islice(reversed(days), len(days) - packed.sealed.tiles))
    if keys and keys[0] >> KIND_BITS < packed.until:
        days = tiles.days = dict(sorted(days.items()))
        packed.since(days)
        keys = list(days)
    if keys and keys[0] < today:
        over = bisect_left(keys, today)
        packed.sealed = _pack_runs(keys[:over], days, packed.sealed)
        packed.until = today >> KIND_BITS
        del keys[:over]
    oldest = oldest_day(state.last_seen)
    packed.days = _columns(_pack_runs(keys, days, packed.sealed), oldest)
    hours = tiles.hours
    packed.hours = _columns(_pack_runs(sorted(hours), hours, NO_RUNS), oldest * _HOURS)
    packed.kinds, packed.counts = which(kinds), [count for count in kinds if count]
    purchases = kinds[_PURCHASE]
    if packed.spend_of is not spend or packed.purchases != purchases:
        packed.spend_of, packed.purchases = spend, purchases
        packed.spend = _pack_spend(spend)
    return packed


def _pack_runs(keys: list[int], tiles: dict[int, int], before: Runs) -> Runs:
    """Return what was written before, and behind it the tiles of hours or days that follow."""
    if not keys:
        return before
    first, number, _, heads, kinds, many = before
    steps, packed = [], bytearray()
    lacks: list[int] = []
    run = 0
    for key in keys:
        if key >> KIND_BITS != number:
            if run:
                steps.append(run)
                run = 0
            if number >= 0:
                steps.append((key >> KIND_BITS) - number)
            else:
                first = key >> KIND_BITS
            number = key >> KIND_BITS
        run += 1
        count = tiles[key]
        if count >= _MANY:
            lacks.append(count - _MANY)
            count = _MANY
        packed.append((key & KIND_MASK) << _COUNT_BITS | count)
    steps.append(run)
    if lacks:
        many += pack_steps(lacks)
    return Runs(
        first, number, before.tiles + len(keys), heads + pack_steps(steps), kinds + packed, many
    )


def _columns(runs: Runs, base: int) -> list[Any]:
    first, _, count, heads, kinds, many = runs
    if not count:
        return []
    found: list[Any] = [first - base, heads, kinds]
    if many:
        found.append(many)
    return found


def _unpack_tiles(columns: list[Any], base: int) -> dict[int, int]:
    if not columns:
        return {}
    first, packed, kinds, *many = columns
    # Nearly always, a byte is a number.
    heads = packed if packed.isascii() else unpack_steps(packed)
    if sum(heads[::2]) != len(kinds):
        raise Damaged("there are more or fewer tiles than they should be")
    tiles: dict[int, int] = {}
    number, place = base + first, 0
    steps = iter(heads[1::2])
    for size in heads[::2]:
        start = number << KIND_BITS
        for each in kinds[place : place + size]:
            tiles[start | each >> _COUNT_BITS] = each & _MANY
        place += size
        number += next(steps, 0)
    if many:
        lacks = iter(unpack_steps(many[0]))
        for key, count in tiles.items():
            if count == _MANY:
                tiles[key] += next(lacks)
    return tiles


def _pack_spend(spend: dict[int, float]) -> list[float]:
    """Return steps from day to day, and the money of each."""
    flat: list[float] = []
    before = 0
    for day in sorted(spend):
        flat += (day - before, scaled(spend[day]))
        before = day
    return flat


def _unpack_spend(flat: list[Any]) -> dict[int, float]:
    return dict(zip(accumulate(flat[::2]), map(unscaled, flat[1::2]), strict=True))
