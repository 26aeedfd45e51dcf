"""THE core: a batch of events and the customers they concern in, effects out.

    events ─► observe ─► vector ─► score ─► decide ─► alerts, examples, changed customers
    timers ──┘                                │
    labels ───────────────────────────────────┘

Pure: no clock, no chance, no I/O. The live worker and replay call the same `handle`, so what a
replay computes is what the worker computed. The rules, in order:

1. Before an event at t is applied, that customer's timers due by t, or by the watermark, fire
   at their own event times. So it does not matter how the log is cut into batches.
2. An event is applied once (by its id), in arrival order.
3. A decision point (a silence check, a session's end, distress) is scored on the customer as
   known then; all of a batch are scored at once, since scores do not change what is known.
4. A prediction is kept; what became of it is known when the watermark has passed a stage of its
   horizon, and becomes an example.
5. Every decision is logged, also the one not to act.
6. Visitors, who have not said who they are, are known but not judged, unless the shop wants it.
   When they say it, what they did is handed over to the customer, once, by way of the log.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Final, NamedTuple

import numpy as np

from features import (
    DAY,
    KINDS,
    Applied,
    Kind,
    Millis,
    Trail,
    is_distress,
    is_visitor,
    linked_customer,
    to_iso,
)
from models.deciding import (
    Cause,
    Decision,
    Ledger,
    Prediction,
    decision_id,
    rounded,
)
from models.learning import LAST, Judge, TrainingExample, vector_of
from streams.alerting import Scored, alert_of, point_of
from streams.batch import NO_WATERMARK, Arrival, Customer, Decided, Effects, Passed, Refusal, Shop
from streams.ruling import rule

# Members by names of their own: up to Python 3.11, looking one up takes longer than a call.
_NEW, _LATE, _OTHER = Applied.NEW, Applied.LATE, Kind.OTHER
_DUPLICATE, _TOO_LATE = Applied.DUPLICATE, Applied.TOO_LATE


class _Moment(NamedTuple):
    """Something that concerns a customer's ledger: an activity, a decision point, or its end."""

    user_id: str
    customer: Customer
    at: Millis
    watermark: Millis
    #: Why the customer is scored; None for an activity.
    cause: Cause | None
    #: Row of the score; -1 for an activity.
    row: int


#: The row of the moment at which a visitor turned out to be a customer.
_THE_END: Final = -2


def watermark_after(shop: Shop, arrivals: Iterable[Arrival], watermark: Millis) -> Millis:
    """Return the watermark after the arrivals: the largest usable event time, less lateness."""
    skew, lateness = shop.skew, shop.lateness
    for arrival in arrivals:
        at = arrival.event.at
        if at - lateness > watermark and at <= arrival.timestamp + skew:
            watermark = at - lateness
    return watermark


def handle(
    shop: Shop,
    judge: Judge,
    arrivals: Sequence[Arrival],
    due: Iterable[str],
    book: Mapping[str, Customer],
    watermark: Millis,
) -> Effects:
    """Take a batch of one partition through the whole path.

    Parameters
    ----------
    shop
        The rules.
    judge
        The model that scores.
    arrivals
        Events in the order of the log.
    due
        Customers with a timer due by the watermark that the batch ends with.
    book
        Every customer of the arrivals and of ``due``; they are changed in place.
    watermark
        The partition's watermark before the batch; it may be ahead of the last event when the
        clock has moved it.

    Returns
    -------
    Effects
        What is to be stored and published. The same log gives the same effects.
    """
    effects = Effects(watermark)
    moments: list[_Moment] = []
    vectors: list[array[float]] = []
    traits: list[dict[str, str]] = []
    _observe(shop, arrivals, due, book, effects, moments, vectors, traits)
    _judge_and_decide(shop, judge, effects, moments, vectors, traits)
    for user_id, customer in effects.changed.items():
        # Not past the customer's own next timer: a batch that takes only so many timers must keep
        # what one that takes them all would have kept when that timer is scored.
        ledger = customer.ledger
        if ledger.pending and ledger.due() <= effects.watermark:
            known = min(effects.watermark, customer.state.due())
            _mature(shop, user_id, customer, known, effects)
    # Of one time, by the hash that an id is: whoever is learnt last must not be so for its name.
    effects.examples.sort(key=_learning_order)
    return effects


def _learning_order(example: TrainingExample) -> tuple[Millis, str]:
    return example.matured_at, example.example_id


