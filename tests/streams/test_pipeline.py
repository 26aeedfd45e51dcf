"""The core: however the log is cut into batches, the same is decided, learnt and stored."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import hypothesis
import jsonschema
import msgspec
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import (
    DAY,
    HOUR,
    MINUTE,
    NEVER,
    CustomerState,
    Definition,
    Event,
    InvalidEvent,
    Millis,
    build_catalogue,
    decode_event,
    decode_state,
    encode_state,
    from_datetime,
)
from features.store import Commit, MemoryStore, Record
from models.deciding import Alert, Decision, Ledger, Policy, Prediction
from models.judging import Explainer
from models.learning import Judge, Judgement, TrainingExample
from models.registry import REGISTRY, prior_judge
from streams.composition import task_of
from streams.pipeline import (
    NO_WATERMARK,
    Arrival,
    Customer,
    Effects,
    Refusal,
    Shop,
    handle,
    watermark_after,
)
from tests import oracle
from tests.features.histories import DETAILS, START, TYPES, happened

NAMES = ("ada", "björn", "chloé")


def shop_with(definition: Definition | None = None, **rules: Any) -> Shop:
    definition = definition or Definition()
    policy = rules.pop("policy", Policy(threshold=0.5, cooldown=10 * DAY, holdout=0.4))
    rules = {"lateness": HOUR, "skew": DAY, "max_pending": 1_000, **rules}
    return Shop(definition, build_catalogue(definition), policy, Explainer(), **rules)


# -- a worker in miniature --------------------------------------------------------------------


@dataclass
class Run:
    """What a whole log brought about, and the store that it left behind."""

    alerts: list[Alert] = field(default_factory=list)
    examples: list[TrainingExample] = field(default_factory=list)
    #: For each example, the watermark at which it left.
    left_at: list[Millis] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    watermark: Millis = NO_WATERMARK
    records: dict[str, Record] = field(default_factory=dict)

    def ledger(self, user: str) -> Ledger:
        record = self.records.get(user, Record())
        return Ledger() if record.ledger is None else Ledger.decode(record.ledger)

    def pending(self) -> list[tuple[str, Prediction]]:
        return [(user, each) for user in sorted(self.records) for each in self.ledger(user).pending]


class Worker:
    """Reads, handles and commits batches of one partition, as the live worker does."""

    def __init__(self, shop: Shop, judge: Judge, limit: int) -> None:
        self.shop, self.judge, self.limit = shop, judge, limit
        self.store = MemoryStore()
        self.run = Run()
        self.mark: bytes | None = None

    async def batch(self, arrivals: Sequence[Arrival]) -> int:
        """Handle a batch; return how many timers were due."""
        shop, run = self.shop, self.run
        after = watermark_after(shop, arrivals, run.watermark)
        names = {arrival.event.user_id for arrival in arrivals}
        page = await self.store.read(0, sorted(names), after, self.limit)
        book = {name: self.customer(record) for name, record in page.records.items()}
        effects = self.handle(shop, self.judge, arrivals, page.due, book, run.watermark)
        assert effects.watermark == after
        await self.commit(effects)
        run.alerts += effects.alerts
        run.examples += effects.examples
        run.left_at += [effects.watermark] * len(effects.examples)
        run.refused += effects.refused
        run.counts.update(effects.counts)
        run.watermark = effects.watermark
        return len(page.due)

    def handle(self, *batch: Any) -> Effects:
        return handle(*batch)

    def customer(self, record: Record) -> Customer:
        definition = self.shop.definition
        new = record.state is None
        state = CustomerState(definition) if new else decode_state(record.state or b"", definition)
        ledger = Ledger() if record.ledger is None else Ledger.decode(record.ledger)
        return Customer(state, ledger, new=new)

    async def commit(self, effects: Effects) -> None:
        records = {}
        timers = {}
        for name, customer in effects.changed.items():
            state = encode_state(customer.state) if customer.state_changed else None
            ledger = customer.ledger.encode() if customer.ledger_changed else None
            if state or ledger:
                records[name] = Record(state, ledger)
            timers[name] = customer.due()
        mark = b"%d" % (int(self.mark or b"0") + 1)
        assert await self.store.commit(0, Commit(self.mark, mark, records, timers))
        self.mark = mark

    async def finish(self) -> Run:
        while await self.batch([]):
            pass
        self.run.records = {name: record async for name, record in self.store.customers(0)}
        return self.run


def run_through(
    shop: Shop,
    judge: Judge,
    log: Sequence[Arrival],
    cuts: Sequence[tuple[int, bool]] = (),
    limit: int = 500,
) -> Run:
    """Take a log through the pipeline.

    ``cuts`` are sizes of batches, and whether all timers that are due fire before the next one;
    what is left of the log is the last batch.
    """

    async def all_of_it() -> Run:
        worker = Worker(shop, judge, limit)
        place = 0
        for size, drain in cuts:
            await worker.batch(log[place : place + size])
            place += size
            while drain and await worker.batch([]):
                pass
        await worker.batch(log[place:])
        return await worker.finish()

    return asyncio.run(all_of_it())


# -- logs and judges --------------------------------------------------------------------------

PAUSES = st.one_of(
    st.sampled_from([0, 1, 30 * MINUTE, DAY, 30 * DAY, 30 * DAY + 1]),
    st.integers(0, HOUR),
    st.integers(0, 5 * DAY),
    st.integers(0, 70 * DAY),
)
BEHIND = st.one_of(
    st.just(0), st.just(0), st.integers(0, 2 * HOUR), st.integers(0, 60 * DAY), st.just(-2 * DAY)
)
HAPPENINGS = st.one_of(TYPES, st.sampled_from(["complaint", "refund", "visit", "purchase"]))
CUTS = st.lists(st.tuples(st.integers(0, 12), st.booleans()), max_size=12)
LIMITS = st.integers(1, 4)


@st.composite
def logs(draw: st.DrawFn, *, late: bool = True, most: int = 30) -> list[Arrival]:
    """Return a partition's log: late events, repeats, and some from the future."""
    step = st.tuples(
        st.sampled_from(NAMES), PAUSES, HAPPENINGS, BEHIND if late else st.just(0), DETAILS
    )
    now = START
    events: list[tuple[Millis, Event]] = []
    for number, (user, pause, kind, behind, details) in enumerate(
        draw(st.lists(step, min_size=1, max_size=most))
    ):
        now += pause
        events.append((now, happened(number, kind, now - behind, user, **details)))
    if late:
        for which in draw(st.lists(st.integers(0, len(events) - 1), max_size=4)):
            events.insert(which + (which * 7) % (len(events) - which) + 1, events[which])
    return [Arrival(offset, stamp, event) for offset, (stamp, event) in enumerate(events)]


