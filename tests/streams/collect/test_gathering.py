"""What many requests bring goes in few batches, in order, and each is told of its own."""

from __future__ import annotations

import asyncio
from collections import defaultdict

from aiokafka.errors import MessageSizeTooLargeError, NotLeaderForPartitionError
from hypothesis import given
from hypothesis import strategies as st

from streams.collect.gathering import Lanes, Parcel, Record
from tests.streams.collect.servers import Broker


class Desk:
    """Where parcels are handed in, and what is heard of them."""

    def __init__(self, company: float = 0.0, **words: object) -> None:
        self.broker = Broker(**words)  # type: ignore[arg-type]
        self.heard: list[BaseException | None] = []
        self.ended: list[Parcel] = []
        self.lanes = Lanes(self.broker.producer(), self.heard.append, company)

    def put(self, *parts: tuple[int, list[str]]) -> Parcel:
        """Hand in a parcel of records for some partitions."""
        parcel = Parcel(self.ended.append)
        for partition, values in parts:
            records = [Record("clickstream", b"ada", value.encode(), []) for value in values]
            self.lanes.put(parcel, "clickstream", partition, records)
        return parcel

    def arrived(self) -> dict[int, list[str]]:
        """Return what the broker has, by partition."""
        found: dict[int, list[str]] = defaultdict(list)
        for sent in self.broker.records:
            found[sent.partition or 0].append((sent.value or b"").decode())
        return dict(found)


async def turn(desk: Desk) -> None:
    """Let everything that can happen, happen."""
    for _ in range(20):
        await asyncio.sleep(0)


def test_what_comes_while_a_batch_is_on_its_way_goes_in_the_next_one_together() -> None:
    async def story() -> None:
        desk = Desk(held=True)
        first = desk.put((0, ["a"]))
        await turn(desk)
        others = [desk.put((0, [str(number)])) for number in range(50)]
        await turn(desk)
        assert desk.broker.batches == 1
        desk.broker.let_go()
        await turn(desk)
        assert desk.broker.batches == 2
        assert desk.arrived() == {0: ["a", *map(str, range(50))]}
        assert all(parcel.answer.done() for parcel in (first, *others))
        assert desk.ended == [first, *others]

    asyncio.run(story())


def test_a_partition_that_is_slow_holds_up_no_other() -> None:
    async def story() -> None:
        desk = Desk(held=True)
        slow = desk.put((0, ["a"]), (1, ["b"]))
        await turn(desk)
        desk.broker.held = False
        quick = desk.put((2, ["c"]))
        await turn(desk)
        assert (quick.answer.done(), slow.answer.done()) == (True, False)
        # Of two partitions one has answered: that is not all of it.
        future, sent = desk.broker.waiting[0]
        desk.broker.records += sent
        future.set_result(None)
        await turn(desk)
        assert not slow.answer.done()
        desk.broker.let_go()
        await turn(desk)
        assert slow.answer.done()
        assert slow.error is None

    asyncio.run(story())


def test_who_is_alone_waits_for_nobody_and_who_is_not_waits_for_company() -> None:
    async def story() -> None:
        desk = Desk(company=3_600.0, held=True)
        desk.put((0, ["a"]))
        await turn(desk)
        assert desk.broker.batches == 1
        desk.put((1, ["b"]))
        await turn(desk)
        assert desk.broker.batches == 1

    asyncio.run(story())


def test_a_batch_that_fails_fails_those_whose_records_it_held_and_nobody_else() -> None:
    async def story() -> None:
        desk = Desk(failure=NotLeaderForPartitionError())
        both, other = desk.put((0, ["a"]), (1, ["b"])), desk.put((1, ["c"]))
        await turn(desk)
        assert isinstance(both.error, NotLeaderForPartitionError)
        assert other.error is None
        assert desk.arrived() == {1: ["b", "c"]}
        assert [type(each) for each in desk.heard] == [NotLeaderForPartitionError, type(None)]
        again = desk.put((0, ["a"]))
        await turn(desk)
        assert again.error is None

    asyncio.run(story())


def test_a_record_that_no_batch_holds_is_refused_and_the_next_goes_its_way() -> None:
    async def story() -> None:
        desk = Desk(holds=0)
        large = desk.put((0, ["a"]))
        await turn(desk)
        assert isinstance(large.error, MessageSizeTooLargeError)
        desk.broker.holds = 1
        small = desk.put((0, ["b"]))
        await turn(desk)
        assert small.error is None
        assert desk.arrived() == {0: ["b"]}

    asyncio.run(story())


def test_what_was_given_up_has_ended_once_whatever_is_heard_of_it_later() -> None:
    async def story() -> None:
        desk = Desk(held=True)
        parcel = desk.put((0, ["a"]), (1, ["b"]))
        await turn(desk)
        parcel.give_up(OSError())
        assert desk.ended == [parcel]
        assert isinstance(parcel.error, OSError)
        desk.broker.let_go()
        await turn(desk)
        assert desk.ended == [parcel]

    asyncio.run(story())


@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 2), st.integers(1, 5)), min_size=1, max_size=3),
        max_size=12,
    ),
    st.integers(1, 4),
    st.lists(st.booleans(), max_size=12),
)
def test_every_record_arrives_once_in_the_order_of_its_partition(
    parcels: list[list[tuple[int, int]]], holds: int, let_go: list[bool]
) -> None:
    async def story() -> None:
        desk = Desk(holds=holds, held=True)
        wanted: dict[int, list[str]] = defaultdict(list)
        put = []
        for number, parts in enumerate(parcels):
            named = [
                (partition, [f"{number}/{part}/{place}" for place in range(count)])
                for part, (partition, count) in enumerate(parts)
            ]
            for partition, values in named:
                wanted[partition] += values
            put.append(desk.put(*named))
            if number < len(let_go) and let_go[number]:
                await turn(desk)
                desk.broker.let_go()
                desk.broker.held = True
        desk.broker.held = False
        for _ in range(100):
            desk.broker.let_go()
            await turn(desk)
            if len(desk.ended) == len(put):
                break
        assert desk.arrived() == wanted
        assert all(parcel.error is None and parcel.answer.done() for parcel in put)
        assert len(desk.ended) == len(put)

    asyncio.run(story())