# -- what happened ----------------------------------------------------------------------------


def _observe(
    shop: Shop,
    arrivals: Sequence[Arrival],
    due: Iterable[str],
    book: Mapping[str, Customer],
    effects: Effects,
    moments: list[_Moment],
    vectors: list[array[float]],
    traits: list[dict[str, str]],
) -> None:
    counts = effects.counts
    changed = effects.changed
    definition = shop.definition
    vector, judges = shop.catalogue.vector, shop.judges
    planned = shop.plan is not None
    scored: set[str] = set()

    def look(user_id: str, customer: Customer, until: Millis) -> None:
        state = customer.state
        while (timer := state.due()) <= until:
            cause = state.fire()
            customer.state_changed = True
            if cause is not None and judges(user_id):
                consider(user_id, customer, timer, cause)

    def consider(user_id: str, customer: Customer, at: Millis, cause: Cause) -> None:
        scored.add(user_id)
        moments.append(_Moment(user_id, customer, at, effects.watermark, cause, len(vectors)))
        vectors.append(vector(customer.state, at))
        if planned:
            # As of now: what follows in the batch may say something else.
            traits.append(dict(customer.state.traits))

    applied_events = late = 0
    activity, passive = definition.activity, definition.passive
    lateness, skew = shop.lateness, shop.skew
    watermark = effects.watermark
    for arrival in arrivals:
        event = arrival.event
        at = event.at
        if at > arrival.timestamp + skew:
            refusal = f"{to_iso(at)} is after its arrival by more than {skew / DAY:g} days"
            effects.refused.append(Refusal(arrival.offset, refusal, "time"))
            counts["invalid"] += 1
            continue
        user_id = event.user_id
        customer = book[user_id]
        changed[user_id] = customer
        state = customer.state
        until = at if at > watermark else watermark
        if state.due() <= until:
            look(user_id, customer, until)
        if customer.new:
            customer.new = False
            counts["customers"] += 1
            if is_visitor(user_id):
                state.trail = Trail()
        trail = state.trail
        if trail is not None and _hand_over(customer, arrival, watermark, moments, effects):
            late += at <= watermark
            effects.watermark = watermark = max(watermark, at - lateness)
            continue
        history = arrival.history
        if at <= watermark and history is None:
            late += 1
        if at - lateness > watermark:
            effects.watermark = watermark = at - lateness
        if history is None:
            applied = state.apply(event, at)
        else:
            applied = state.recall(event, at, history)
            customer.state_changed = True
            if applied in (_NEW, _LATE):
                counts["recalled"] += 1
        if applied is not _NEW and applied is not _LATE:
            counts["duplicate" if applied is _DUPLICATE else "too_late"] += 1
            continue
        applied_events += 1
        customer.state_changed = True
        if trail is not None and (lost := trail.add(event)):
            counts["trail_lost"] += lost
        kind = KINDS.get(event.type, _OTHER)
        if kind is _OTHER:
            counts["unknown_type"] += 1
        if event.type in activity if activity else event.type not in passive:
            if user_id in scored:
                # A score on its way in this batch is not in the ledger yet, and may be answered.
                moments.append(_Moment(user_id, customer, at, watermark, None, -1))
            elif customer.ledger.awaits(at):
                _note_activity(shop, user_id, customer, at, watermark, effects)
        # What went wrong before it was known whose it was has passed.
        if is_distress(kind, event.rating) and history is None:
            now = max(at, state.now)
            if state.is_active(now) and judges(user_id):
                consider(user_id, customer, now, "distress")
    for name, count in (("applied", applied_events), ("late", late)):
        if count:
            counts[name] += count
    for user_id in due:
        customer = book[user_id]
        changed[user_id] = customer
        look(user_id, customer, effects.watermark)


