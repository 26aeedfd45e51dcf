"""A chunk is handled only if it follows on what is stored, and only by who still holds it."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from streams.live.cursor import Chunk, Cursor
from streams.live.serving import ChunkApp
from streams.live.stopping import CannotGoOn, ShapeChanged
from tests.streams.live.fakes import HERE, Record, chunk_of, eventually


class Consumer:
    """The consumer's book of cursors."""

    def __init__(self, cursor: Cursor) -> None:
        self.cursors = {cursor.partition: cursor}
        self.finished = 0
        self.rested: list[int] = []

    def drop(self, cursor: Cursor) -> None:
        if self.cursors.get(cursor.partition) is cursor:
            del self.cursors[cursor.partition]

    def rest(self, partition: int) -> None:
        self.rested.append(partition)

    def works(self, partition: int) -> None:
        pass

    def done(self, cursor: Cursor) -> None:
        self.finished += 1


class App(ChunkApp):
    """An app without Faust: `ChunkApp.serve`, and what it asks of itself."""

    should_stop = False
    batch = 3

    def __init__(self, cursor: Cursor, error: Exception | None = None) -> None:
        self.consumer = Consumer(cursor)
        self.reader = self
        self.error = error
        self.handled: list[int] = []
        self.gave_up: CannotGoOn | None = None

    async def handle(self, chunk: Chunk) -> None:
        if self.error is not None:
            raise self.error
        self.handled += [record.offset for record in chunk.records]

    async def give_up(self, error: CannotGoOn) -> None:
        self.gave_up = error

    def serve(self, *chunks: Chunk) -> None:
        async def all_of_them() -> None:
            for chunk in chunks:
                await super(App, self).serve(chunk)
            await self.batches_done()

        asyncio.run(all_of_them())


def records(*offsets: int) -> list[Any]:
    return [Record(offset, b"{}") for offset in offsets]


def test_chunks_that_follow_on_each_other_are_handled() -> None:
    cursor = Cursor(0, {HERE.topic: 5}, None)
    app = App(cursor)
    # Offsets without a record are legal: a transaction's marker has one.
    app.serve(
        *(chunk_of(cursor, found) for found in (records(5, 6), [], records(7, 9), records(11)))
    )
    assert app.handled == [5, 6, 7, 9, 11]
    assert cursor.committed == {HERE.topic: 12}
    assert app.consumer.finished == 4


def test_a_chunk_that_never_arrived_is_not_passed_over() -> None:
    cursor = Cursor(0, {HERE.topic: 5}, None)
    app = App(cursor)
    first, _lost, third = (chunk_of(cursor, found) for found in map(records, (5, 6, 7)))
    app.serve(first, third)
    assert app.handled == [5]
    assert app.consumer.cursors == {}
    assert app.consumer.finished == 2


def test_a_chunk_of_a_cursor_that_was_dropped_is_not_handled() -> None:
    cursor = Cursor(0, {HERE.topic: 5}, None)
    app = App(cursor)
    heir = Cursor(0, {HERE.topic: 5}, None)
    app.consumer.cursors[0] = heir
    app.serve(chunk_of(cursor, records(5)))
    assert app.handled == []
    assert app.consumer.cursors == {0: heir}


def test_a_partition_does_not_wait_for_the_batch_of_another() -> None:
    slow, quick = Cursor(0, {HERE.topic: 5}, None), Cursor(1, {HERE.topic: 5}, None)
    app = App(slow)
    app.batch = 1
    app.consumer.cursors[1] = quick
    finished: list[int] = []

    async def story() -> None:
        store = asyncio.Event()

        async def handle(chunk: Chunk) -> None:
            if chunk.cursor is slow:
                await store.wait()
            finished.append(chunk.cursor.partition)

        app.handle = handle  # type: ignore[method-assign]
        for cursor in (slow, slow, quick):
            await super(App, app).serve(chunk_of(cursor, records(cursor.next[HERE.topic])))
        await eventually("the other partition goes on", lambda: finished == [1])
        store.set()
        await app.batches_done()

    asyncio.run(story())
    # Of the one that waited, one after the other, and both.
    assert finished == [1, 0, 0]
    assert slow.committed == {HERE.topic: 7}


def test_what_went_wrong_drops_the_cursor_and_nothing_else() -> None:
    cursor = Cursor(0, {HERE.topic: 5}, None)
    app = App(cursor, ConnectionError("the store is away"))
    app.serve(chunk_of(cursor, records(5)))
    assert app.consumer.cursors == {}
    assert cursor.committed == {HERE.topic: 5}
    assert app.gave_up is None
    assert app.consumer.finished == 1
    assert app.consumer.rested == [0]
    assert app.trouble == {"partition 0": "the store is away"}


def test_what_goes_wrong_where_somebody_else_works_by_now_is_not_our_trouble() -> None:
    cursor = Cursor(0, {HERE.topic: 5}, None)
    app = App(cursor)

    async def handle(chunk: Chunk) -> None:
        app.consumer.cursors.clear()  # a rebalance, in the midst of the batch
        raise ConnectionError("partition 0 was written by another worker")

    app.handle = handle  # type: ignore[method-assign]
    app.serve(chunk_of(cursor, records(5)))
    assert app.trouble == {}
    assert app.consumer.rested == []
    assert app.consumer.finished == 1


def test_a_reason_to_stop_stops_the_process() -> None:
    cursor = Cursor(0, {HERE.topic: 5}, None)
    error = ShapeChanged("built with other settings")
    app = App(cursor, error)
    app.serve(chunk_of(cursor, records(5)))
    assert app.gave_up is error


def test_a_reason_to_stop_is_told_in_words_and_other_crashes_with_their_place(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log = logging.getLogger("streams.live.chunks")
    for error in (ShapeChanged("told already"), ZeroDivisionError("our own fault")):
        try:
            raise error
        except Exception:
            log.exception("Crashed")
    assert "told already" not in caplog.text
    assert "our own fault" in caplog.text
