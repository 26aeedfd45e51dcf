"""A ledger as bytes and back: few, versioned, and the same bytes for the same ledger.

A MessagePack list of plain numbers. Times are told by what they differ by; what many decisions
share is said once; a prediction says which of the decisions it is of, and its vector by what it
differs by from the one before.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from operator import sub
from typing import Any, Final

import msgspec

from features import Damaged, Millis, Step, UnknownVersion, up_to_date
from models.deciding.decision import Decision
from models.deciding.log import DecisionLog
from models.deciding.policy import Because, Standing
from models.deciding.prediction import AWAY, CAME, Prediction
from models.deciding.sent import Sent, pack_sent, unpack_sent
from models.judging import Ground
from models.learning import LAST

LEDGER_VERSION: Final = 3
#: The same with one more field at the end: what was done, which a plan must remember. A customer
#: of whom nothing must be remembered pays nothing for it.
_WITH_SENT: Final = 4
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[Any])
#: How the stages of a prediction stand, in one number.
_PASSED_BITS: Final = 2
_RETURNED_BITS: Final = 3
_TREATED: Final = 1 << _PASSED_BITS + _RETURNED_BITS


def pack_ledger(
    standing: Standing,
    log: DecisionLog,
    pending: Sequence[Prediction],
    sent: Sequence[Sent] = (),
) -> bytes:
    """Return a ledger as bytes."""
    at = log.at
    base = at[-1] if at else pending[0].at if pending else 0
    horizon = 0
    packed: list[Any] = []
    if pending:
        horizon = pending[0].due - pending[0].at
        packed = _pack_pending(pending, log, base, horizon)
    raised, alerted_at = standing
    return _encoder.encode(
        [
            _WITH_SENT if sent else LEDGER_VERSION,
            base,
            raised,
            base - alerted_at if alerted_at >= 0 else None,
            log.shared,
            bytes(log.which),
            list(map(sub, at[1:], at)),
            log.rests,
            horizon,
            packed,
            *((pack_sent(sent, base),) if sent else ()),
        ]
    )


def _pack_pending(
    pending: Sequence[Prediction], log: DecisionLog, base: Millis, horizon: Millis
) -> list[Any]:
    packed: list[Any] = []
    before = None
    at_of = log.at
    for each in pending:
        at = each.at
        stages = (each.returned_in - AWAY) << _PASSED_BITS | each.passed
        if each.treated:
            stages |= _TREATED
        vector = each.pack(before)
        before = each
        said = each.cause, each.risk, each.version
        if at in at_of and each.due - at == horizon:
            place = at_of.index(at)
            if log.said(place) == said:
                packed.append((place, stages, vector))
                continue
        packed.append((base - at, each.due - at, *said, stages, vector))
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
        fields = _decoder.decode(data)
        sent: tuple[Sent, ...] = ()
        if fields and fields[0] == _WITH_SENT:
            *fields, packed = fields
            fields[0] = LEDGER_VERSION
            sent = unpack_sent(packed, fields[1])
        return (*_unpack(up_to_date(fields, LEDGER_VERSION, STEPS)), sent)
    except UnknownVersion:
        raise
    except (LookupError, TypeError, ValueError, ArithmeticError) as error:
        raise Damaged(f"they are no ledger: {error}") from error


def _unpack(fields: list[Any]) -> tuple[Standing, DecisionLog, list[Prediction]]:
    _, base, raised, alerted, shared, which, steps, rests, horizon, packed = fields
    moments = list(accumulate(steps, initial=base - sum(steps))) if rests else []
    if not len(moments) == len(which) == len(rests) or max(which, default=-1) >= len(shared):
        raise Damaged("they are no ledger: of some decision something is missing")
    groups = [(name, because, limit) for name, because, limit in shared]
    log = DecisionLog(moments, groups, list(which), rests)
    pending: list[Prediction] = []
    before = None
    for each in packed:
        if len(each) == 3:
            place, stages, vector = each
            at, due = moments[place], moments[place] + horizon
            cause, risk, version = log.said(place)
        else:
            at, due, cause, risk, version, stages, vector = each
            at = base - at
            due += at
        if not isinstance(vector, bytes):
            raise Damaged("they are no ledger: a vector is no bytes")
        prediction = Prediction(at, due, cause, risk, version, b"")
        prediction.passed = stages & (1 << _PASSED_BITS) - 1
        stages >>= _PASSED_BITS
        prediction.returned_in = (stages & (1 << _RETURNED_BITS) - 1) + AWAY
        prediction.treated = bool(stages >> _RETURNED_BITS)
        prediction.unpack(vector, before)
        pending.append(prediction)
        before = prediction
    return Standing(raised, -1 if alerted is None else base - alerted), log, pending


def _tell_the_stages(fields: list[Any]) -> list[Any]:
    """Of a prediction of version 1 it is known whether the customer came back, but not when."""
    _, raised, alerted_at, pending, decisions = fields
    for prediction in pending:
        # Its earlier stages are never told: nobody noted who had come back in them.
        *kept, returned = prediction
        prediction[:] = [*kept, CAME if returned else AWAY, LAST]
    return [2, raised, alerted_at, pending, decisions]


def _say_once(fields: list[Any]) -> list[Any]:
    """Version 2 kept the decisions in words, which stay."""
    _, raised, alerted_at, pending, decisions = fields
    log = DecisionLog.of([_in_words(*each) for each in decisions])
    predictions = [Prediction(*each) for each in pending]
    anew: list[Any] = _decoder.decode(pack_ledger(Standing(raised, alerted_at), log, predictions))
    return anew


def _in_words(
    at: Millis,
    cause: str,
    risk: float,
    band: str,
    arm: str,
    version: str,
    alert: bool,
    why: str,
    reasons: list[tuple[str, str, float]],
) -> Decision:
    grounds = [Ground(code, part, {}, text) for code, text, part in reasons]
    return Decision(at, cause, risk, band, arm, version, alert, Because(why), grounds)


#: What brings a ledger of an older version up to date: from that version to the next.
STEPS: Final[dict[int, Step]] = {1: _tell_the_stages, 2: _say_once}
