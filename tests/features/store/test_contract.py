"""What every store must do, whatever it keeps the customers in."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features import NEVER
from features.store import MOST_LOOKED_AT, Commit, Look, Record, Store
from tests.features.store.conftest import Play, in_memory, in_redis

PARTITION = 3
ODD_NAMES = [
    "ada",
    "björn",
    "李雷",
    "🛒",
    "a:b",
    "{a}",
    "}{",
    " two words ",
    "s:x",
    "l:x",
    "o:1",
    "@",
    "*",
    "[a-z]",
    "a\x00b",
    "a\nb",
    "x" * 200,
]
BINARY = bytes(range(256)) * 2


async def everything(store: Store, partition: int = PARTITION) -> object:
    """Return all that a store says of a partition."""
    customers = {name: record async for name, record in store.customers(partition)}
    page = await store.read(partition, ODD_NAMES, 1 << 53, 10_000)
    assert set(customers) == {name async for name in store.names(partition)}
    return (
        await store.look(partition, ODD_NAMES),
        await store.mark(partition),
        customers,
        dict(page.records),
        list(page.due),
        await store.outbox(partition, range(100)),
    )


def full(expected: bytes | None = None, mark: bytes = b"1") -> Commit:
    return Commit(
        expected,
        mark,
        {"ada": Record(b"state", b"ledger"), "bob": Record(b"S", b"L")},
        {"ada": 10, "bob": 20},
        {1: b"one", 2: b"two"},
    )


def test_a_partition_never_written_has_nothing(play: Play) -> None:
    async def story(store: Store) -> None:
        assert await store.mark(PARTITION) is None
        assert (await store.read(PARTITION, ["ada"], NEVER, 5))[:2] == ({"ada": Record()}, [])
        assert await store.look(PARTITION, ["ada"]) == Look(None, {"ada": Record()}, {})
        assert await store.outbox(PARTITION, range(5)) == {}
        assert [each async for each in store.customers(PARTITION)] == []
        assert [each async for each in store.names(PARTITION)] == []

    play(story)


def test_what_is_committed_is_read(play: Play) -> None:
    async def story(store: Store) -> None:
        assert await store.commit(PARTITION, full())
        assert await store.mark(PARTITION) == b"1"
        page = await store.read(PARTITION, ["ada", "nobody", "bob"], 0, 5)
        assert page.records == {
            "ada": Record(b"state", b"ledger"),
            "nobody": Record(),
            "bob": Record(b"S", b"L"),
        }
        assert list(page.due) == []
        assert await store.outbox(PARTITION, range(5)) == {1: b"one", 2: b"two"}

    play(story)


def test_each_commit_moves_the_mark_on_from_the_one_before(play: Play) -> None:
    async def story(store: Store) -> None:
        assert await store.commit(PARTITION, full(None, b"first"))
        assert await store.commit(PARTITION, full(b"first", b"\x00\xff next"))
        assert await store.mark(PARTITION) == b"\x00\xff next"
        assert await store.commit(PARTITION, Commit(b"\x00\xff next", b"last"))
        assert await store.mark(PARTITION) == b"last"

    play(story)


@pytest.mark.parametrize("wrong", [None, b"0", b"2", b"11", b"1\x00"])
def test_a_commit_that_expects_another_mark_writes_nothing_at_all(
    wrong: bytes | None, play: Play
) -> None:
    async def story(store: Store) -> None:
        assert await store.commit(PARTITION, full(None, b"1"))
        before = await everything(store)
        zombie = Commit(
            wrong,
            b"zombie",
            {"ada": Record(b"z", b"z"), "eve": Record(b"z", b"z")},
            {"ada": NEVER, "bob": 5, "eve": 1},
            {2: b"z", 3: b"z"},
            range(1, 3),
        )
        assert await store.commit(PARTITION, zombie) is False
        assert await everything(store) == before

    play(story)


def test_the_first_commit_must_expect_no_mark(play: Play) -> None:
    async def story(store: Store) -> None:
        before = await everything(store)
        assert await store.commit(PARTITION, full(b"restored elsewhere")) is False
        assert await everything(store) == before

    play(story)


def test_of_two_writers_who_read_the_same_mark_one_wins(play: Play) -> None:
    async def story(store: Store) -> None:
        commits = [
            Commit(None, mark, {"ada": Record(mark, mark)}, {"ada": 1}) for mark in (b"a", b"b")
        ]
        won = await asyncio.gather(*(store.commit(PARTITION, commit) for commit in commits))
        assert sorted(won) == [False, True]
        mark = commits[won.index(True)].mark
        assert await store.mark(PARTITION) == mark
        page = await store.read(PARTITION, ["ada"], 0, 1)
        assert page.records["ada"] == Record(mark, mark)

    play(story)


def test_a_part_that_is_not_given_stays_as_it_was(play: Play) -> None:
    async def story(store: Store) -> None:
        await store.commit(PARTITION, full())
        new = {"ada": Record(state=b"new"), "bob": Record(ledger=b"new")}
        await store.commit(PARTITION, Commit(b"1", b"2", new))
        page = await store.read(PARTITION, ["ada", "bob"], 0, 1)
        assert page.records == {"ada": Record(b"new", b"ledger"), "bob": Record(b"S", b"new")}

    play(story)


def test_an_empty_part_is_not_an_absent_one(play: Play) -> None:
    async def story(store: Store) -> None:
        await store.commit(PARTITION, Commit(None, b"1", {"ada": Record(b"", b"")}, {}, {1: b""}))
        page = await store.read(PARTITION, ["ada"], 0, 1)
        assert page.records == {"ada": Record(b"", b"")}
        assert await store.outbox(PARTITION, range(3)) == {1: b""}

    play(story)


def test_timers_come_in_order_up_to_the_limit_and_with_their_records(play: Play) -> None:
    async def story(store: Store) -> None:
        times = {"late": 30, "b": 10, "a": 10, "ä": 10, "soon": 5, "far": 4_102_444_800_000}
        records = {name: Record(name.encode(), b"l") for name in times}
        await store.commit(PARTITION, Commit(None, b"1", records, times))
        for due_by, limit, expected in [
            (4, 9, []),
            (5, 9, ["soon"]),
            (10, 9, ["soon", "a", "b", "ä"]),
            (10, 2, ["soon", "a"]),
            (10, 0, []),
            (29, 9, ["soon", "a", "b", "ä"]),
            (4_102_444_799_999, 9, ["soon", "a", "b", "ä", "late"]),
            (NEVER, 9, ["soon", "a", "b", "ä", "late", "far"]),
        ]:
            page = await store.read(PARTITION, ["a", "other"], due_by, limit)
            assert list(page.due) == expected
            assert page.records == {
                "a": records["a"],
                "other": Record(),
                **{name: records[name] for name in expected},
            }

    play(story)


def test_a_timer_is_moved_and_removed(play: Play) -> None:
    async def story(store: Store) -> None:
        await store.commit(PARTITION, Commit(None, b"1", {}, {"ada": 10, "bob": 20, "eve": 30}))
        await store.commit(
            PARTITION, Commit(b"1", b"2", {}, {"ada": 25, "bob": NEVER, "nobody": NEVER})
        )
        assert list((await store.read(PARTITION, [], 24, 9)).due) == []
        assert list((await store.read(PARTITION, [], 1 << 53, 9)).due) == ["ada", "eve"]

    play(story)


def test_times_are_exact_to_the_millisecond(play: Play) -> None:
    async def story(store: Store) -> None:
        due = 4_102_444_800_000
        await store.commit(PARTITION, Commit(None, b"1", {}, {"ada": due}))
        assert list((await store.read(PARTITION, [], due - 1, 9)).due) == []
        assert list((await store.read(PARTITION, [], due, 9)).due) == ["ada"]

    play(story)


def test_the_outbox_keeps_messages_until_they_are_trimmed(play: Play) -> None:
    async def story(store: Store) -> None:
        messages = {number: b"m%d\x00" % number for number in range(10)}
        await store.commit(PARTITION, Commit(None, b"1", outbox=messages))
        assert await store.outbox(PARTITION, range(3, 5)) == {3: b"m3\x00", 4: b"m4\x00"}
        assert await store.outbox(PARTITION, range(0)) == {}
        # What was acknowledged goes in the same step as what is new.
        await store.commit(PARTITION, Commit(b"1", b"2", outbox={10: b"m10"}, trim=range(8)))
        assert await store.outbox(PARTITION, range(20)) == {8: b"m8\x00", 9: b"m9\x00", 10: b"m10"}
        await store.commit(PARTITION, Commit(b"2", b"3", trim=range(50)))
        assert await store.outbox(PARTITION, range(20)) == {}

    play(story)


def test_partitions_know_nothing_of_each_other(play: Play) -> None:
    async def story(store: Store) -> None:
        await store.commit(1, full(None, b"one"))
        before = await everything(store, 1)
        assert await everything(store, 11) == await everything(store, 2)
        assert await store.mark(11) is None
        await store.commit(11, Commit(None, b"eleven", {"ada": Record(b"x", b"y")}, {"ada": 1}))
        assert await everything(store, 1) == before

    play(story)


def test_any_id_of_a_customer_is_kept_apart_from_all_else(play: Play) -> None:
    async def story(store: Store) -> None:
        records = {
            name: Record(b"state of " + name.encode(), b"ledger of " + name.encode())
            for name in ODD_NAMES
        }
        times = {name: 100 + place for place, name in enumerate(ODD_NAMES)}
        await store.commit(PARTITION, Commit(None, b"mark", records, times, {1: b"message"}))
        page = await store.read(PARTITION, ODD_NAMES[:3], 1_000, 1_000)
        assert page.records == records
        assert list(page.due) == ODD_NAMES
        assert {name: record async for name, record in store.customers(PARTITION)} == records
        assert await store.mark(PARTITION) == b"mark"
        assert await store.outbox(PARTITION, range(3)) == {1: b"message"}

    play(story)


def test_all_customers_are_iterated_over(play: Play) -> None:
    async def story(store: Store) -> None:
        records = {f"c{number}": Record(b"%d" % number, b"l") for number in range(1_500)}
        await store.commit(PARTITION, Commit(None, b"1", records, {}, {1: b"no customer"}))
        assert {name: record async for name, record in store.customers(PARTITION)} == records

    play(story)


def test_who_has_no_state_is_no_customer_yet(play: Play) -> None:
    async def story(store: Store) -> None:
        await store.commit(PARTITION, Commit(None, b"1", {"ada": Record(ledger=b"l")}))
        found = {name: record async for name, record in store.customers(PARTITION)}
        assert found == {}

    play(story)


def test_the_names_are_those_of_the_customers(play: Play) -> None:
    async def story(store: Store) -> None:
        records = {f"c{number}": Record(b"%d" % number, b"l") for number in range(1_500)}
        records |= {name: Record(b"s") for name in ODD_NAMES}
        commit = Commit(None, b"1", {**records, "ledger only": Record(ledger=b"l")}, {}, {1: b"m"})
        await store.commit(PARTITION, commit)
        assert {name async for name in store.names(PARTITION)} == set(records)

    play(story)


def test_a_look_shows_the_mark_with_the_customers_and_their_timers(play: Play) -> None:
    async def story(store: Store) -> None:
        records = {name: Record(b"s" + name.encode(), b"l") for name in ODD_NAMES}
        times = {name: 4_102_444_800_000 - place for place, name in enumerate(ODD_NAMES[3:])}
        await store.commit(PARTITION, Commit(None, b"\x00mark", records, times, {1: b"m"}))
        found = await store.look(PARTITION, [*ODD_NAMES, "nobody", *ODD_NAMES])
        assert found == Look(b"\x00mark", {**records, "nobody": Record()}, times)
        assert await store.look(PARTITION, []) == Look(b"\x00mark", {}, {})

    play(story)


def test_a_look_is_of_one_instant_while_others_write(play: Play) -> None:
    async def story(store: Store) -> None:
        names = [str(number) for number in range(300)]

        async def write() -> None:
            before = None
            for number in range(60):
                mark = b"%d" % number
                records = dict.fromkeys(names, Record(mark, mark))
                commit = Commit(before, mark, records, dict.fromkeys(names, number))
                assert await store.commit(PARTITION, commit)
                before = mark
                await asyncio.sleep(0)

        writing = asyncio.create_task(write())
        while not writing.done():
            mark, records, timers = await store.look(PARTITION, names)
            if mark is not None:
                assert set(records.values()) == {Record(mark, mark)}
                assert set(timers.values()) == {int(mark)}
            await asyncio.sleep(0)
        await writing

    play(story)


def test_a_look_is_at_so_many_customers_and_no_more(play: Play) -> None:
    async def story(store: Store) -> None:
        names = [f"customer {number}" for number in range(MOST_LOOKED_AT + 1)]
        most = names[:-1]
        assert await store.look(PARTITION, most) == Look(None, dict.fromkeys(most, Record()), {})
        with pytest.raises(ValueError, match="2001 customers are more than a look's 2000"):
            await store.look(PARTITION, names)

    play(story)


def test_the_largest_commit_is_written_whole(play: Play) -> None:
    async def story(store: Store) -> None:
        records = {
            f"customer {number}": Record(BINARY + b"%d" % number, b"\x00" * 100 + b"%d" % number)
            for number in range(1_800)
        }
        times = dict.fromkeys(records, 7)
        gone = {f"gone {number}": NEVER for number in range(5_000)}
        messages = {number: BINARY for number in range(2_500)}
        await store.commit(PARTITION, Commit(None, b"0", {}, dict.fromkeys(gone, 3)))
        commit = Commit(b"0", b"1", records, {**times, **gone}, messages, range(9_000, 14_000))
        assert await store.commit(PARTITION, commit)
        assert await store.mark(PARTITION) == b"1"
        page = await store.read(PARTITION, records, 7, 10_000)
        assert page.records == records
        assert list(page.due) == sorted(records)
        assert await store.outbox(PARTITION, range(3_000)) == messages

    play(story)


# -- random operations on both ----------------------------------------------------------------

NAMES = st.sampled_from(ODD_NAMES[:9])
PARTS = st.one_of(st.none(), st.binary(max_size=6))


@dataclass(frozen=True)
class Step:
    """A commit, perhaps of someone who has read an old mark, and what is asked after it."""

    fenced: bool
    mark: bytes
    records: dict[str, Record]
    timers: dict[str, int]
    outbox: dict[int, bytes]
    trim: range
    due_by: int
    limit: int
    partition: int = field(default=PARTITION)


STEPS = st.lists(
    st.builds(
        Step,
        fenced=st.sampled_from([False, False, False, True]),
        mark=st.binary(min_size=1, max_size=4),
        records=st.dictionaries(NAMES, st.builds(Record, st.binary(max_size=6), PARTS), max_size=4),
        timers=st.dictionaries(NAMES, st.one_of(st.integers(0, 20), st.just(NEVER)), max_size=4),
        outbox=st.dictionaries(st.integers(0, 20), st.binary(max_size=5), max_size=4),
        trim=st.builds(range, st.integers(0, 20), st.integers(0, 20)),
        due_by=st.integers(0, 20),
        limit=st.integers(0, 5),
        partition=st.sampled_from([PARTITION, PARTITION, 1]),
    ),
    max_size=8,
)


async def outcome(store: Store, steps: list[Step]) -> list[object]:
    """Return all that a store says along the way."""
    said: list[object] = []
    for step in steps:
        mark = await store.mark(step.partition)
        expected = (mark or b"") + b"!" if step.fenced else mark
        commit = Commit(expected, step.mark, step.records, step.timers, step.outbox, step.trim)
        said.append(await store.commit(step.partition, commit))
        page = await store.read(step.partition, step.records, step.due_by, step.limit)
        said += [dict(page.records), list(page.due), await everything(store, step.partition)]
    return said


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_redis_does_whatever_memory_does(redis_url: str, namespace: str, steps: list[Step]) -> None:
    async def both() -> None:
        async with in_memory() as memory, in_redis(redis_url, namespace) as redis:
            assert await outcome(redis, steps) == await outcome(memory, steps)

    asyncio.run(both())


def test_the_stamp_says_of_which_commit_the_timers_are(play: Play) -> None:
    async def story(store: Store) -> None:
        assert await store.stamp(0) is None
        assert await store.commit(0, Commit(None, b"1", timers={"ada": 5}, stamp=0))
        assert await store.stamp(0) == 0
        assert await store.commit(0, Commit(b"1", b"2", timers={"bob": 7}))
        assert await store.stamp(0) == 0
        assert await store.commit(0, Commit(b"2", b"3", timers={"ada": NEVER}, stamp=41))
        assert await store.stamp(0) == 41
        assert await store.stamp(1) is None
        # It is no timer, of nobody.
        assert (await store.read(0, [], NEVER - 1, 10)).due == ["bob"]

    play(story)