def _hand_over(
    customer: Customer,
    arrival: Arrival,
    watermark: Millis,
    moments: list[_Moment],
    effects: Effects,
) -> bool:
    """Send what a visitor did to the customer who that is, as soon as that is known.

    Parameters
    ----------
    customer
        The visitor.
    arrival
        What came; timers have fired.
    watermark
        The watermark before it came.
    moments
        Takes the end of what was believed of the visitor.
    effects
        Takes the events.

    Returns
    -------
    bool
        Whether the event is done with: it says who the visitor is, or is of one who is known.
    """
    event, state, counts = arrival.event, customer.state, effects.counts
    trail = state.trail
    assert trail is not None
    at = event.at
    name = linked_customer(event)
    if name is None and trail.customer is None:
        return False
    customer.state_changed = True
    first = trail.customer is None
    if name is None:
        met = state.meet(event, at)
        if met in (_DUPLICATE, _TOO_LATE):
            counts["duplicate" if met is _DUPLICATE else "too_late"] += 1
            return True
        handed = [trail.pass_on(event)]
    elif trail.link(name, at):
        handed = state.hand_over()
        moments.append(_Moment(event.user_id, customer, at, watermark, None, _THE_END))
        if first:
            counts["linked"] += 1
            counts["customers"] -= 1  # the two are one
    else:
        counts["linked_again"] += 1
        return True
    effects.passed += [Passed(arrival.offset, arrival.timestamp, each) for each in handed]
    if handed:
        counts["handed_over"] += len(handed)
    return True


# -- what is believed and done ----------------------------------------------------------------


def _judge_and_decide(
    shop: Shop,
    judge: Judge,
    effects: Effects,
    moments: Sequence[_Moment],
    vectors: Sequence[array[float]],
    traits: Sequence[dict[str, str]],
) -> None:
    if vectors:
        joined = np.frombuffer(b"".join(vectors), dtype=np.float32)
        effects.vectors = joined.reshape(len(vectors), -1)
        effects.judgement = judgement = judge.judge(effects.vectors)
        weights = shop.explainer.weigh(judgement)
        risks = judgement.risks.tolist()
    for user_id, customer, at, watermark, cause, row in moments:
        if row == _THE_END:
            _withdraw(shop, user_id, customer, watermark, effects)
            continue
        if cause is None:
            _note_activity(shop, user_id, customer, at, watermark, effects)
            continue
        ledger = customer.ledger
        known = min(watermark, at)
        if ledger.pending and ledger.due() <= known:
            _mature(shop, user_id, customer, known, effects)
        if not ledger.has_decided(at, cause):
            grounds = shop.explainer.grounds(weights[row], shop.catalogue.facts(vectors[row]))
            told = traits[row] if traits else None
            version, vector = judgement.version, vectors[row]
            scored = Scored(row, at, cause, risks[row], version, vector, grounds, told)
            _decide(shop, user_id, customer, scored, effects)


def _note_activity(
    shop: Shop, user_id: str, customer: Customer, at: Millis, watermark: Millis, effects: Effects
) -> None:
    """Answer the predictions that wait for an activity; those that it came too late for mature."""
    ledger = customer.ledger
    if ledger.pending and ledger.due() <= watermark:
        _mature(shop, user_id, customer, watermark, effects)
    customer.ledger_changed |= ledger.note_activity(at)


def _withdraw(
    shop: Shop, user_id: str, customer: Customer, watermark: Millis, effects: Effects
) -> None:
    """End what was believed of a visitor who is a customer: what is awaited, awaits the latter."""
    _mature(shop, user_id, customer, watermark, effects)
    pending = len(customer.ledger.pending)
    if pending:
        effects.counts["pending"] -= pending
    customer.ledger, customer.ledger_changed = Ledger(), True


def _decide(shop: Shop, user_id: str, customer: Customer, scored: Scored, effects: Effects) -> None:
    ledger, counts = customer.ledger, effects.counts
    row, at, cause, risk, version, vector, grounds, traits = scored
    verdict = shop.policy.decide(user_id, at, cause, risk, ledger.standing)
    ruling = play = None
    if verdict.alert and shop.plan is not None:
        point = point_of(shop, user_id, scored)
        ruling = rule(shop, shop.plan, point, verdict, ledger.standing, ledger.sent)
        verdict, play, ledger.sent = ruling.verdict, ruling.play, ruling.sent
    alert, because, arm, band, ledger.standing = verdict
    counts["decisions"] += 1
    counts[_DECISIONS[cause]] += 1
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
        ledger.keep(Prediction(at, due, cause, risk, version, vector.tobytes(), treated))
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


def _mature(
    shop: Shop, user_id: str, customer: Customer, watermark: Millis, effects: Effects
) -> None:
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
    "NO_WATERMARK",
    "Arrival",
    "Customer",
    "Decided",
    "Effects",
    "Passed",
    "Refusal",
    "Shop",
    "handle",
    "watermark_after",
]