DEFINITIONS = st.builds(
    Definition,
    horizon=st.sampled_from([7 * DAY, 30 * DAY]),
    active=st.sampled_from([40 * DAY, 90 * DAY]),
    activity=st.sampled_from([frozenset[str](), frozenset({"purchase", "visit"})]),
)
SHOPS = st.builds(
    shop_with,
    DEFINITIONS,
    policy=st.builds(
        Policy,
        threshold=st.sampled_from([0.2, 0.5]),
        cooldown=st.sampled_from([0, 10 * DAY]),
        holdout=st.just(0.4),
    ),
    lateness=st.sampled_from([0, HOUR, 3 * DAY]),
    keep=st.sampled_from([1.0, 1.0, 0.5]),
)


def visits(*days_and_users: tuple[float, str]) -> list[Arrival]:
    """Return a log of visits; one on an earlier day than those before it comes late."""
    events = [
        happened(number, "visit", START + round(day * DAY), user)
        for number, (day, user) in enumerate(days_and_users)
    ]
    return [Arrival(number, event.at, event) for number, event in enumerate(events)]


def prior_of(shop: Shop) -> Judge:
    return prior_judge(task_of(shop))


def taught(shop: Shop) -> Judge:
    """Return a logistic model that has learnt something, so that every input has a weight."""
    task = task_of(shop)
    learner = REGISTRY["logistic"].learner(task, None)
    chance = np.random.default_rng(5)
    learner.learn(
        [
            TrainingExample(
                example_id=str(number),
                user_id="x",
                at=0,
                matured_at=1,
                cause="silence",
                label=int(number % 2),
                risk=0.5,
                model_version="prior",
                treated=False,
                catalogue=shop.catalogue.fingerprint,
                vector=chance.gamma(
                    0.5, 10.0 * (1 + number % 2), len(shop.catalogue.names)
                ).tolist(),
            )
            for number in range(60)
        ]
    )
    return REGISTRY["logistic"].judge(task, learner.snapshot(1, {}))


