"""What is believed of customers and done about them: the second half of `streams.pipeline`.

Every decision point of a batch is scored by now. In the order in which things happened, each is
decided, and what became of earlier predictions is learnt. What is limited for the shop as a whole
is asked for on the way: a customer whose decision waits for an answer waits with all that comes
after it, and is first in line again; the others go on.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Generator, Sequence
from hashlib import blake2b
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np

from features import Millis, Sketch
from models.deciding import (
    NOTHING_PROMISED,
    Cause,
    Decision,
    Ledger,
    Prediction,
    Promised,
    Verdict,
    decision_id,
    rounded,
)
from models.learning import LAST, Judge, TrainingExample, vector_of
from models.limits import MOST_AT_ONCE, Answer, Request
from models.playbooks import rememberable
from streams.alerting import Scored, alert_of, point_of
from streams.batch import Customer, Decided, Effects, Shop, TakenOver
from streams.ruling import Ruling, rule


class Moment(NamedTuple):
    """Something that concerns a customer's ledger: an activity, a decision point, or its end.

    Parameters
    ----------
    user_id, customer, at
        Whose, and when.
    watermark
        What the partition's was before.
    cause
        Why the customer is scored; None for an activity and for the end.
    row
        Row of the score; `NO_ROW` for an activity, `THE_END` for the end, `TAKES_OVER` where the
        customer was a visitor.
    first
        Of the end, which of the effects is the first event that is handed over; None if none is.
    promised
        To the visitor whom the customer was.
    """

    user_id: str
    customer: Customer
    at: Millis
    watermark: Millis
    cause: Cause | None
    row: int
    first: int | None = None
    promised: Promised | None = None


#: The row of an activity, that of the moment at which a visitor turned out to be a customer, and
#: that of the moment at which the customer learns of it.
NO_ROW: Final = -1
THE_END: Final = -2
TAKES_OVER: Final = -3


class _Waiting(NamedTuple):
    """A decision that waits for an answer of the shop's limits."""

    place: int
    customer: Customer
    scored: Scored
    request: Request
    ruling: Generator[Request, Answer, Ruling]


def judge_and_decide(
    shop: Shop,
    judge: Judge,
    effects: Effects,
    moments: Sequence[Moment],
    vectors: Sequence[array[float]],
    sketches: Sequence[Sketch | None],
    traits: Sequence[dict[str, str]],
) -> Generator[Sequence[Request], Sequence[Answer], None]:
    """Score the decision points of a batch, decide, and learn what became of predictions.

    Parameters
    ----------
    shop, judge
        The rules, and the model.
    effects
        Takes what comes of it.
    moments
        In the order in which they happened.
    vectors, traits
        Of each row what is scored, and what the shop had said of the customer; no traits where no
        plan asks for them.

    Yields
    ------
    sequence of Request
        What the shop's limits must be asked; the answers are sent.
    """
    #: Who waits for an answer of the shop's limits.
    waiting: dict[str, _Waiting] = {}
    places: list[int] = []
    if vectors:
        joined = np.frombuffer(b"".join(vectors), dtype=np.float32)
        effects.vectors = joined.reshape(len(vectors), -1)
        effects.judgement = judgement = judge.judge(effects.vectors)
        weights = shop.explainer.weigh(judgement)
        risks = judgement.told()
    for place, moment in enumerate(moments):
        user_id, customer, at, watermark, cause, row, _, promised = moment
        if waiting and (user_id in waiting or len(waiting) == MOST_AT_ONCE):
            yield from _hear(shop, effects, waiting, places)
        if row == THE_END:
            _withdraw(shop, moment, effects)
            continue
        if promised is not None:
            _take_over(shop, customer, promised)
            effects.taken_over.append(TakenOver(user_id, place, promised))
            continue
        if cause is None:
            note_activity(shop, user_id, customer, at, watermark, effects)
            continue
        ledger = customer.ledger
        known = min(watermark, at)
        if ledger.pending and ledger.due() <= known:
            mature(shop, user_id, customer, known, effects)
        if not ledger.has_decided(at, cause):
            grounds = shop.explainer.grounds(weights[row], shop.catalogue.facts(vectors[row]))
            told = traits[row] if traits else None
            version, vector, sketch = judgement.version, vectors[row], sketches[row]
            scored = Scored(row, at, cause, risks[row], version, vector, sketch, grounds, told)
            waits = _decide(shop, user_id, customer, scored, place, effects)
            if waits is None:
                places.append(place)
            else:
                waiting[user_id] = waits
    if waiting:
        yield from _hear(shop, effects, waiting, places)
    _in_order(effects, places)


def _hear(
    shop: Shop, effects: Effects, waiting: dict[str, _Waiting], places: list[int]
) -> Generator[Sequence[Request], Sequence[Answer], None]:
    """Ask for those who wait, and decide by the answers."""
    answers = yield [each.request for each in waiting.values()]
    for (user_id, each), answer in zip(waiting.items(), answers, strict=True):
        try:
            each.ruling.send(answer)
        except StopIteration as done:
            _conclude(shop, user_id, each.customer, each.scored, done.value, effects)
        places.append(each.place)
    waiting.clear()


def _in_order(effects: Effects, places: Sequence[int]) -> None:
    """Put what was decided in the order of the moments, where some had to wait."""
    if effects.taken_over:
        ordered = sorted(places)
        effects.taken_over = [
            each._replace(before=bisect_left(ordered, each.before)) for each in effects.taken_over
        ]
    if any(after < before for before, after in pairwise(places)):
        alerts = {each.alert_id: each for each in effects.alerts}
        order = sorted(range(len(places)), key=places.__getitem__)
        effects.decided = [effects.decided[number] for number in order]
        effects.alerts = [
            alerts[decision_id(name, decision.at, decision.cause)]
            for name, decision, *_ in effects.decided
            if decision.alert
        ]


