"""THE core: a batch of events and the customers they concern in, effects out.

    events ─► observe ─► vector ─► score ─► decide ─► alerts, examples, changed customers
    timers ──┘                                │
    labels ───────────────────────────────────┘

Pure: no clock, no chance, no I/O. The live worker and replay drive the same `handling`, so what a
replay computes is what the worker computed. The rules, in order:

1. Before an event at t is applied, that customer's timers due by t, or by the watermark, fire
   at their own event times. So it does not matter how the log is cut into batches.
2. An event is applied once (by its id), in arrival order.
3. A decision point (a silence check, a session's end, distress) is scored on the customer as
   known then; all of a batch are scored at once, since scores do not change what is known.
4. A prediction is kept; what became of it is known when the watermark has passed a stage of its
   horizon, and becomes an example.
5. Every decision is logged, also the one not to act.
6. What is limited for the shop as a whole (money, a rate) is asked for, in the order of the
   decisions; whoever drives the batch brings the answers. A customer's next decision waits for it.
7. Visitors, who have not said who they are, are known but not judged, unless the shop wants it.
   When they say it, what they did is handed over to the customer, once, by way of the log; and
   with it what they were promised by what was done for them.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from typing import TypeAlias

from features import (
    DAY,
    KINDS,
    WORDS,
    Applied,
    Kind,
    Millis,
    Sketch,
    Trail,
    is_distress,
    is_visitor,
    linked_customer,
    to_iso,
    told_something,
)
from models.deciding import (
    Cause,
)
from models.learning import Judge, TrainingExample
from models.limits import Answer, MemoryLimits, Request
from streams.batch import NO_WATERMARK, Arrival, Customer, Decided, Effects, Passed, Refusal, Shop
from streams.deciding import (
    NO_ROW,
    TAKES_OVER,
    THE_END,
    Moment,
    judge_and_decide,
    mature,
    note_activity,
)

# Members by names of their own: up to Python 3.11, looking one up takes longer than a call.
_NEW, _LATE, _OTHER = Applied.NEW, Applied.LATE, Kind.OTHER
_DUPLICATE, _TOO_LATE = Applied.DUPLICATE, Applied.TOO_LATE


#: A batch under way: it yields what the shop's limits must be asked, is sent the answers, in the
#: same order, and ends with the effects.
Handling: TypeAlias = Generator[Sequence[Request], Sequence[Answer], Effects]


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
    grant: Callable[[Sequence[Request], Millis], Sequence[Answer]] | None = None,
) -> Effects:
    """Take a batch of one partition through the whole path, where nobody has to wait.

    Parameters
    ----------
    shop, judge, arrivals, due, book, watermark
        As of `handling`.
    grant
        Answers for the shop's limits, at a time; without it the batch finds them untouched.

    Returns
    -------
    Effects
        What is to be stored and published. The same log gives the same effects.
    """
    under_way = handling(shop, judge, arrivals, due, book, watermark)
    grant = grant or MemoryLimits().grant
    try:
        asked = next(under_way)
        while True:
            asked = under_way.send(grant(asked, watermark))
    except StopIteration as done:
        effects: Effects = done.value
        return effects


def handling(
    shop: Shop,
    judge: Judge,
    arrivals: Sequence[Arrival],
    due: Iterable[str],
    book: Mapping[str, Customer],
    watermark: Millis,
) -> Handling:
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

    Yields
    ------
    sequence of Request
        What the shop's limits must be asked, at most 500 at a time; the answers are sent. Where no
        plan limits anything, nothing is asked.

    Returns
    -------
    Effects
        What is to be stored and published. The same log, with the same answers, gives the same.
    """
    effects = Effects(watermark)
    moments: list[Moment] = []
    vectors: list[array[float]] = []
    sketches: list[Sketch | None] = []
    traits: list[dict[str, str]] = []
    _observe(shop, arrivals, due, book, effects, moments, vectors, sketches, traits)
    yield from judge_and_decide(shop, judge, effects, moments, vectors, sketches, traits)
    for user_id, customer in effects.changed.items():
        # Not past the customer's own next timer: a batch that takes only so many timers must keep
        # what one that takes them all would have kept when that timer is scored.
        ledger = customer.ledger
        if ledger.pending and ledger.due() <= effects.watermark:
            known = min(effects.watermark, customer.state.due())
            mature(shop, user_id, customer, known, effects)
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
    moments: list[Moment],
    vectors: list[array[float]],
    sketches: list[Sketch | None],
    traits: list[dict[str, str]],
) -> None:
    counts = effects.counts
    changed = effects.changed
    definition = shop.definition
    sketched, judges = shop.catalogue.sketched, shop.judges
    planned, stores = shop.plan is not None, shop.stores
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
        moments.append(Moment(user_id, customer, at, effects.watermark, cause, len(vectors)))
        vector, sketch = sketched(customer.state, at, sketch=stores)
        vectors.append(vector)
        sketches.append(sketch)
        if planned:
            # As of now: what follows in the batch may say something else.
            traits.append(customer.state.traits.copy())

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
            promised = None if state.has_come(history) else arrival.promised
            applied = state.recall(event, at, history)
            customer.state_changed = True
            if promised is not None:
                where = Moment(user_id, customer, at, watermark, None, TAKES_OVER)
                moments.append(where._replace(promised=promised))
            if applied in (_NEW, _LATE):
                counts["recalled"] += 1
        if applied is not _NEW and applied is not _LATE:
            counts["duplicate" if applied is _DUPLICATE else "too_late"] += 1
            # What it told may be news all the same.
            customer.state_changed |= applied is _TOO_LATE and told_something(event)
            continue
        applied_events += 1
        customer.state_changed = True
        if trail is not None and (lost := trail.add(event)):
            counts["trail_lost"] += lost
        if event.type in WORDS:
            counts[event.type] += 1
            if not WORDS[event.type]:
                continue
        kind = KINDS.get(event.type, _OTHER)
        if kind is _OTHER:
            counts["unknown_type"] += 1
        if event.type in activity if activity else event.type not in passive:
            if user_id in scored:
                # A score on its way in this batch is not in the ledger yet, and may be answered.
                moments.append(Moment(user_id, customer, at, watermark, None, NO_ROW))
            elif customer.ledger.awaits(at):
                note_activity(shop, user_id, customer, at, watermark, effects)
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
    moments: list[Moment],
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
        end = Moment(event.user_id, customer, at, watermark, None, THE_END)
        moments.append(end._replace(first=len(effects.passed) if handed else None))
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


__all__ = [
    "NO_WATERMARK",
    "Arrival",
    "Customer",
    "Decided",
    "Effects",
    "Handling",
    "Passed",
    "Refusal",
    "Shop",
    "handle",
    "handling",
    "watermark_after",
]
