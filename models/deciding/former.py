"""A ledger as former versions stored it."""

from __future__ import annotations

from itertools import accumulate
from typing import Any, Final

import msgspec

from features import Damaged, Millis, unscaled
from models.deciding.decision import ARMS, BANDS, CAUSES, GROUNDS, NUMBERS, WHYS, Decision
from models.deciding.log import DecisionLog
from models.deciding.policy import Because, Standing
from models.deciding.prediction import AWAY, CAME, Prediction
from models.deciding.sent import Sent, unpack_sent
from models.judging import Ground
from models.learning import LAST

_WITH_SENT: Final = 4
_PASSED_BITS: Final = 2
_RETURNED_BITS: Final = 3
_THOUSANDTHS: Final = 1000
_decoder = msgspec.msgpack.Decoder(list[Any])


def of_version_1(fields: list[Any]) -> tuple[Standing, DecisionLog, list[Prediction]]:
    """Return standing, decisions and predictions of version 1.

    Of its predictions it is known whether the customer came back, but not when.
    """
    version, raised, alerted_at, pending, decisions = fields
    told = []
    for prediction in pending:
        # Its earlier stages are never told: nobody noted who had come back in them.
        *kept, returned = prediction
        told.append([*kept, CAME if returned else AWAY, LAST])
    return of_version_2([version, raised, alerted_at, told, decisions])


def of_version_2(fields: list[Any]) -> tuple[Standing, DecisionLog, list[Prediction]]:
    """Return what version 2 kept, its decisions in words, which stay."""
    _, raised, alerted_at, pending, decisions = fields
    log = DecisionLog.of([_in_words(*each) for each in decisions])
    return Standing(raised, alerted_at), log, [Prediction(*each) for each in pending]


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


def of_version_3(
    fields: list[Any],
) -> tuple[Standing, DecisionLog, list[Prediction], tuple[Sent, ...]]:
    """Return what version 3 kept, or 4, which had what must be remembered of what was done."""
    sent: tuple[Sent, ...] = ()
    if fields[0] == _WITH_SENT:
        *fields, told = fields
        sent = unpack_sent(told, fields[1])
    _, base, raised, alerted, shared, which, steps, rests, horizon, packed = fields
    moments = list(accumulate(steps, initial=base - sum(steps))) if rests else []
    if not len(moments) == len(which) == len(rests) or max(which, default=-1) >= len(shared):
        raise Damaged("they are no ledger: of some decision something is missing")
    decisions = [
        _recalled(at, shared[place], rest)
        for at, place, rest in zip(moments, which, rests, strict=True)
    ]
    pending: list[Prediction] = []
    before = None
    for each in packed:
        if len(each) == 3:
            place, stages, vector = each
            at, due = moments[place], moments[place] + horizon
            said = decisions[place]
            cause, risk, version = said.cause, said.risk, said.version
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
    standing = Standing(raised, -1 if alerted is None else base - alerted)
    return standing, DecisionLog.of(decisions), pending, sent


def _recalled(at: Millis, shared: list[Any], rest: bytes) -> Decision:
    fields = _decoder.decode(rest)
    name, because, limit = shared
    if because < 0:
        return msgspec.convert({"at": at, **fields[0]}, Decision)
    why = WHYS[because]
    told = iter(fields)
    flags, risk = next(told), next(told)
    first = risk if why in ("below", "reached") else unscaled(next(told), 1)
    version = f"{name}{next(told)}" if flags >> 6 & 1 else name
    grounds = []
    for code in told:
        contribution = unscaled(next(told), _THOUSANDTHS)
        found = {each: next(told) for each in NUMBERS[GROUNDS[code]]}
        plain = {each: unscaled(value) for each, value in found.items() if value is not None}
        grounds.append(Ground(GROUNDS[code], contribution, plain))
    return Decision(
        at,
        CAUSES[flags & 3],
        risk,
        BANDS[flags >> 2 & 3],
        ARMS[flags >> 4 & 1],
        version,
        bool(flags >> 5 & 1),
        Because(why, (first, unscaled(limit))),
        grounds,
    )
