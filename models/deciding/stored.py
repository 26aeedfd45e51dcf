"""A ledger as bytes and back: few, versioned, and the same bytes for the same ledger.

A MessagePack list of plain data. Times are told by what they differ by; what many decisions share
is said once; a prediction says which of the decisions it is of, and its vector what it is made of,
by what differs from the one before. The gaps, which all of them share, are told once.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

import msgspec

from features import (
    Damaged,
    Millis,
    Sketch,
    Step,
    UnknownVersion,
    brief,
    full,
    pack_steps,
    unpack_steps,
    up_to_date,
)
from models.deciding.decision import Shared
from models.deciding.former import of_version_1, of_version_2, of_version_3
from models.deciding.log import DecisionLog
from models.deciding.policy import Standing
from models.deciding.prediction import AWAY, Prediction
from models.deciding.sent import Sent, pack_sent, unpack_sent

LEDGER_VERSION: Final = 5
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[Any])
#: How the stages of a prediction stand, in one number.
_PASSED_BITS: Final = 2
_RETURNED_BITS: Final = 3
_TREATED: Final = 1 << _PASSED_BITS + _RETURNED_BITS
#: Its vector is told by what it is made of.
_SKETCHED: Final = _TREATED << 1


def pack_ledger(
    standing: Standing,
    log: DecisionLog,
    pending: Sequence[Prediction],
    sent: Sequence[Sent] = (),
) -> bytes:
    """Return a ledger as bytes."""
    at = log.at
    base = at[-1] if at else pending[0].at if pending else 0
    raised, alerted_at = standing
    packed: tuple[Any, ...] = ()
    if pending:
        horizon = pending[0].due - 1 - pending[0].at
        gaps = _share_gaps(pending)
        packed = (
            brief(horizon),
            pack_steps(gaps),
            *_pack_pending(pending, log, base, horizon),
        )
    return _encoder.encode(
        [
            LEDGER_VERSION,
            base,
            raised,
            base - alerted_at if alerted_at >= 0 else None,
            _pack_shared(log.shared),
            # Which of them each decision has, as the digits of one number.
            _as_number(log.which, len(log.shared)),
            log.times,
            b"".join([_LENGTHS[len(rest)] + rest for rest in log.rests]),
            packed,
            *((pack_sent(sent, base),) if sent else ()),
        ]
    )


def _pack_shared(groups: Sequence[Shared]) -> list[Any]:
    """Return what decisions share; the name of a model is not said twice running."""
    packed: list[Any] = []
    before = None
    for name, because, limit in groups:
        packed += (None if name == before else name, because, limit)
        before = name
    return packed


def _unpack_shared(packed: Sequence[Any]) -> list[Shared]:
    groups: list[Shared] = []
    before = ""
    for name, because, limit in zip(packed[::3], packed[1::3], packed[2::3], strict=True):
        before = before if name is None else name
        groups.append((before, because, limit))
    return groups


def _as_number(digits: Sequence[int], base: int) -> int:
    number = 0
    for digit in digits:
        number = number * base + digit
    return number


@lru_cache(maxsize=4096)
def _digits(number: int, base: int, count: int) -> tuple[int, ...]:
    digits = []
    for _ in range(count):
        number, digit = divmod(number, base)
        digits.append(digit)
    if number:
        raise Damaged("they are no ledger: of some decision something is missing")
    return tuple(reversed(digits))


class _Lengths(dict[int, bytes]):
    """How each length is written."""

    def __missing__(self, length: int) -> bytes:
        packed = pack_steps((length,))
        if length < 128:
            self[length] = packed
        return packed


_LENGTHS: Final = _Lengths()


def _share_gaps(pending: Sequence[Prediction]) -> Sequence[int]:
    """Return the gaps that all predictions share; who has others is told by its vector."""
    shared: Sequence[int] = ()
    newest = next((each.sketch for each in reversed(pending) if each.sketch is not None), None)
    if newest is None:
        return shared
    kept = newest.gaps
    for each in pending:
        sketch = each.sketch
        if sketch is None or sketch.gaps is kept:
            continue
        count = max(sketch.days - 1, 0)
        if count > len(kept) or sketch.gaps[:count] != kept[:count]:
            # A visit of before came to light.
            each.vector = each.vector
        else:
            sketch.gaps = kept
    return kept[: max(newest.days - 1, 0)]


def _pack_pending(
    pending: Sequence[Prediction], log: DecisionLog, base: Millis, horizon: Millis
) -> list[Any]:
    packed: list[Any] = []
    before: Prediction | None = None
    sketched: Sketch | None = None
    at_of = log.at
    for each in pending:
        at = each.at
        stages = (each.returned_in - AWAY) << _PASSED_BITS | each.passed
        if each.treated:
            stages |= _TREATED
        sketch = each.sketch
        if sketch is None:
            vector = each.pack(before)
            before = each
        else:
            stages |= _SKETCHED
            vector = sketch.pack(sketched)
            sketched = sketch
        said = each.cause, each.risk, each.version
        if at in at_of and each.due - 1 - at == horizon:
            place = at_of.index(at)
            if log.said(place) == said:
                packed += (place, stages, vector)
                continue
        packed += ((base - at, each.due - at, *said), stages, vector)
    return packed


def unpack_ledger(
    data: bytes,
) -> tuple[Standing, DecisionLog, list[Prediction], tuple[Sent, ...]]:
    """Return what the bytes of this version or of an older one hold.

    That is standing, decisions, predictions, and what must be remembered of what was done.

    Raises
    ------
    UnknownVersion
        If a newer Ebbtide wrote them.
    Damaged
        If none did.
    """
    try:
        return _unpack(up_to_date(_decoder.decode(data), LEDGER_VERSION, STEPS))
    except UnknownVersion:
        raise
    except (LookupError, TypeError, ValueError, ArithmeticError) as error:
        raise Damaged(f"they are no ledger: {error}") from error


def _unpack(
    fields: list[Any],
) -> tuple[Standing, DecisionLog, list[Prediction], tuple[Sent, ...]]:
    _, base, raised, alerted, shared, number, times, said, packed, *more = fields
    groups = _unpack_shared(shared)
    rests = _unpack_rests(said)
    which = list(_digits(number, len(groups), len(rests)))
    log = DecisionLog.restored(base, groups, which, rests, times)
    pending = _unpack_pending(packed, log, base) if packed else []
    sent = unpack_sent(more[0], base) if more else ()
    return Standing(raised, -1 if alerted is None else base - alerted), log, pending, sent


def _unpack_rests(said: Any) -> list[bytes]:
    """Return what decisions do not share, each behind its length."""
    if not isinstance(said, bytes):
        raise Damaged("they are no ledger: decisions are no bytes")
    rests: list[bytes] = []
    place = 0
    while place < len(said):
        length, end = said[place], place + 1
        if length > 127:
            while said[end] > 127:
                end += 1
            end += 1
            (length,) = unpack_steps(said[place:end])
        place = end + length
        rests.append(said[end:place])
    if place != len(said):
        raise Damaged("they are no ledger: a decision is too short")
    return rests


def _unpack_pending(packed: list[Any], log: DecisionLog, base: Millis) -> list[Prediction]:
    horizon, gaps, *rest = packed
    if not isinstance(gaps, bytes):
        raise Damaged("they are no ledger: gaps are no bytes")
    horizon, gaps = full(horizon), unpack_steps(gaps)
    pending: list[Prediction] = []
    before: Prediction | None = None
    sketched: Sketch | None = None
    for head, stages, vector in zip(rest[::3], rest[1::3], rest[2::3], strict=True):
        if isinstance(head, int):
            at = log.at[head]
            due = at + horizon + 1
            cause, risk, version = log.said(head)
        else:
            at, due, cause, risk, version = head
            at = base - at
            due += at
        if not isinstance(vector, bytes):
            raise Damaged("they are no ledger: a vector is no bytes")
        prediction = Prediction(at, due, cause, risk, version, b"")
        prediction.passed = stages & (1 << _PASSED_BITS) - 1
        prediction.returned_in = (stages >> _PASSED_BITS & (1 << _RETURNED_BITS) - 1) + AWAY
        prediction.treated = bool(stages & _TREATED)
        if stages & _SKETCHED:
            sketched = Sketch(gaps, None, vector, sketched)
            prediction.be_sketched(sketched)
        else:
            prediction.unpack(vector, before)
            before = prediction
        pending.append(prediction)
    return pending


def _from_version_1(fields: list[Any]) -> list[Any]:
    return _anew(*of_version_1(fields))


def _from_version_2(fields: list[Any]) -> list[Any]:
    return _anew(*of_version_2(fields))


def _from_version_3(fields: list[Any]) -> list[Any]:
    return _anew(*of_version_3(fields))


def _anew(
    standing: Standing,
    log: DecisionLog,
    pending: Sequence[Prediction],
    sent: Sequence[Sent] = (),
) -> list[Any]:
    anew: list[Any] = _decoder.decode(pack_ledger(standing, log, pending, sent))
    return anew


#: What brings a ledger of an older version up to date. Version 4 had more at the end than 3.
STEPS: Final[dict[int, Step]] = {
    1: _from_version_1,
    2: _from_version_2,
    **dict.fromkeys((3, 4), _from_version_3),
}
