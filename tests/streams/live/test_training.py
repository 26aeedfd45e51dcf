"""The learner's reader on a store in memory: each example once, each snapshot with a number."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from features.store import MemoryStore
from models.learning import TrainingExample
from models.registry import REGISTRY
from models.watching import Rivalry
from streams.live.held import read_mark
from streams.live.messages import unpack
from streams.live.model import CHALLENGER, PUBLISHED, RUNNING, CurrentModel, read_snapshot
from tests.models.portraits import TASK, customers, examples_of
from tests.streams.live.fakes import HERE, Record
from tests.streams.live.lessons import Learner, recorded


def examples(count: int) -> list[TrainingExample]:
    return examples_of(customers(count, 7), [int(number % 3 == 0) for number in range(count)])


def test_a_learner_that_is_replaced_after_any_batch_learns_what_one_alone_would() -> None:
    some = examples(60)

    async def through(cuts: Sequence[int]) -> Any:
        store = MemoryStore()
        learner = await Learner(store).open()
        for start, end in zip([0, *cuts], [*cuts, len(some)], strict=True):
            assert learner.cursor.next == {HERE.topic: start}
            await learner.take(*recorded(some[start:end], start))
            learner = await Learner(store).open()
        found = await learner.snapshot(RUNNING)
        assert found is not None
        counts = read_mark(await store.mark(0)).counts
        return found.state, found.learnt, found.quality, counts["learnt"]

    async def all_of_it() -> None:
        state, learnt, quality, counted = await through([])
        assert learnt == counted == quality["count"] == 60
        assert await through([1, 2, 30, 59]) == (state, learnt, quality, counted)
        alone = REGISTRY["logistic"].learner(TASK, None)
        alone.learn(some)
        assert msgspec.json.decode(msgspec.json.encode(alone.snapshot(0, {}).state)) == state

    asyncio.run(all_of_it())


def test_what_a_killed_learner_had_not_published_is_published_by_the_next_one() -> None:
    async def story() -> None:
        store = MemoryStore()
        await (await Learner(store).open()).take(*recorded(examples(10)))
        assert await read_snapshot(store, PUBLISHED) is None

        heir = await Learner(store).open()
        heir.quiet_for(3_600)
        await heir.take()
        published = await heir.snapshot(PUBLISHED)
        assert published is not None
        assert (published.learnt, published.version) == (10, "logistic-1")

    asyncio.run(story())


def test_a_little_news_waits_for_a_quiet_moment_and_much_does_not() -> None:
    async def story() -> None:
        some = examples(101)
        learner = await Learner(MemoryStore()).open()
        await learner.take(*recorded(some[:99]))
        await learner.take()
        assert await learner.snapshot(PUBLISHED) is None
        await learner.take(*recorded(some[99:100], 99))
        first = await learner.snapshot(PUBLISHED)
        assert first is not None
        assert (first.number, first.learnt) == (1, 100)
        await learner.take(*recorded(some[100:], 100))
        await learner.take()
        assert await learner.snapshot(PUBLISHED) == first
        learner.quiet_for(3_600)
        await learner.take()
        second = await learner.snapshot(PUBLISHED)
        assert second is not None
        assert (second.number, second.learnt) == (2, 101)
        sent = await learner.store.outbox(0, range(10))
        assert [unpack(data).topic for data in sent.values()] == ["models", "models"]

    asyncio.run(story())


def test_an_example_of_another_catalogue_is_a_dead_letter() -> None:
    [good] = examples(1)
    foreign = msgspec.structs.replace(good, catalogue="another")
    short = msgspec.structs.replace(good, vector=good.vector[:-1])

    async def story() -> None:
        learner = await Learner(MemoryStore()).open()
        await learner.take(*recorded([foreign, good, short]), Record(3, b"{"), Record(4, None))
        mark = read_mark(await learner.store.mark(0))
        assert (mark.counts["learnt"], mark.counts["invalid"], mark.offset) == (1, 4, 5)
        sent = [unpack(data) for data in (await learner.store.outbox(0, range(10))).values()]
        assert {message.topic for message in sent} == {"dead_letters"}
        whys = [json.loads(dict(message.headers)["ebb_dead_letter"]) for message in sent]
        assert [why["offset"] for why in whys] == [0, 2, 3, 4]

    asyncio.run(story())


@pytest.mark.parametrize("warmup", [50, 500])
def test_workers_take_up_a_published_model_once_it_has_learnt_enough(warmup: int) -> None:
    async def story() -> None:
        store = MemoryStore()
        model = CurrentModel(store, TASK, warmup)
        await model.look()
        assert model().version == "prior"
        learner = await Learner(store).open()
        await learner.take(*recorded(examples(120)))
        await model.look()
        assert model().version == ("logistic-1" if warmup == 50 else "prior")

    asyncio.run(story())


def test_an_example_that_a_crash_sent_twice_is_learnt_once_by_the_heir_too() -> None:
    some = examples(30)

    async def story() -> None:
        store = MemoryStore()
        learner = await Learner(store).open()
        await learner.take(*recorded(some[:20]))
        await learner.take(*recorded(some[10:20], 20))
        heir = await Learner(store).open()
        await heir.take(*recorded([*some[5:], *some], 30))
        found = await heir.snapshot(RUNNING)
        alone = REGISTRY["logistic"].learner(TASK, None)
        alone.learn(some)
        assert found is not None
        assert found.learnt == 30
        assert found.state == msgspec.json.decode(msgspec.json.encode(alone.snapshot(0, {}).state))
        counts = read_mark(await store.mark(0)).counts
        assert (counts["learnt"], counts["repeated"]) == (30, 55)

    asyncio.run(story())


def test_another_model_in_the_settings_takes_over_and_numbers_go_on() -> None:
    some = examples(300)

    async def story() -> None:
        store = MemoryStore()
        first = await Learner(store, name="logistic").open()
        await first.take(*recorded(some[:150]))
        before = await first.snapshot(PUBLISHED)
        assert before is not None
        assert before.version == "logistic-1"

        second = await Learner(store, name="recency").open()
        assert second.cursor.next == {HERE.topic: 150}
        await second.take(*recorded(some[150:], 150))
        after = await second.snapshot(PUBLISHED)
        assert after is not None
        # What it was not there for it has not learnt, but every prediction was tested.
        assert (after.version, after.learnt) == ("recency-2", 150)
        running = await second.snapshot(RUNNING)
        assert running is not None
        assert running.quality["count"] == 300

        again = await Learner(store, name="recency").open()
        await again.take()
        assert await again.snapshot(RUNNING) == running

    asyncio.run(story())


def test_a_challenger_that_the_settings_choose_goes_on_from_where_it_is() -> None:
    some = examples(300)

    async def story() -> None:
        store = MemoryStore()
        both = await Learner(store, "recency", Rivalry(challenger="logistic")).open()
        await both.take(*recorded(some[:150]))
        challenger = await both.snapshot(CHALLENGER)
        assert challenger is not None

        chosen = await Learner(store, "logistic").open()
        assert chosen.cursor.held.contest.champion.snapshot(1, {}).state == challenger.state
        await chosen.take(*recorded(some[150:], 150))
        running = await chosen.snapshot(RUNNING)
        assert running is not None
        assert (running.version, running.learnt) == ("logistic-2", 300)

    asyncio.run(story())