def note_activity(
    shop: Shop, user_id: str, customer: Customer, at: Millis, watermark: Millis, effects: Effects
) -> None:
    """Answer the predictions that wait for an activity; those that it came too late for mature."""
    ledger = customer.ledger
    if ledger.pending and ledger.due() <= watermark:
        mature(shop, user_id, customer, watermark, effects)
    customer.ledger_changed |= ledger.note_activity(at)


def _withdraw(shop: Shop, moment: Moment, effects: Effects) -> None:
    """End what was believed of a visitor who is a customer: what is awaited, awaits the latter.

    What was promised goes there, with the first of the events.
    """
    customer, first = moment.customer, moment.first
    mature(shop, moment.user_id, customer, moment.watermark, effects)
    promised = customer.ledger.promised
    if first is not None and promised != NOTHING_PROMISED:
        effects.passed[first] = effects.passed[first]._replace(promised=promised)
    pending = len(customer.ledger.pending)
    if pending:
        effects.counts["pending"] -= pending
    customer.ledger, customer.ledger_changed = Ledger(), True


def _take_over(shop: Shop, customer: Customer, promised: Promised) -> None:
    """Keep what a customer was promised as a visitor."""
    ledger = customer.ledger
    both = ledger.promised.with_those_of(promised)
    ledger.standing, customer.ledger_changed = both.standing, True
    if shop.plan is not None:
        ledger.sent = rememberable(both.sent)


def _decide(
    shop: Shop, user_id: str, customer: Customer, scored: Scored, place: int, effects: Effects
) -> _Waiting | None:
    """Decide on a customer, or return what the decision waits for."""
    ledger = customer.ledger
    verdict = shop.policy.decide(user_id, scored.at, scored.cause, scored.risk, ledger.standing)
    ruling = None
    if verdict.alert and shop.plan is not None:
        point = point_of(shop, user_id, scored)
        steps = rule(shop, shop.plan, point, verdict, ledger.standing, ledger.sent)
        try:
            request = next(steps)
        except StopIteration as done:
            ruling = done.value
        else:
            return _Waiting(place, customer, scored, request, steps)
    _conclude(shop, user_id, customer, scored, ruling or verdict, effects)
    return None


def _conclude(
    shop: Shop,
    user_id: str,
    customer: Customer,
    scored: Scored,
    decided: Ruling | Verdict,
    effects: Effects,
) -> None:
    """Log what is decided, and raise the alert if it is one."""
    ledger, counts = customer.ledger, effects.counts
    row, at, cause, risk, version, vector, sketch, grounds, traits = scored
    ruling = play = None
    if isinstance(decided, Ruling):
        ruling, verdict = decided, decided.verdict
        play, ledger.sent = ruling.play, ruling.sent
    else:
        verdict = decided
    alert, because, arm, band, ledger.standing = verdict
    counts["decisions"] += 1
    counts[_DECISIONS[cause]] += 1
    if because.code == "unfunded":
        counts["unfunded"] += 1
    treated = False
    if alert:
        counts["alerts"] += 1
        counts[f"alerts_{arm}"] += 1
        told = alert_of(shop, user_id, scored, verdict, ruling)
        effects.alerts.append(told)
        # Of whom chance gave the arm that does nothing can be learnt as of the held-out.
        treated = told.action != "none"
    reasons = rounded(grounds)
    decision = Decision(at, cause, risk, band, arm, version, alert, because, reasons, play)
    ledger.log(decision)
    kept = len(ledger.pending) < shop.max_pending and _is_kept(shop, user_id, at)
    effects.decided.append(Decided(user_id, decision, row, kept, traits))
    if not kept:
        counts["unkept"] += 1
    else:
        counts["pending"] += 1
        due = at + shop.definition.horizon + 1
        prediction = Prediction(at, due, cause, risk, version, vector.tobytes(), treated)
        prediction.sketch = sketch
        ledger.keep(prediction)
    customer.ledger_changed = True


#: Under which name each cause is counted.
_DECISIONS: Final[dict[str, str]] = {
    cause: f"decisions_{cause}" for cause in ("silence", "distress", "session_end")
}


def _is_kept(shop: Shop, user_id: str, at: Millis) -> bool:
    """Whether a prediction is among the share that is kept: always the same answer."""
    if shop.keep >= 1:
        return True
    digest = blake2b(f"keep|{user_id}|{at}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64 < shop.keep


def mature(
    shop: Shop, user_id: str, customer: Customer, watermark: Millis, effects: Effects
) -> None:
    """Make examples of the predictions of which the watermark tells what became."""
    for prediction, stage, matured_at, label, returned_in in customer.ledger.mature(watermark):
        customer.ledger_changed = True
        example_id = decision_id(user_id, prediction.at, prediction.cause)
        effects.counts["examples"] += 1
        if stage == LAST:
            effects.counts["matured"] += 1
            effects.counts["pending"] -= 1
        effects.examples.append(
            TrainingExample(
                example_id=example_id if stage == LAST else f"{example_id}.{stage}",
                user_id=user_id,
                at=prediction.at,
                matured_at=matured_at,
                cause=prediction.cause,
                label=label,
                stage=stage,
                returned_in=returned_in,
                risk=prediction.risk,
                model_version=prediction.version,
                treated=prediction.treated,
                catalogue=shop.catalogue.fingerprint,
                vector=vector_of(prediction.vector),
            )
        )


__all__ = [
    "NO_ROW",
    "TAKES_OVER",
    "THE_END",
    "Moment",
    "judge_and_decide",
    "mature",
    "note_activity",
]
