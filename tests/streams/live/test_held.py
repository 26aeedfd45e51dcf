"""What a worker holds of a partition: fenced, and with every unpublished message."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from features.store import MemoryStore, Record
from streams.live.held import (
    MARK_VERSION,
    OUTBOX_BOUND,
    OUTBOX_BYTES,
    FencedOut,
    Held,
    read_mark,
)
from streams.live.messages import Message, pack
from streams.live.stopping import EventsMissing, NewerVersion, ShapeChanged
from tests.streams.live.fakes import logs

SHAPE = "the shape"


def said(*words: str) -> list[Message]:
    return [Message("interventions", word.encode(), b"{}", []) for word in words]


async def take(store: MemoryStore, shape: str = SHAPE) -> Held:
    held = Held(store, 0, await store.mark(0), shape)
    await held.recover_outbox()
    return held


async def commit(held: Held, offset: int, *words: str, **more: Any) -> None:
    values = {"watermark": 0, "partitions": 1, "records": {}, "timers": {}, "counts": {}, **more}
    await held.commit(offset=offset, messages=said(*words), **values)


def test_whoever_read_an_older_mark_cannot_write() -> None:
    async def story() -> None:
        store = MemoryStore()
        zombie, heir = await take(store), await take(store)
        await commit(heir, 5, "ada", records={"ada": Record(b"new", None)}, counts={"applied": 5})
        with pytest.raises(FencedOut):
            await commit(zombie, 3, "bob", records={"ada": Record(b"old", None)})
        after = await take(store)
        assert (after.mark.offset, after.mark.head, after.mark.counts) == (5, 1, {"applied": 5})
        assert (await store.read(0, ["ada"], -1, 0)).records["ada"].state == b"new"

    asyncio.run(story())


def test_a_fenced_commit_is_not_remembered() -> None:
    async def story() -> None:
        store = MemoryStore()
        zombie, heir = await take(store), await take(store)
        await commit(heir, 1)
        before = zombie.mark
        with pytest.raises(FencedOut):
            await commit(zombie, 1, "ada")
        assert zombie.mark is before
        assert zombie.unsent == {}

    asyncio.run(story())


def test_counts_add_up_and_every_commit_is_another_epoch() -> None:
    async def story() -> None:
        held = await take(MemoryStore())
        await commit(held, 2, counts={"applied": 2})
        await commit(held, 2, counts={"applied": 1, "late": 1})
        assert held.mark.counts == {"applied": 3, "late": 1}
        assert held.mark.epoch == 2

    asyncio.run(story())


def test_messages_that_were_not_acknowledged_are_taken_up_by_the_next_one() -> None:
    async def story() -> None:
        store = MemoryStore()
        first = await take(store)
        await commit(first, 1, "ada", "bob", "eve")
        first.acknowledge(1)
        await commit(first, 2)

        second = await take(store)
        assert second.published == 1
        assert second.unsent == {1: pack(said("bob")[0]), 2: pack(said("eve")[0])}

    asyncio.run(story())


def test_what_is_acknowledged_is_trimmed_with_the_next_commit() -> None:
    async def story() -> None:
        store = MemoryStore()
        held = await take(store)
        await commit(held, 1, "ada", "bob")
        held.acknowledge(2)
        assert held.untrimmed == 2
        assert len(await store.outbox(0, range(2))) == 2
        await commit(held, 2)
        assert held.untrimmed == 0
        assert await store.outbox(0, range(2)) == {}

    asyncio.run(story())


def test_a_long_outbox_is_recovered_whole() -> None:
    async def story() -> None:
        store = MemoryStore()
        names = [str(number) for number in range(2_500)]
        await commit(await take(store), 1, *names)
        assert len((await take(store)).unsent) == 2_500

    asyncio.run(story())


def test_too_many_unpublished_messages_make_the_handler_wait() -> None:
    async def story() -> None:
        held = await take(MemoryStore())
        await commit(held, 1, *(str(number) for number in range(OUTBOX_BOUND + 1)))
        waiting = asyncio.ensure_future(held.wait_for_room())
        await asyncio.sleep(0)
        assert not waiting.done()
        held.acknowledge(1)
        await asyncio.wait_for(waiting, 5)

    asyncio.run(story())


def test_a_state_of_another_shape_is_refused_in_words() -> None:
    async def story() -> None:
        store = MemoryStore()
        await commit(await take(store), 1)
        with pytest.raises(ShapeChanged, match=r"redis\.namespace"):
            await take(store, "another shape")

    asyncio.run(story())


def test_a_mark_of_the_version_before_is_read_and_of_a_newer_one_refused() -> None:
    old = b'{"offset":7,"epoch":3,"watermark":9,"tail":1,"head":2,"counts":{"applied":7},'
    old += b'"shape":"x","partitions":4,"v":1}'
    mark = read_mark(old)
    assert (mark.offset, mark.rekeyed, mark.topics, mark.recent) == (7, -1, {}, (0, 0))
    with pytest.raises(NewerVersion, match="newer Ebbtide"):
        read_mark(old.replace(b'"v":1', b'"v":%d' % (MARK_VERSION + 1)))


def test_a_topic_with_another_number_of_partitions_is_refused() -> None:
    async def story() -> None:
        store = MemoryStore()
        held = await take(store)
        held.expect_partitions(4)
        await commit(held, 1, partitions=4)
        heir = await take(store)
        heir.expect_partitions(4)
        with pytest.raises(ShapeChanged, match="has 5 partitions, and had 4"):
            heir.expect_partitions(5)

    asyncio.run(story())


def test_a_gap_that_is_accepted_is_counted_once() -> None:
    async def story() -> None:
        store = MemoryStore()
        await commit(await take(store), 3)
        held = await take(store)
        with pytest.raises(EventsMissing):
            await held.places({"clicks": 3}, logs("clicks", first=10), accept_gap=False)
        offsets = await held.places(
            {"clicks": 3}, logs("clicks", first=10, topic_id="t"), accept_gap=True
        )
        assert offsets == {"clicks": 10}
        await commit(held, 10)
        await commit(held, 11)
        mark = (await take(store)).mark
        assert mark.counts["missing"] == 7
        assert mark.topics == {"clicks": "t"}

    asyncio.run(story())


def test_what_is_published_is_taken_out_of_the_store_before_the_end() -> None:
    async def story() -> None:
        store = MemoryStore()
        held = await take(store)
        await commit(held, 1, "ada", "bob")
        await held.tidy()
        assert len(await store.outbox(0, range(5))) == 2
        held.acknowledge(2)
        await held.tidy()
        assert await store.outbox(0, range(5)) == {}
        assert (await take(store)).mark.tail == 2

    asyncio.run(story())


def test_whoever_waits_for_room_does_not_wait_when_the_partition_is_let_go() -> None:
    async def story() -> None:
        held = await take(MemoryStore())
        await commit(held, 1, *(str(number) for number in range(OUTBOX_BOUND + 1)))
        waiting = asyncio.ensure_future(held.wait_for_room())
        await asyncio.sleep(0)
        assert not waiting.done()
        held.release()
        with pytest.raises(FencedOut, match="let go"):
            await waiting

    asyncio.run(story())


def test_a_few_large_messages_fill_the_outbox_as_well_as_many_small_ones() -> None:
    async def story() -> None:
        held = await take(MemoryStore())
        big = "x" * (OUTBOX_BYTES // 4)
        await commit(held, 1, *(f"{big}{number}" for number in range(5)))
        heir = await take(held.store)  # type: ignore[arg-type]  # it is a MemoryStore
        for each in (held, heir):
            waiting = asyncio.ensure_future(each.wait_for_room())
            await asyncio.sleep(0)
            assert not waiting.done()
            each.acknowledge(2)
            await waiting

    asyncio.run(story())
