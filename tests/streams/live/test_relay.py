"""The relay: in order, nothing before its turn, and nothing forgotten while the broker is away."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from features.store import MemoryStore
from streams.live.held import Held
from streams.live.relay import Relay
from tests.streams.live.fakes import Producer, eventually
from tests.streams.live.test_held import commit, take

TOPICS = {"interventions": "shop.interventions", "training": "shop.training"}


def play(producer: Callable[[], Producer], story: Callable[..., Awaitable[None]]) -> None:
    """Run a story beside a relay that publishes through the producer."""

    async def all_of_it() -> None:
        made = producer()
        relay = Relay(lambda: made, TOPICS)
        running = asyncio.ensure_future(relay.run())
        try:
            await story(relay, made)
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running
        assert not made.started

    asyncio.run(all_of_it())


def keys(producer: Producer) -> list[bytes | None]:
    return [key for _, key, _ in producer.sent]


async def holding(relay: Relay, *words: str, partition: int = 0) -> Held:
    held = await take(MemoryStore())
    relay.take(partition, held)
    await commit(held, 1, *words)
    relay.wake()
    return held


def test_messages_leave_in_the_order_of_the_outbox_under_the_full_name_of_their_topic() -> None:
    async def story(relay: Relay, producer: Producer) -> None:
        names = [str(number) for number in range(2_300)]
        held = await holding(relay, *names)
        await eventually("all are published", lambda: held.published == 2_300)
        assert keys(producer) == [name.encode() for name in names]
        assert {topic for topic, _, _ in producer.sent} == {"shop.interventions"}
        assert held.unsent == {}

    play(Producer, story)


def test_a_message_counts_as_published_only_when_the_broker_has_acknowledged_it() -> None:
    async def story(relay: Relay, producer: Producer) -> None:
        producer.answers.clear()
        held = await holding(relay, "ada", "bob")
        await eventually("both are sent", lambda: len(producer.sent) == 2)
        assert held.published == 0
        assert len(held.unsent) == 2
        producer.answers.set()
        await eventually("both are published", lambda: held.published == 2)

    play(Producer, story)


def test_while_the_broker_is_away_messages_wait_and_then_leave_in_order() -> None:
    async def story(relay: Relay, producer: Producer) -> None:
        held = await holding(relay, "ada", "bob")
        await eventually("both are published", lambda: held.published == 2)
        assert keys(producer) == [b"ada", b"bob"]

    play(lambda: Producer(failures=2), story)


def test_partitions_do_not_wait_for_each_other() -> None:
    async def story(relay: Relay, producer: Producer) -> None:
        producer.answers.clear()
        first, second = await holding(relay, "ada"), await holding(relay, "bob", partition=1)
        await eventually("both are under way", lambda: len(producer.sent) == 2)
        # What comes while they are goes after them: one flight of a partition at a time.
        await commit(first, 2, "eve")
        relay.wake()
        await commit(second, 2, "joe")
        relay.wake()
        producer.answers.set()
        await eventually("all is published", lambda: (first.published, second.published) == (2, 2))
        assert keys(producer) == [b"ada", b"bob", b"eve", b"joe"]

    play(Producer, story)


def test_a_partition_with_much_to_publish_lets_the_others_have_their_turn() -> None:
    async def story(relay: Relay, producer: Producer) -> None:
        busy = await holding(relay, *(str(number) for number in range(3_000)))
        quiet = await holding(relay, "bob", partition=1)
        await eventually(
            "all is published", lambda: (busy.published, quiet.published) == (3_000, 1)
        )
        assert keys(producer).index(b"bob") < 2_000

    play(Producer, story)


def test_a_partition_that_was_let_go_is_published_no_more() -> None:
    async def story(relay: Relay, producer: Producer) -> None:
        lost = await holding(relay, "ada")
        await eventually("ada is published", lambda: lost.published == 1)
        relay.let_go(0)
        await commit(lost, 2, "bob")
        relay.wake()
        kept = await holding(relay, "eve", partition=1)
        await eventually("eve is published", lambda: kept.published == 1)
        assert keys(producer) == [b"ada", b"eve"]

    play(Producer, story)


def test_what_the_last_holder_left_unpublished_is_published_by_the_next() -> None:
    async def story(relay: Relay, producer: Producer) -> None:
        store = MemoryStore()
        await commit(await take(store), 1, "ada", "bob")
        held = await take(store)
        relay.take(0, held)
        await eventually("both are published", lambda: held.published == 2)
        assert keys(producer) == [b"ada", b"bob"]

    play(Producer, story)


def test_what_was_published_is_not_sent_again_when_the_place_is_only_read_again() -> None:
    async def story(relay: Relay, producer: Producer) -> None:
        store = MemoryStore()
        held = await take(store)
        relay.take(0, held)
        await commit(held, 1, "ada", "bob")
        relay.wake()
        await eventually("both are published", lambda: held.published == 2)

        again = await take(store)
        relay.let_go(0)
        relay.take(0, again)
        await eventually("it is known", lambda: again.published == 2)
        assert again.unsent == {}
        await commit(again, 2, "eve")
        relay.wake()
        await eventually("the next is published", lambda: again.published == 3)
        assert keys(producer) == [b"ada", b"bob", b"eve"]

        # Somebody else has written meanwhile: what is published then is not known here.
        heir = await take(store)
        await commit(heir, 3)
        last = await take(store)
        relay.let_go(0)
        relay.take(0, last)
        await eventually("it is sent again", lambda: last.published == 3)
        assert keys(producer) == [b"ada", b"bob", b"eve", b"eve"]

    play(Producer, story)
