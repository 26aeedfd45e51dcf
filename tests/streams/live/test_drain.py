"""The drain loop: what was fetched is taken, or its place is read again; nothing in between."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import IllegalStateError
from faust.types import TP

from streams.live.chunks import ChunkConsumer
from streams.live.cursor import Cursor
from tests.streams.live.fakes import HERE, Record

OTHER = TP(HERE.topic, 1)


class Reader:
    """A reader that only has to be told what was let go."""

    batch = 10
    topics = (HERE.topic,)

    def __init__(self) -> None:
        self.gone: list[int] = []

    def let_go(self, partition: int) -> None:
        self.gone.append(partition)


class Consumer(ChunkConsumer):
    """The consumer without Faust and Kafka: one answer to a fetch, and what is delivered of it."""

    flow_active = True
    should_stop = False
    consumer_stopped_errors = ()

    def __init__(self, fetched: dict[TP, list[Record]], firsts: dict[int, Any]) -> None:
        self.app = self  # type: ignore[assignment]  # a fake
        self.reader = Reader()
        self.answer = fetched
        self.firsts = firsts
        self.put: list[tuple[int, list[int]]] = []
        self.hurried: list[bool] = []
        self._thread = SimpleNamespace(hurry=lambda *, busy: self.hurried.append(busy))
        for tp in (HERE, OTHER):
            self.cursors[tp.partition] = Cursor(tp.partition, {tp.topic: 5}, None)

    async def _getmany(self, active_partitions: Any, timeout: float) -> Any:
        return self.answer

    async def _check_gap(self, cursor: Cursor, tp: TP, expected: int, found: int) -> None:
        answer = self.firsts[tp.partition]
        if isinstance(answer, Exception):
            raise answer

    def _at_end(self, cursor: Cursor, topic: str) -> bool:
        return True

    async def _put(self, cursor: Cursor, records: tuple[Any, ...]) -> None:
        self.put.append((cursor.partition, [record.offset for record in records]))


def records(partition: int, *offsets: int) -> list[Record]:
    return [Record(offset, b"{}", partition=partition) for offset in offsets]


def test_a_doubt_about_one_partition_loses_nothing_that_was_fetched_of_another() -> None:
    fetched = {HERE: records(0, 9, 10), OTHER: records(1, 5, 6)}
    consumer = Consumer(fetched, {0: TimeoutError("no answer")})
    asyncio.run(consumer._deliver())
    assert consumer.put == [(1, [5, 6])]
    assert consumer.reader.gone == [0]
    assert set(consumer.cursors) == {1}


def test_a_log_that_went_back_by_itself_has_its_place_read_again() -> None:
    consumer = Consumer({HERE: records(0, 0, 1)}, {})
    asyncio.run(consumer._deliver())
    assert consumer.put == []
    assert consumer.reader.gone == [0]


def test_a_legal_gap_is_passed_over() -> None:
    consumer = Consumer({HERE: records(0, 7, 9)}, {0: None})
    asyncio.run(consumer._deliver())
    assert consumer.put == [(0, [7, 9])]


def test_what_is_fetched_while_the_flow_is_stopped_is_read_again() -> None:
    consumer = Consumer({HERE: records(0, 5)}, {})
    consumer.flow_active = False
    asyncio.run(consumer._deliver())
    assert consumer.put == []
    assert consumer.reader.gone == [0]


def test_an_answer_that_never_came_has_every_place_read_again() -> None:
    consumer = Consumer({}, {})

    async def lost(*_: Any) -> Any:
        raise ConnectionError("the broker is away")

    consumer._getmany = lost  # type: ignore[method-assign]  # a fake
    with pytest.raises(ConnectionError):
        asyncio.run(consumer._deliver())
    assert sorted(consumer.reader.gone) == [0, 1]


@pytest.mark.parametrize("seeks", [0, 1])
def test_a_partition_that_a_rebalance_takes_away_while_it_is_opened_is_let_go(seeks: int) -> None:
    consumer = Consumer({}, {})
    consumer.cursors.clear()
    mine, done = {0, 1}, []

    async def logs(numbers: Any) -> Any:
        return dict.fromkeys(numbers)

    async def opened(number: int, log: Any) -> Any:
        return {HERE.topic: 5, "another": 7}, None

    async def seek(tp: TP, offset: int) -> None:
        if tp.partition == 1 and len(done) == 2 + seeks:
            mine.discard(1)
            raise IllegalStateError(f"no current assignment for {tp}")
        done.append(tp)

    consumer.partitions = lambda: mine  # type: ignore[method-assign]  # a fake
    consumer._logs = logs  # type: ignore[method-assign]  # a fake
    consumer.reader.open = opened  # type: ignore[attr-defined]  # a fake
    consumer._seek_to = seek  # type: ignore[method-assign]  # a fake
    asyncio.run(consumer._open_missing())
    assert set(consumer.cursors) == {0}
    assert consumer.reader.gone == [1]


class Stopping:
    """The service that runs the loop."""

    should_stop = False


@pytest.mark.parametrize("stops", [True, False])
def test_an_answer_that_is_cancelled_ends_the_loop_quietly_in_a_stop_and_only_then(
    stops: bool,
) -> None:
    consumer = Consumer({}, {})

    async def cancelled() -> None:
        consumer.should_stop = stops
        raise asyncio.CancelledError

    consumer._open_missing = cancelled  # type: ignore[method-assign]  # a fake
    if stops:
        asyncio.run(consumer._drain_messages(Stopping()))
    else:
        with pytest.raises(asyncio.CancelledError):
            asyncio.run(consumer._drain_messages(Stopping()))


def test_the_broker_is_asked_to_answer_soon_once_there_was_something() -> None:
    consumer = Consumer({HERE: [Record(5, b"{}")]}, {})
    for _ in range(2):
        asyncio.run(consumer._deliver())
        consumer.answer = {}
    assert consumer.hurried == [False, True]


@pytest.mark.parametrize("count", [1, 2])
def test_records_are_few_as_long_as_they_do_not_fill_a_batch(count: int) -> None:
    consumer = Consumer({HERE: [Record(5 + n, b"{}") for n in range(count)]}, {})
    consumer.reader.batch = 2
    asyncio.run(consumer._deliver())
    assert consumer._few == (count < 2)