JUDGES = st.sampled_from([prior_of, taught])


class Told:
    """A judge that says what it was told to, decision point after decision point."""

    version = "told"

    def __init__(self, risk: float) -> None:
        self.risk = risk

    def judge(self, vectors: npt.NDArray[np.float32]) -> Judgement:
        count = len(vectors)
        return Judgement(
            np.full(count, self.risk), np.zeros((count, 1)), 0.0, ("renewal",), self.version
        )


# -- however it is cut ------------------------------------------------------------------------


def by_customer(items: Sequence[Alert] | Sequence[TrainingExample]) -> list[Any]:
    """Order by customer; of one customer the order in which they came stays."""
    return sorted((msgspec.to_builtins(item) for item in items), key=lambda item: item["user_id"])


def assert_close(one: Any, other: Any, path: str = "") -> None:
    """Compare nested plain data; floats within 1e-12, or 1e-9 of what a reason contributes."""
    assert type(one) is type(other), path
    if isinstance(one, dict):
        assert one.keys() == other.keys(), path
        for key in one:
            assert_close(one[key], other[key], f"{path}.{key}")
    elif isinstance(one, list | tuple):
        assert len(one) == len(other), path
        for place, pair in enumerate(zip(one, other, strict=True)):
            assert_close(*pair, f"{path}[{place}]")
    elif isinstance(one, float):
        tolerance = 1e-9 if "reasons" in path else 1e-12
        assert one == pytest.approx(other, rel=tolerance, abs=tolerance), path
    else:
        assert one == other, path


def assert_same(one: Run, other: Run) -> None:
    assert one.watermark == other.watermark
    assert +one.counts == +other.counts
    assert one.refused == other.refused
    assert_close(by_customer(one.alerts), by_customer(other.alerts), "alerts")
    assert_close(by_customer(one.examples), by_customer(other.examples), "examples")
    assert one.records.keys() == other.records.keys()
    for user, record in one.records.items():
        assert record.state == other.records[user].state
        # Matrix products may round the last bit by the number of rows; all else is exact.
        assert_close(
            ledger_as_data(one.ledger(user)), ledger_as_data(other.ledger(user)), f"{user}.reasons"
        )


def ledger_as_data(ledger: Ledger) -> Any:
    return msgspec.to_builtins(
        [
            [each.as_tuple() for each in ledger.pending],
            ledger.decisions,
            ledger.standing.raised,
            ledger.standing.alerted_at,
        ]
    )


BEHIND_THE_WATERMARK = visits((0, "ada"), (10, "björn"), (2, "ada"), (40, "björn"))


