"""What only a store on a server can meet: restarts, foreign keys, and nobody there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster

from features import NEVER
from features.store import Commit, Record, Store, StoreAway
from features.store.redis import MOST_RECORDS, RedisStore
from streams.demo import free_port
from tests.features.store.conftest import ONCE, TOPIC

COMMIT = Commit(None, b"1", {"ada": Record(b"s", b"l")}, {"ada": 5}, {1: b"m"})


def on(url: str, story: Callable[[Any], Awaitable[None]]) -> None:
    async def all_of_it() -> None:
        client: Any = Redis.from_url(url, **ONCE)
        try:
            await story(client)
        finally:
            await client.aclose()

    asyncio.run(all_of_it())


def test_a_server_that_has_forgotten_the_scripts_is_told_them_again(
    redis_url: str, namespace: str
) -> None:
    async def story(client: Any) -> None:
        store = RedisStore(client, namespace, TOPIC)
        for number in range(3):
            await client.script_flush()
            mark = await store.mark(0)
            assert await store.commit(0, Commit(mark, b"%d" % number, COMMIT.records, {"ada": 5}))
            await client.script_flush()
            page = await store.read(0, [], 5, 1)
            assert (page.due, page.records) == (["ada"], {"ada": Record(b"s", b"l")})

    on(redis_url, story)


def test_a_cluster_that_has_forgotten_the_scripts_is_told_them_again(
    cluster_port: int, namespace: str
) -> None:
    async def story() -> None:
        client: Any = RedisCluster(host="127.0.0.1", port=cluster_port, **ONCE)
        store = RedisStore(client, namespace, TOPIC)
        try:
            for partition in range(6):  # on different nodes
                await client.script_flush()  # on every primary
                assert await store.commit(partition, COMMIT)
                assert list((await store.read(partition, [], 5, 1)).due) == ["ada"]
        finally:
            await client.aclose()

    asyncio.run(story())


def test_more_records_than_one_command_can_write_are_refused(
    redis_url: str, namespace: str
) -> None:
    async def story(client: Any) -> None:
        store = RedisStore(client, namespace, TOPIC)
        records = {str(number): Record(b"s", b"l") for number in range(MOST_RECORDS + 1)}
        with pytest.raises(ValueError, match="1801 records are more than a commit's 1800"):
            await store.commit(0, Commit(None, b"1", records))
        assert await store.mark(0) is None

    on(redis_url, story)


def test_records_and_mark_are_written_by_one_command_so_that_no_torn_file_parts_them(
    redis_url: str, namespace: str
) -> None:
    async def story(client: Any) -> None:
        store = RedisStore(client, namespace, TOPIC)
        records = {str(number): Record(b"s", b"l") for number in range(MOST_RECORDS)}
        seen: list[str] = []
        async with client.monitor() as monitor:
            assert await store.commit(0, Commit(None, b"mark", records))
            await client.echo("the end")
            while "the end" not in (seen or [""])[-1]:
                seen.append((await monitor.next_command())["command"])
        writes = [line for line in seen if line.lower().startswith("hset")]
        assert len(writes) == 1
        assert writes[0].endswith(" l:1799 l @ mark")

    on(redis_url, story)


def test_namespaces_and_topics_share_a_server_in_peace(redis_url: str, namespace: str) -> None:
    async def story(client: Any) -> None:
        one = RedisStore(client, namespace, TOPIC)
        others = [
            RedisStore(client, f"{namespace}2", TOPIC),
            RedisStore(client, namespace, f"{TOPIC}2"),
        ]
        assert await one.commit(0, COMMIT)
        for other in others:
            assert await other.mark(0) is None
            assert [each async for each in other.customers(0)] == []
        keys = await client.keys("*")
        assert keys and all(key.startswith(f"{namespace}:".encode()) for key in keys)
        assert {key[key.index(b"{") : key.index(b"}") + 1] for key in keys} == {b"{clickstream-0}"}

    on(redis_url, story)


@pytest.mark.parametrize("which", ["state", "timers"])
def test_a_key_that_is_something_else_stops_the_commit_before_it_writes(
    which: str, redis_url: str, namespace: str
) -> None:
    async def story(client: Any) -> None:
        store = RedisStore(client, namespace, TOPIC)
        foreign = f"{namespace}:{{{TOPIC}-0}}:{which}"
        await client.set(foreign, b"somebody's")
        with pytest.raises(StoreAway, match=r"WRONGTYPE|is a string, not a sorted set"):
            await store.commit(0, COMMIT)
        assert await client.get(foreign) == b"somebody's"
        assert await client.keys("*") == [foreign.encode()]

    on(redis_url, story)


def test_a_read_tells_the_servers_own_time(redis_url: str, namespace: str) -> None:
    async def story(client: Any) -> None:
        store = RedisStore(client, namespace, TOPIC)
        seconds, micros = await client.time()
        first = await store.read(0, [], 0, 0)
        second = await store.read(0, ["ada"], 0, 0)
        assert first.time is not None and second.time is not None
        assert 0 <= first.time - (seconds * 1_000 + micros // 1_000) < 60_000
        assert 0 <= second.time - first.time < 60_000

    on(redis_url, story)


# -- a server that cannot take more -----------------------------------------------------------

FILLED = Commit(None, b"1", {"ada": Record(b"s" * 99, b"l")}, {"ada": 5, "bob": 6}, {1: b"m"})
#: Deletes from the outbox first, which a full server would allow; then writes.
NEXT = Commit(
    b"1", b"2", {"ada": Record(b"S", b"L")}, {"ada": 7, "bob": NEVER}, {2: b"m"}, range(2)
)


async def _all_keys(client: Any, namespace: str) -> object:
    tag = f"{namespace}:{{{TOPIC}-0}}"
    timers = await client.zrange(f"{tag}:timers", 0, -1, withscores=True)
    return await client.hgetall(f"{tag}:state"), timers


async def _refuses_and_goes_on(
    client: Any, full: Callable[[], Awaitable[object]], well: Callable[[], Awaitable[object]]
) -> None:
    store = RedisStore(client, "ns", TOPIC)
    for known in (True, False):
        assert await store.commit(0, FILLED)
        before = await _all_keys(client, "ns")
        await full()
        if not known:
            await client.script_flush()
        with pytest.raises(StoreAway):
            await store.commit(0, NEXT)
        assert await _all_keys(client, "ns") == before
        page = await store.read(0, ["ada"], 5, 5)
        assert (page.records, list(page.due)) == ({"ada": Record(b"s" * 99, b"l")}, ["ada"])
        assert (await store.look(0, ["ada"])).timers == {"ada": 5}
        assert [name async for name in store.names(0)] == ["ada"]
        await well()
        assert await store.commit(0, NEXT)
        assert (await store.look(0, ["ada", "bob"])).timers == {"ada": 7}
        assert await store.outbox(0, range(5)) == {2: b"m"}
        await client.flushdb()


def test_a_full_server_refuses_a_commit_whole_is_read_and_goes_on_when_there_is_room(
    own_redis: str,
) -> None:
    async def story(client: Any) -> None:
        async def full() -> None:
            await client.config_set("maxmemory", 1)

        async def well() -> None:
            await client.config_set("maxmemory", 0)

        await client.config_set("maxmemory-policy", "noeviction")
        await _refuses_and_goes_on(client, full, well)

    on(own_redis, story)


def test_a_server_that_cannot_save_refuses_a_commit_whole_and_is_read(own_redis: str) -> None:
    async def story(client: Any) -> None:
        folder = (await client.config_get("dir"))["dir"]

        async def saved(status: str) -> None:
            await client.bgsave()
            async with asyncio.timeout(20):
                while True:
                    about = await client.info("persistence")
                    if not about["rdb_bgsave_in_progress"]:
                        break
            assert about["rdb_last_bgsave_status"] == status

        async def full() -> None:
            # A file cannot be renamed onto a folder: the snapshot fails, as on a full disk.
            Path(folder, "dump.rdb").mkdir()
            await saved("err")

        async def well() -> None:
            Path(folder, "dump.rdb").rmdir()
            await saved("ok")
            Path(folder, "dump.rdb").unlink()

        await client.config_set("save", "3600 1")
        await _refuses_and_goes_on(client, full, well)

    on(own_redis, story)


async def _customers(store: Store) -> None:
    async for _ in store.customers(0):
        pass


async def _names(store: Store) -> None:
    async for _ in store.names(0):
        pass


ASKED: dict[str, Callable[[Store], Awaitable[object]]] = {
    "mark": lambda store: store.mark(0),
    "read": lambda store: store.read(0, ["ada"], 5, 5),
    "commit": lambda store: store.commit(0, COMMIT),
    "outbox": lambda store: store.outbox(0, range(3)),
    "customers": _customers,
    "names": _names,
    "look": lambda store: store.look(0, ["ada"]),
}


@pytest.mark.parametrize("ask", ASKED.values(), ids=ASKED)
@pytest.mark.parametrize("make", [Redis, RedisCluster])
def test_a_server_that_is_away_is_said_to_be_away(
    make: Callable[..., Any], ask: Callable[[Store], Awaitable[object]]
) -> None:
    async def story() -> None:
        client = make(host="127.0.0.1", port=free_port(), **ONCE)
        try:
            with pytest.raises(StoreAway):
                await ask(RedisStore(client, "test", TOPIC))
        finally:
            await client.aclose()

    asyncio.run(story())
