"""Which workers run is known from what each says of itself, and for as long as it says it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from features.store import StoreAway
from streams.live.attendance import SILENT, Attendance, Presence, Working
from streams.live.redis import open_redis

ONE = Working("shop-1:17", (0, 2), 5, "6e34", 9)
TWO = Working("shop-2:17", (), 6, "77aa", 8, ("line 3, when: ...",), 10)


def place_of(namespace: str) -> str:
    return f"{namespace}:{{clickstream}}:workers"


def attending(
    url: str, namespace: str, story: Callable[[Attendance, Any], Awaitable[None]]
) -> None:
    async def all_of_it() -> None:
        client = open_redis(url)
        try:
            await story(Attendance(client, namespace, "clickstream"), client)
        finally:
            await client.aclose()

    asyncio.run(all_of_it())


def test_who_says_so_is_there_with_the_last_that_it_said(redis_url: str, namespace: str) -> None:
    async def story(attendance: Attendance, client: Any) -> None:
        assert await attendance.present() == []
        for worker in (TWO, replace(ONE, policy="old"), ONE):
            await attendance.tell(worker)
        found = await attendance.present()
        assert [replace(each, heard=0) for each in found] == [ONE, TWO]
        assert all(0 <= each.heard < SILENT for each in found)
        await attendance.leave(TWO.name)
        assert [each.name for each in await attendance.present()] == [ONE.name]
        await Presence(attendance, lambda: TWO).tell()
        leaving = Presence(attendance, lambda: ONE)
        await leaving.leave()
        await leaving.tell()
        assert [each.name for each in await attendance.present()] == [TWO.name]
        # Nothing is left of a shop whose workers have all ended, however they did.
        assert 0 < await client.pttl(place_of(namespace)) <= SILENT

    attending(redis_url, namespace, story)


def test_who_has_fallen_silent_is_left_out_and_then_forgotten(
    redis_url: str, namespace: str
) -> None:
    place = place_of(namespace)

    async def story(attendance: Attendance, client: Any) -> None:
        await attendance.tell(ONE)
        said = await client.hget(place, ONE.name)
        time, _, words = said.partition(b" ")
        past = int(time) - SILENT - 60_000
        await client.hset(place, ONE.name, b"%d %s" % (past, words))
        await client.hset(place, "odd:1", b"of no use")
        assert await attendance.present() == []
        await attendance.tell(TWO)
        assert await client.hkeys(place) == [TWO.name.encode()]

    attending(redis_url, namespace, story)


def test_what_a_newer_version_says_is_read_as_far_as_it_is_known(
    redis_url: str, namespace: str
) -> None:
    async def story(attendance: Attendance, client: Any) -> None:
        await attendance.tell(ONE)
        said = await client.hget(place_of(namespace), ONE.name)
        await client.hset(place_of(namespace), ONE.name, said[:-1] + b',"more":1}')
        assert [each.policy for each in await attendance.present()] == ["6e34"]

    attending(redis_url, namespace, story)


def test_without_redis_a_worker_goes_on_and_who_looks_is_told(namespace: str) -> None:
    async def story(attendance: Attendance, client: Any) -> None:
        await attendance.tell(ONE)
        await attendance.leave(ONE.name)
        with pytest.raises(StoreAway, match="ConnectionError"):
            await attendance.present()

    attending("redis://127.0.0.1:1/0", namespace, story)