# Ada's second visit comes when the watermark has passed it: what was due by then has been looked
# at, whether in a batch before it or on its arrival.
@hypothesis.example(BEHIND_THE_WATERMARK, shop_with(), prior_of, [(2, True)], 4)
@settings(max_examples=120)
@given(logs(), SHOPS, JUDGES, CUTS, LIMITS)
def test_it_does_not_matter_how_the_log_is_cut_into_batches(
    log: list[Arrival],
    shop: Shop,
    judge_of: Any,
    cuts: list[tuple[int, bool]],
    limit: int,
) -> None:
    judge = judge_of(shop)
    whole = run_through(shop, judge, log)
    assert_same(run_through(shop, judge, log, cuts, limit), whole)


@settings(max_examples=60)
@given(logs(), SHOPS, CUTS)
def test_with_the_prior_the_stored_bytes_are_the_same_however_the_log_is_cut(
    log: list[Arrival], shop: Shop, cuts: list[tuple[int, bool]]
) -> None:
    judge = prior_of(shop)
    whole = run_through(shop, judge, log)
    assert run_through(shop, judge, log, cuts, 2).records == whole.records


# All of ada's looks fall due at once, or the first of them before the others.
@hypothesis.example(visits((0, "ada"), (10, "björn"), (100, "björn")), 1, [(2, True)], 4)
# A label is known just before another look falls due, and both before the next batch.
@hypothesis.example(visits((0, "ada"), (30, "ada"), (31, "björn")), 1, [(1, False)], 1)
@settings(max_examples=60)
@given(logs(), st.integers(1, 3), CUTS, LIMITS)
def test_how_many_predictions_are_kept_does_not_depend_on_the_batches_either(
    log: list[Arrival], max_pending: int, cuts: list[tuple[int, bool]], limit: int
) -> None:
    shop = shop_with(max_pending=max_pending)
    judge = prior_of(shop)
    whole = run_through(shop, judge, log)
    assert_same(run_through(shop, judge, log, cuts, limit), whole)


@settings(max_examples=40)
@given(logs(), SHOPS, CUTS)
def test_the_same_log_sent_again_decides_and_changes_nothing(
    log: list[Arrival], shop: Shop, cuts: list[tuple[int, bool]]
) -> None:
    judge = prior_of(shop)
    once = run_through(shop, judge, log)
    again = [Arrival(each.offset + len(log), each.timestamp, each.event) for each in log]
    twice = run_through(shop, judge, [*log, *again], cuts)
    assert twice.alerts == once.alerts or by_customer(twice.alerts) == by_customer(once.alerts)
    assert by_customer(twice.examples) == by_customer(once.examples)
    assert twice.records == once.records
    assert twice.counts["applied"] == once.counts["applied"]


# -- decision points and labels ---------------------------------------------------------------


class Known(dict[str, list[tuple[Millis, Event]]]):
    """Of each customer the events that count, each with the watermark after it had arrived."""

    def __init__(self, shop: Shop, log: Sequence[Arrival]) -> None:
        super().__init__({name: [] for name in NAMES})
        self.final = NO_WATERMARK
        self.late = self.repeated = self.future = 0
        for arrival in log:
            event = arrival.event
            if event.at > arrival.timestamp + shop.skew:
                self.future += 1
                continue
            self.late += event.at <= self.final
            self.final = max(self.final, event.at - shop.lateness)
            known = self[event.user_id]
            before = [each for _, each in known]
            if len(oracle.counted([*before, event])) > len(before):
                known.append((self.final, event))
            else:
                self.repeated += 1

    def returned_in(self, shop: Shop, user: str, at: Millis) -> int:
        """Return the stage of the first activity in (t, t + H], or 3 for none.

        What arrives when the watermark has passed a stage cannot be of it any more.
        """
        ends = stage_ends(shop, at)
        found = 3
        for watermark, event in self[user]:
            if oracle.is_activity(event, shop.definition) and event.at > at:
                open_stages = (n for n in range(3) if event.at <= ends[n] and watermark <= ends[n])
                found = min(found, next(open_stages, 3))
        return found

    def label(self, shop: Shop, user: str, at: Millis) -> int:
        """Return 1 unless an activity in (t, t + H] arrived before the watermark had passed."""
        return int(self.returned_in(shop, user, at) == 3)


