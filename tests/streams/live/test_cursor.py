"""Where reading goes on, and whose turn it is when two topics feed one partition."""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.live.cursor import Cursor, Place, in_turn, joined, pieces, place_in
from streams.live.stopping import EventsMissing
from tests.streams.live.fakes import HERE, Record, chunk_of, logs

OTHER = "clickstream-rekeyed"


def place(
    position: int, known: str = "", accept_gap: bool = False, lies: int = 0, **log: Any
) -> Place:
    """Return the place in a log; a broker that ``lies`` puts its end too early by so much."""
    [found] = logs(HERE.topic, **log).values()
    found = found._replace(last=found.last - lies)
    return asyncio.run(place_in("clickstream-0", found, position, known, accept_gap=accept_gap))


def test_reading_starts_where_the_log_does_and_goes_on_where_the_state_is() -> None:
    assert place(-1, first=7, last=20) == Place(7)
    assert place(7, first=7, last=20) == Place(7)
    assert place(20, first=7, last=20) == Place(20)
    assert place(20, first=7, last=20, lies=5) == Place(20)


def test_records_that_are_gone_stop_the_line_until_that_is_accepted() -> None:
    with pytest.raises(EventsMissing, match=r"at offset 3.*starts at 7: 4 records are missing"):
        place(3, first=7)
    assert place(3, first=7, accept_gap=True) == Place(7, 4)


def test_a_log_that_ends_too_early_stops_the_line_until_that_is_accepted() -> None:
    with pytest.raises(EventsMissing, match="lost records, or is another one"):
        place(30, last=20)
    # The same topic, cut short: what lies there was applied. Another one, perhaps: all of it.
    assert place(30, "same", last=20, topic_id="same", accept_gap=True) == Place(20)
    assert place(30, last=20, accept_gap=True) == Place(0)


def test_a_topic_created_anew_is_not_taken_for_the_old_one_however_long_it_has_grown() -> None:
    with pytest.raises(EventsMissing, match="deleted and created anew"):
        place(5, "old", last=1_000, topic_id="new")
    assert place(5, "old", last=1_000, topic_id="new", accept_gap=True) == Place(0)
    assert place(5, "old", last=1_000, topic_id="") == Place(5)
    assert place(5, "", last=1_000, topic_id="new") == Place(5)


def waiting(main: list[int], moved: list[int]) -> dict[str, deque[Any]]:
    return {
        topic: deque(Record(number, b"", timestamp=at, topic=topic) for number, at in enumerate(ts))
        for topic, ts in ((HERE.topic, main), (OTHER, moved))
    }


def arrivals(records: list[Any]) -> list[tuple[int, str]]:
    return [(record.timestamp, record.topic) for record in records]


def test_what_may_have_arrived_earlier_is_waited_for() -> None:
    queues = waiting([1, 2], [])
    assert in_turn(queues, lambda topic: topic == HERE.topic, 10) == []
    assert len(in_turn(queues, lambda topic: topic == OTHER, 10)) == 2


def test_what_one_topic_lacks_stops_the_other_there() -> None:
    queues = waiting([1, 4, 9], [2, 3])
    taken = in_turn(queues, lambda topic: topic == HERE.topic, 10)
    assert arrivals(taken) == [(1, HERE.topic), (2, OTHER), (3, OTHER)]


times = st.lists(st.integers(0, 20), max_size=12).map(sorted)


@given(times, times, st.integers(1, 7))
def test_records_come_in_the_order_of_their_arrival_however_few_at_once(
    main: list[int], moved: list[int], most: int
) -> None:
    queues = waiting(main, moved)
    taken: list[Any] = []
    while any(queues.values()):
        some = in_turn(queues, lambda topic: True, most)
        assert 0 < len(some) <= most
        taken += some
    tagged = [(at, HERE.topic) for at in main] + [(at, OTHER) for at in moved]
    assert arrivals(taken) == sorted(tagged, key=lambda each: (each[0], each[1] == OTHER))
    for topic in (HERE.topic, OTHER):
        offsets = [record.offset for record in taken if record.topic == topic]
        assert offsets == sorted(offsets)


@given(st.lists(st.integers(0, 30), min_size=1, max_size=20), st.integers(1, 40))
def test_a_chunk_is_not_larger_than_it_may_be_unless_one_record_is(
    sizes: list[int], most: int
) -> None:
    records = [Record(number, bytes(size)) for number, size in enumerate(sizes)]
    found = list(pieces(records, most))
    assert [record for piece in found for record in piece] == records
    for piece in found:
        assert len(piece) == 1 or sum(len(record.value or b"") for record in piece) <= most


@given(
    sizes=st.lists(st.integers(0, 6), min_size=1, max_size=12),
    lost=st.none() | st.integers(1, 11),
    batch=st.integers(1, 8),
    most=st.integers(1, 30),
)
def test_chunks_that_wait_are_joined_as_far_as_they_follow_on_and_fit(
    sizes: list[int], lost: int | None, batch: int, most: int
) -> None:
    cursor = Cursor(0, {HERE.topic: 0}, None)
    numbers = iter(range(100))
    made = [
        chunk_of(cursor, [Record(next(numbers), b"xyz") for _ in range(size)]) for size in sizes
    ]
    chunks = deque(chunk for number, chunk in enumerate(made) if number != lost)
    before = list(chunks)
    while chunks:
        taken, count = joined(chunks, batch, most)
        parts, before = before[:count], before[count:]
        assert taken.records == tuple(record for part in parts for record in part.records)
        assert (taken.start, taken.end) == (parts[0].start, parts[-1].end)
        # A place that was lost stays lost: whoever handles it must see that.
        assert all(one.end == other.start for one, other in itertools.pairwise(parts))
        if count > 1:
            assert len(taken.records) <= batch
            assert 3 * len(taken.records) <= most
        # No more of them fit than were taken.
        if chunks and chunks[0].start == taken.end and len(parts[0].records) < batch:
            together = len(taken.records) + len(chunks[0].records)
            assert together > batch or 3 * together > most
    assert before == []
