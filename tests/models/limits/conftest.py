"""The limits that keep the contract: in memory, and in Redis."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Any, TypeAlias

import pytest
from redis.asyncio import Redis

from models.limits import Limits, MemoryLimits, RedisLimits

Opening: TypeAlias = Callable[[], AbstractAsyncContextManager[Limits]]
Story: TypeAlias = Callable[[Limits], Awaitable[None]]
Play: TypeAlias = Callable[[Story], None]

_numbers = itertools.count()


@asynccontextmanager
async def in_memory() -> AsyncIterator[Limits]:
    yield MemoryLimits()


@asynccontextmanager
async def in_redis(url: str, namespace: str) -> AsyncIterator[RedisLimits]:
    client: Any = Redis.from_url(url)
    try:
        yield RedisLimits(client, f"{namespace}-{next(_numbers)}")
    finally:
        await client.aclose()


@pytest.fixture(params=["memory", "redis"])
def play(request: pytest.FixtureRequest, namespace: str) -> Play:
    """Run a story on empty limits of each kind."""
    opening: Opening = in_memory
    if request.param == "redis":
        opening = partial(in_redis, request.getfixturevalue("redis_url"), namespace)

    def run(story: Story) -> None:
        async def all_of_it() -> None:
            async with opening() as limits:
                await story(limits)

        asyncio.run(all_of_it())

    return run