def stage_ends(shop: Shop, at: Millis) -> list[Millis]:
    """Return the last moments of the three stages of a horizon."""
    horizon = shop.definition.horizon
    return [at + round(horizon / 4), at + round(horizon / 2), at + horizon]


@settings(max_examples=150)
@given(logs(), SHOPS, CUTS, LIMITS)
def test_labels_say_whether_there_was_activity_within_the_horizon(
    log: list[Arrival], shop: Shop, cuts: list[tuple[int, bool]], limit: int
) -> None:
    run = run_through(shop, prior_of(shop), log, cuts, limit)
    known = Known(shop, log)
    horizon = shop.definition.horizon
    assert run.watermark == known.final

    whole = [example for example in run.examples if example.whole]
    for example, left_at in zip(run.examples, run.left_at, strict=True):
        returned_in = known.returned_in(shop, example.user_id, example.at)
        assert example.label == (returned_in > example.stage), example
        # What is not known yet is not told.
        told = 3 if returned_in > example.stage else returned_in
        assert example.returned_in == told, example
        assert example.whole or example.in_stage
        assert left_at > example.matured_at
        assert example.matured_at == stage_ends(shop, example.at)[example.stage]
    for user, prediction in run.pending():
        assert prediction.at + horizon >= known.final
        assert prediction.returned_in == known.returned_in(shop, user, prediction.at)
    decided = run.counts["decisions"]
    assert len(whole) + len(run.pending()) + run.counts["unkept"] == decided
    assert run.counts["pending"] == len(run.pending())
    assert run.counts["matured"] == len(whole)
    assert shop.keep < 1 or run.counts["unkept"] == 0

    predictions = {(each.user_id, each.at, each.cause) for each in whole}
    predictions |= {(user, each.at, each.cause) for user, each in run.pending()}
    early = {
        (user, at, cause, stage)
        for user, at, cause in predictions
        for stage, end in enumerate(stage_ends(shop, at)[:2])
        if end < known.final and known.returned_in(shop, user, at) >= stage
    }
    found = [(each.user_id, each.at, each.cause, each.stage) for each in run.examples]
    assert sorted(each for each in found if each[3] < 2) == sorted(early)


def test_a_label_is_known_only_once_the_watermark_has_passed_the_horizon() -> None:
    shop = shop_with(Definition(horizon=30 * DAY), lateness=HOUR)
    judge = prior_of(shop)
    first = Arrival(0, START, happened(0, "visit", START))
    # The first check is due after 3 days, so its horizon ends with day 33.
    end = START + 33 * DAY

    def examples(*others: Event) -> dict[Millis, int]:
        log = [first, *(Arrival(n, each.at, each) for n, each in enumerate(others, 1))]
        run = run_through(shop, judge, log)
        matured = [each for each in run.examples if each.whole]
        return {each.at: each.label for each in matured if each.cause == "silence"}

    clock = "björn"
    assert START + 3 * DAY not in examples(happened(1, "visit", end + HOUR, clock))
    assert examples(happened(1, "visit", end + HOUR + 1, clock))[START + 3 * DAY] == 1
    just = happened(2, "visit", end)
    late_clock = happened(1, "visit", end + HOUR, clock)
    passed = happened(3, "visit", end + 2 * HOUR, clock)
    assert examples(just, passed)[START + 3 * DAY] == 0
    assert examples(late_clock, just, passed)[START + 3 * DAY] == 0
    assert examples(passed, just)[START + 3 * DAY] == 1
    assert examples(happened(2, "visit", end + 1), passed)[START + 3 * DAY] == 1
    # To be told who somebody is does not mean that they came.
    assert examples(happened(2, "identified", end), passed)[START + 3 * DAY] == 1


