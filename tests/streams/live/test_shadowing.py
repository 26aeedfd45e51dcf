"""A challenger in the learner: scored fairly, promoted when better, and the same after a kill."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
import pytest

from features import DAY
from features.store import Commit, MemoryStore
from features.store import Record as Stored
from models.learning import LAST, NOT_YET, Snapshot, TrainingExample
from models.registry import REGISTRY, judge_of
from models.watching import Guard, ModelEvent, Pairs, Rivalry
from streams.live.held import read_mark
from streams.live.messages import unpack
from streams.live.model import CHALLENGER, PARTITION, PUBLISHED, RUNNING, CurrentModel
from streams.live.notes import NOTES, Notes, read_notes
from streams.live.shadowing import STABILITY
from streams.live.stopping import NewerVersion
from tests.models.portraits import CATALOGUE, TASK, customers
from tests.streams.live.lessons import Learner, recorded

H = 30 * DAY
CHUNK = 100
RIVALRY = Rivalry(
    challenger="logistic", promote=True, warmup=100, guard=Guard(horizon=H, labels=30)
)
VECTORS = customers(400, 3)
SIGN = CATALOGUE.index["negatives"]


def shop(
    decisions: int, *, days: int = 150, risk: float = 0.5, change: int | None = None
) -> list[TrainingExample]:
    """Return examples of decisions whose label the silence says nothing of.

    After ``change`` days nearly everybody churns.
    """
    chance = np.random.default_rng(5)
    found = []
    for number in range(decisions):
        vector = VECTORS[number % len(VECTORS)]
        at = number * days * DAY // decisions
        churned = bool(chance.random() < (0.9 if vector[SIGN] > 0 else 0.1))
        churned |= change is not None and at > change * DAY and number % 7 > 0
        for stage, cut in ((0, 0.25), (LAST, 1.0)):
            found.append(
                TrainingExample(
                    example_id=f"d{number}" if stage else f"d{number}.0",
                    user_id=f"u{number % len(VECTORS)}",
                    at=at,
                    matured_at=at + round(cut * H),
                    cause="silence",
                    stage=stage,
                    returned_in=NOT_YET if churned else LAST,
                    label=int(churned or not stage),
                    risk=risk,
                    model_version="prior",
                    treated=False,
                    catalogue=CATALOGUE.fingerprint,
                    vector=vector.tolist(),
                )
            )
    return sorted(found, key=lambda each: (each.matured_at, each.example_id))


async def learnt(
    some: Sequence[TrainingExample],
    rivalry: Rivalry | None,
    *,
    name: str = "recency",
    restarts: bool = False,
    store: MemoryStore | None = None,
    first: int = 0,
) -> MemoryStore:
    """Have a learner read examples, by hundreds."""
    store = store or MemoryStore()
    learner = await Learner(store, name, rivalry).open()
    for start in range(0, len(some), CHUNK):
        await learner.take(*recorded(some[start : start + CHUNK], first + start))
        if restarts:
            learner = await Learner(store, name, rivalry).open()
    return store


async def notes_of(store: MemoryStore) -> Notes:
    notes = await read_notes(store)
    assert notes is not None
    return notes


async def published(store: MemoryStore, topic: str) -> list[bytes]:
    outbox = await store.outbox(PARTITION, range(10_000))
    messages = [unpack(data) for _, data in sorted(outbox.items())]
    return [message.value or b"" for message in messages if message.topic == topic]


async def told(store: MemoryStore) -> list[ModelEvent]:
    lines = await published(store, "model_events")
    return [msgspec.json.decode(line, type=ModelEvent) for line in lines]


@pytest.fixture(scope="module")
def promoted() -> MemoryStore:
    return asyncio.run(learnt(shop(3_000), RIVALRY))


def test_a_better_challenger_takes_over_and_the_workers_follow(promoted: MemoryStore) -> None:
    async def story() -> None:
        [event] = await told(promoted)
        assert (event.type, event.model.partition("-")[0]) == ("promoted", "recency")
        numbers = event.numbers
        assert numbers["evidence"] >= numbers["evidence_needed"] == pytest.approx(40)
        assert numbers["improvement"] > 0.05

        snapshots = [
            msgspec.json.decode(line, type=Snapshot) for line in await published(promoted, "models")
        ]
        names = [snapshot.name for snapshot in snapshots]
        first = names.index("logistic")
        assert set(names[:first]) == {"recency"}
        assert set(names[first:]) == {"logistic"}
        assert snapshots[first].version == event.challenger
        # One count for both: a version never means two models.
        assert [snapshot.number for snapshot in snapshots] == list(range(1, len(snapshots) + 1))
        worker = CurrentModel(promoted, TASK, 100)
        await worker.look()
        assert worker().version == snapshots[-1].version

        notes = await notes_of(promoted)
        assert (notes.champion, notes.challenger) == ("logistic", "recency")
        assert notes.events == [event]
        assert notes.trial.improvement < 0

    asyncio.run(story())


def test_both_learn_every_example_once_whoever_judges(promoted: MemoryStore) -> None:
    some = shop(3_000)

    async def story() -> None:
        page = await promoted.read(PARTITION, [RUNNING, CHALLENGER], -1, 0)
        for record, name in ((RUNNING, "logistic"), (CHALLENGER, "recency")):
            alone = REGISTRY[name].learner(TASK, None)
            alone.learn(some)
            found = msgspec.json.decode(page.records[record].state or b"", type=Snapshot)
            expected = msgspec.json.decode(msgspec.json.encode(alone.snapshot(0, {}).state))
            assert (found.name, found.learnt, found.state) == (name, 3_000, expected)

    asyncio.run(story())


def test_a_learner_that_is_replaced_after_every_chunk_does_as_one_alone(
    promoted: MemoryStore,
) -> None:
    async def records(store: MemoryStore) -> Any:
        names = [RUNNING, PUBLISHED, CHALLENGER, NOTES, STABILITY]
        names += [f"pairs-{number}" for number in range(Pairs.BLOCKS)]
        return (await store.read(PARTITION, names, -1, 0)).records

    async def story() -> None:
        often = await learnt(shop(3_000), RIVALRY, restarts=True)
        assert await records(often) == await records(promoted)
        assert await told(often) == await told(promoted)
        assert len(await told(often)) == 1

    asyncio.run(story())


def test_a_better_challenger_is_only_told_unless_it_may_take_over() -> None:
    async def story() -> None:
        store = await learnt(shop(3_000), replace(RIVALRY, promote=False))
        events = await told(store)
        assert {event.type for event in events} == {"better"}
        # Once in a cooldown while it stays so, not at every look.
        times = [event.at for event in events]
        assert 2 <= len(times) <= 4
        assert all(late - early >= 30 * DAY for early, late in pairwise(times))
        notes = await notes_of(store)
        assert (notes.champion, notes.challenger) == ("recency", "logistic")
        # Somebody reads it, and says yes.
        more = [
            msgspec.structs.replace(each, example_id=f"x{each.example_id}")
            for each in shop(3_000, days=160)[-200:]
        ]
        await learnt(more, RIVALRY, store=store, first=6_000)
        assert (await told(store))[-1].type == "promoted"

    asyncio.run(story())


def test_a_worse_challenger_stays_in_the_shadow() -> None:
    async def story() -> None:
        rivalry = replace(RIVALRY, challenger="recency")
        store = await learnt(shop(3_000), rivalry, name="logistic")
        notes = await notes_of(store)
        assert await told(store) == []
        assert notes.champion == "logistic"
        assert notes.trial.count > 500
        assert notes.trial.improvement < 0

    asyncio.run(story())


def test_both_score_before_either_has_learnt_anything_of_the_chunk() -> None:
    some = shop(400, days=60)

    async def story() -> None:
        store = MemoryStore()
        learner = await Learner(store, "bayes", RIVALRY).open()
        for start in range(0, 600, CHUNK):
            await learner.take(*recorded(some[start : start + CHUNK], start))
        page = await store.read(PARTITION, [RUNNING, CHALLENGER], -1, 0)
        judges = [
            judge_of(TASK, msgspec.json.decode(record.state or b"", type=Snapshot), 100)
            for record in page.records.values()
        ]
        await learner.take(*recorded(some[600:700], 600))
        notes = await notes_of(store)
        blocks = await store.read(PARTITION, ["pairs-0"], -1, 0)
        pairs = Pairs(H, notes.made, notes.first, {0: blocks.records["pairs-0"].state or b""})
        compared = 0
        for each in some[600:700]:
            said = pairs.said(each.user_id, each.example_id.removesuffix(".0"))
            if each.stage == 0 and said is not None:
                vector = np.array([each.vector], dtype=np.float32)
                risks = tuple(float(np.float32(judge.judge(vector).risks[0])) for judge in judges)
                assert said == pytest.approx(risks, abs=1e-6)
                compared += 1
        assert compared > 20

    asyncio.run(story())


def test_nothing_is_compared_before_the_challenger_can_judge_by_itself() -> None:
    async def story() -> None:
        store = await learnt(shop(400), replace(RIVALRY, warmup=401))
        assert (await notes_of(store)).made == 0

    asyncio.run(story())


def test_treated_customers_are_not_compared() -> None:
    async def story() -> None:
        some = [msgspec.structs.replace(each, treated=each.whole) for each in shop(1_000)]
        # The bayes model judges from its first day, and so does another beside it.
        store = await learnt(some, replace(RIVALRY, challenger="bayes", warmup=0))
        notes = await notes_of(store)
        assert notes.made > 300
        assert notes.trial.count == 0

    asyncio.run(story())


def test_another_challenger_starts_afresh_and_none_ends_it(promoted: MemoryStore) -> None:
    async def story() -> None:
        store = await learnt(shop(1_000), replace(RIVALRY, promote=False))
        before = await notes_of(store)
        assert before.trial.count > 0

        async def open_with(rivalry: Rivalry) -> Notes:
            learner = await Learner(store, "recency", rivalry).open()
            notes: Notes = learner.cursor.held.contest.notes
            return notes

        assert await open_with(replace(RIVALRY, promote=False)) == before
        other = await open_with(replace(RIVALRY, challenger="bayes"))
        assert (other.challenger, other.trial.count, other.first) == ("bayes", 0, before.made)
        nobody = await open_with(Rivalry())
        assert (nobody.challenger, nobody.trial.count) == ("", 0)
        assert nobody.champion == "recency"

    asyncio.run(story())


def test_who_has_taken_over_stays_when_nobody_challenges_any_more(promoted: MemoryStore) -> None:
    async def story() -> None:
        learner = await Learner(promoted, "recency", Rivalry()).open()
        notes = learner.cursor.held.contest.notes
        assert (notes.champion, notes.challenger) == ("logistic", "")

    asyncio.run(story())


@pytest.mark.parametrize("name", ["logistic", "bayes"])
def test_drift_is_told_and_can_start_a_challenger(name: str) -> None:
    """Another model, or one of the same kind that knows only the shop of now."""
    some = shop(8_000, days=300, risk=0.2, change=150)

    async def story() -> None:
        rivalry = Rivalry(on_drift=name, warmup=100, guard=RIVALRY.guard)
        store = await learnt(some, rivalry, name="bayes")
        events = await told(store)
        kinds = [event.type for event in events]
        drift = [event for event in events if event.type == "drift"]
        assert {event.feature for event in drift} == {"loss"}
        assert drift[0].model.startswith("bayes-")
        assert 180 * DAY < drift[0].at < 200 * DAY
        assert kinds.count("challenger") == 1
        assert kinds.index("challenger") > 0
        assert len({event.event_id for event in events}) == len(events)
        counts = read_mark(await store.mark(PARTITION)).counts
        notes = await notes_of(store)
        assert counts["alarms"] == len(drift) == notes.watch.alarms
        [started] = [event for event in events if event.type == "challenger"]
        assert (notes.challenger, notes.by_drift) == (name, started.at)
        assert notes.made > 0
        # Who was started so goes on after a restart, though the settings name nobody.
        heir = await Learner(store, "bayes", rivalry).open()
        assert heir.cursor.held.contest.notes == notes

    asyncio.run(story())


def test_a_challenger_that_drift_started_retires_when_it_has_not_proved_better() -> None:
    some = shop(8_000, days=600, risk=0.2, change=150)

    async def story() -> None:
        rivalry = Rivalry(
            on_drift="recency", warmup=100, guard=replace(RIVALRY.guard, improvement=9.0)
        )
        store = await learnt(some, rivalry, name="logistic")
        kinds = [event.type for event in await told(store) if event.type != "drift"]
        assert kinds == ["challenger", "retired"]
        assert (await notes_of(store)).challenger == ""

    asyncio.run(story())


def test_notes_of_a_newer_ebbtide_stop_the_learner() -> None:
    async def story() -> None:
        store = await learnt(shop(100), None)
        page = await store.read(PARTITION, [NOTES], -1, 0)
        newer = (page.records[NOTES].state or b"").removesuffix(b'"v":1}') + b'"v":9}'
        mark = await store.mark(PARTITION)
        assert mark is not None
        await store.commit(PARTITION, Commit(mark, mark, records={NOTES: Stored(newer)}))
        with pytest.raises(NewerVersion, match="newer Ebbtide"):
            await Learner(store, "recency").open()

    asyncio.run(story())
