"""What only limits on a server can meet: restarts, a torn file, and nobody there."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from models.limits import (
    Answer,
    Choice,
    Filling,
    LimitsAway,
    Pot,
    RedisLimits,
    Request,
    Settlement,
    Take,
)
from streams.demo import free_port

DAY = Pot("day", 1_000, kept_until=10**6)


def ask(alert: str, amount: int, until: int = 50) -> Request:
    return Request(alert, (Choice("it", (Take(DAY, amount),), until),))


ASKED = [ask("a", 600)]
YES = [Answer("it")]


def test_a_server_that_has_forgotten_the_scripts_is_told_them_again(
    redis_url: str, namespace: str
) -> None:
    async def story() -> None:
        client: Any = Redis.from_url(redis_url)
        limits = RedisLimits(client, namespace)
        for _ in range(2):
            await client.script_flush()
            assert await limits.reserve(ASKED, 1) == YES
        await client.aclose()

    asyncio.run(story())


def test_an_end_that_was_torn_gives_nothing_back_twice(redis_url: str, namespace: str) -> None:
    async def story() -> None:
        client: Any = Redis.from_url(redis_url)
        limits = RedisLimits(client, namespace)
        await limits.reserve([*ASKED, ask("b", 300, until=90)], 1)
        # What the script's first write leaves, if it is the last that the file holds.
        await client.hset(f"{namespace}:{{limits}}:pots", mapping={"p:day": "300", "r:a": ""})
        assert await limits.reserve([], 50) == []
        assert await limits.look(["day"]) == [Filling(300)]
        assert await limits.reserve(ASKED, 51) == YES
        await client.aclose()

    asyncio.run(story())


def test_everything_lies_in_one_slot_of_a_cluster(redis_url: str, namespace: str) -> None:
    async def story() -> None:
        client: Any = Redis.from_url(redis_url)
        await RedisLimits(client, namespace).reserve(ASKED, 1)
        keys = await client.keys(f"{namespace}*")
        assert len(keys) == 3
        assert all(b":{limits}:" in key for key in keys)
        await client.aclose()

    asyncio.run(story())


def test_nobody_there(namespace: str) -> None:
    async def story() -> None:
        # Without retries, as workers ask: what is told of is not what the client does meanwhile.
        client: Any = Redis(port=free_port(), retry=Retry(NoBackoff(), 0))
        limits = RedisLimits(client, namespace)
        for asking in (limits.reserve(ASKED, 1), limits.settle([], 1), limits.look(["day"])):
            with pytest.raises(LimitsAway):
                await asking
        await client.aclose()

    asyncio.run(story())


def parts(command: str) -> set[str]:
    words = command.split()
    return {*words, *map(" ".join, itertools.pairwise(words))}


def test_each_step_is_one_command_so_that_no_torn_file_parts_it(
    redis_url: str, namespace: str
) -> None:
    async def story() -> None:
        client: Any = Redis.from_url(redis_url)
        limits = RedisLimits(client, namespace)
        place = f"{namespace}:{{limits}}:pots"
        seen: list[str] = []
        async with client.monitor() as monitor:
            await limits.reserve([*ASKED, ask("b", 300)], 1)
            await limits.settle([Settlement("b", "o", 200)], 2)
            await limits.reserve([], 50)
            await client.echo("the end")
            while "the end" not in (seen or [""])[-1]:
                seen.append((await monitor.next_command())["command"])
        await client.aclose()
        writes = [
            line.lower().split(f"{place} ")[1] for line in seen if line.lower().startswith("hset")
        ]
        a, b, used, ended_a = writes
        assert {"p:day 600", "r:a"} <= parts(a)
        assert {"p:day 900", "r:b"} <= parts(b)
        assert used.startswith("r:b ") and used.endswith(" p:day 800 s:day 200")
        # Of what is closed nothing goes back.
        assert ended_a.startswith("r:a ") and ended_a.endswith(" p:day 200")

    asyncio.run(story())