@settings(max_examples=100)
@given(logs(late=False), DEFINITIONS, CUTS, LIMITS)
def test_decision_points_are_the_timers_of_the_oracle_and_trouble(
    log: list[Arrival], definition: Definition, cuts: list[tuple[int, bool]], limit: int
) -> None:
    shop = shop_with(definition)
    run = run_through(shop, prior_of(shop), log, cuts, limit)
    found = {(each.user_id, each.at, each.cause) for each in run.examples}
    found |= {(user, each.at, each.cause) for user, each in run.pending()}

    expected: set[tuple[str, Millis, str]] = set()
    for user in NAMES:
        events = [arrival.event for arrival in log if arrival.event.user_id == user]
        if not events:
            continue
        until = max(run.watermark, max(event.at for event in events))
        fired = oracle.timers(events, definition, until)
        expected |= {(user, timer.at, timer.cause) for timer in fired if timer.scored}
        for place, event in enumerate(events):
            before = [
                each.at for each in events[: place + 1] if oracle.is_activity(each, definition)
            ]
            if oracle.is_trouble(event) and before and event.at - max(before) < definition.active:
                expected.add((user, event.at, "distress"))
    assert found == expected
    assert run.counts["decisions"] == len(expected)


def test_trouble_twice_in_one_moment_is_one_decision() -> None:
    shop = shop_with()
    events = [
        happened(0, "visit", START),
        happened(1, "complaint", START + DAY),
        happened(2, "refund", START + DAY),
    ]
    log = [Arrival(n, event.at, event) for n, event in enumerate(events)]
    for cuts in ([], [(2, True)]):
        run = run_through(shop, prior_of(shop), log, cuts)
        assert run.counts["decisions_distress"] == 1
        assert run.counts["applied"] == 3


@pytest.mark.parametrize(("day", "decisions"), [(39, 1), (40, 0), (41, 0)])
def test_trouble_of_those_who_have_long_been_gone_or_were_never_here_is_not_scored(
    day: int, decisions: int
) -> None:
    shop = shop_with(Definition(active=40 * DAY, activity=frozenset({"purchase"})))
    events = [
        happened(0, "purchase", START),
        happened(1, "complaint", START + DAY, "björn"),
        happened(2, "complaint", START + day * DAY),
    ]
    log = [Arrival(n, event.at, event) for n, event in enumerate(events)]
    run = run_through(shop, prior_of(shop), log)
    assert run.counts["decisions_distress"] == decisions
    assert run.counts["applied"] == 3


@settings(max_examples=60)
@given(logs(), SHOPS)
def test_what_is_learnt_and_told_is_what_the_oracle_knew_at_that_moment(
    log: list[Arrival], shop: Shop
) -> None:
    # One customer alone, whose watermark nobody else can push ahead.
    alone = [
        each for each in log if each.event.user_id == "ada" and each.event.at <= each.timestamp
    ]
    moments: dict[str, tuple[Millis, list[float]]] = {}
    run = run_through(replace(shop, lateness=200 * DAY, keep=1.0), prior_of(shop), alone)
    for user, prediction in run.pending():
        vector = np.frombuffer(prediction.vector, dtype="<f4").tolist()
        moments[f"{user} {prediction.at} {prediction.cause}"] = (prediction.at, vector)
    for name, (at, vector) in moments.items():
        # Silence is scored before an event at that very moment, distress after it.
        cause = name.rsplit(" ", 1)[1]
        arrived: list[Event] = []
        for arrival in alone:
            if cause != "distress" and arrival.event.at >= at:
                break
            arrived.append(arrival.event)
            if cause == "distress" and arrival.event.at >= at and oracle.is_trouble(arrival.event):
                break
        found = dict(zip(shop.catalogue.names, vector, strict=True))
        expected = oracle.features(arrived, shop.definition, at)
        if cause == "distress" and found["events"] != expected["events"]:
            continue  # late trouble is scored at the latest moment known; see the labels above
        assert oracle.differences(found, expected) == [], name


# -- what is counted and refused --------------------------------------------------------------


@settings(max_examples=60)
@given(logs(), SHOPS, CUTS)
def test_every_event_is_applied_repeated_too_late_or_refused_and_counted_so(
    log: list[Arrival], shop: Shop, cuts: list[tuple[int, bool]]
) -> None:
    run = run_through(shop, prior_of(shop), log, cuts)
    known = Known(shop, log)
    counts = run.counts
    assert counts["applied"] == sum(map(len, known.values()))
    assert counts["duplicate"] + counts["too_late"] == known.repeated
    assert counts["late"] == known.late
    assert counts["invalid"] == len(run.refused) == known.future
    assert counts["customers"] == sum(bool(events) for events in known.values())
    unknown = {"wheel_spun", "PURCHASE", "påskønnet"}
    assert counts["unknown_type"] == sum(
        event.type in unknown for events in known.values() for _, event in events
    )


def test_an_event_from_the_future_is_refused_with_its_offset_and_moves_nothing() -> None:
    shop = shop_with(skew=DAY)
    last = Arrival(7, START, happened(0, "visit", START + DAY))
    future = Arrival(8, START, happened(1, "visit", START + DAY + 1))
    run = run_through(shop, prior_of(shop), [last, future])
    assert run.watermark == START + DAY - HOUR
    assert [(each.offset, each.field) for each in run.refused] == [(8, "time")]
    assert "2020-01-02T00:00:00.001Z is after its arrival by more than 1 days" in (
        run.refused[0].reason
    )
    assert (run.counts["applied"], run.counts["invalid"]) == (1, 1)


@pytest.mark.parametrize("arrival", ["in time", "at its own time"])
@pytest.mark.parametrize(
    "time",
    [
        "9999-12-31T23:59:59Z",
        "9999-12-31T23:59:59-14:00",
        "2500-01-01T00:00:00Z",
        "1969-12-31T23:59:59Z",
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
    ],
)
def test_no_time_that_can_be_written_stops_the_partition(time: str, arrival: str) -> None:
    # Kafka's timestamp is the producer's own, and may be as wrong as the event's.
    shop = shop_with()
    text = json.dumps({"event_id": "e", "user_id": "ada", "type": "visit", "time": time})
    good = Arrival(0, START, happened(1, "visit", START, "björn"))
    log = [good]
    try:
        event = decode_event(text.encode())
    except InvalidEvent as error:
        assert error.field == "time"
    else:
        stamp = event.at if arrival == "at its own time" else START
        log.append(Arrival(1, stamp, event))
    run = run_through(shop, prior_of(shop), log, [(1, True)])
    assert "björn" in run.records


# -- alerts -----------------------------------------------------------------------------------

ALERT_SCHEMA = msgspec.json.schema(Alert)


@settings(max_examples=80)
@given(logs(), SHOPS, JUDGES, CUTS)
def test_alerts_fit_their_schema_and_leave_customers_in_peace(
    log: list[Arrival], shop: Shop, judge_of: Any, cuts: list[tuple[int, bool]]
) -> None:
    run = run_through(shop, judge_of(shop), log, cuts)
    validator = jsonschema.Draft202012Validator(ALERT_SCHEMA)
    alerted: dict[str, Millis] = {}
    for alert in run.alerts:
        validator.validate(json.loads(msgspec.json.encode(alert)))
        at = from_datetime(alert.decided_at)
        assert alert.risk >= shop.policy.threshold
        assert alert.band == "high"
        assert alert.arm == shop.policy.arm(alert.user_id)
        assert (alert.action == "none") is (alert.arm == "holdout")
        assert from_datetime(alert.valid_until) == at + shop.policy.valid
        assert list(alert.vector) == list(shop.catalogue.names)
        assert alert.silence_days == alert.vector["recency"]
        assert len(alert.reasons) <= 3
        since = at - alerted.get(alert.user_id, -NEVER)
        assert since >= shop.policy.cooldown
        alerted[alert.user_id] = at
    assert len({alert.alert_id for alert in run.alerts}) == len(run.alerts)
    counts = run.counts
    assert counts["alerts"] == len(run.alerts)
    assert counts["alerts_treated"] + counts["alerts_holdout"] == len(run.alerts)


@settings(max_examples=40)
@given(logs(), SHOPS)
def test_an_example_carries_the_vector_and_risk_of_its_alert_and_whether_it_was_treated(
    log: list[Arrival], shop: Shop
) -> None:
    run = run_through(shop, prior_of(shop), log)
    alerts = {alert.alert_id: alert for alert in run.alerts}
    for example in run.examples:
        alert = alerts.get(example.example_id.split(".")[0])
        assert example.treated is (alert is not None and alert.arm == "treated")
        if alert is not None:
            assert example.vector == list(alert.vector.values())
            assert (example.risk, example.model_version) == (alert.risk, alert.model_version)
            assert (example.cause, example.user_id) == (alert.cause, alert.user_id)


def alerts_of(events: Sequence[Event], judge: Judge) -> list[tuple[float, str]]:
    """Return day and cause of each alert; nobody is held out, and the cooldown is 10 days."""
    shop = shop_with(policy=Policy(threshold=0.5, hysteresis=0.1, cooldown=10 * DAY, holdout=0))
    log = [Arrival(n, event.at, event) for n, event in enumerate(events)]
    run = run_through(shop, judge, log)
    return [((from_datetime(alert.decided_at) - START) / DAY, alert.cause) for alert in run.alerts]


def test_trouble_alerts_a_raised_customer_again_but_only_after_the_cooldown() -> None:
    visit = happened(0, "visit", START)
    end = happened(99, "visit", START + 88 * DAY, "björn")
    high = Told(0.9)
    session_end = 30 * MINUTE / DAY
    # Silence is looked at eight times, but a risk that stays high is no news.
    assert alerts_of([visit, end], high) == [(session_end, "session_end")]
    soon = happened(1, "complaint", START + 10 * DAY)
    assert alerts_of([visit, soon, end], high) == [(session_end, "session_end")]
    later = happened(1, "complaint", START + 11 * DAY)
    assert alerts_of([visit, later, end], high) == [
        (session_end, "session_end"),
        (11.0, "distress"),
    ]
    assert alerts_of([visit, later, end], Told(0.49)) == []


def test_the_last_decisions_are_kept_and_no_more_than_that() -> None:
    shop = shop_with()
    events = [happened(n, "visit", START + n * 2 * HOUR) for n in range(60)]
    log = [Arrival(n, event.at, event) for n, event in enumerate(events)]
    run = run_through(shop, prior_of(shop), log, [(7, True)] * 8)
    decisions: list[Decision] = run.ledger("ada").decisions
    assert run.counts["decisions"] > 50
    assert len(decisions) == 8
    ends = [event.at + 30 * MINUTE for event in events]
    assert [each.at for each in decisions] == [end for end in ends if end <= events[-1].at][-8:]
    assert all(each.why and not each.alert for each in decisions)


def test_every_alert_has_reasons_in_words() -> None:
    shop = shop_with(Definition(activity=frozenset({"visit"})))
    events = [happened(n, "visit", START + n * 9 * DAY) for n in range(5)]
    end = happened(99, "visit", START + 67 * DAY, "björn")
    log = [Arrival(n, each.at, each) for n, each in enumerate([*events, end])]
    run = run_through(shop, prior_of(shop), log)
    last = run.alerts[-1]
    silence = round(last.silence_days)
    [reason] = last.reasons
    assert reason.code == "silence"
    assert reason.text.startswith(f"usually comes every 9 days, silent for {silence}")
    assert silence > 9
