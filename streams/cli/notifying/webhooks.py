"""The way of a command to the endpoints and their queues in Redis."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from streams.cli.context import Context
from streams.cli.errors import Problem

if TYPE_CHECKING:
    from streams.notify import Queue, Roster

T = TypeVar("T")
Work: TypeAlias = "Callable[[Roster, Queue], Awaitable[T]]"


def with_roster(context: Context, work: Work[T]) -> T:
    """Do something with the endpoints; one that is not there is told in words."""
    from streams.live import open_redis
    from streams.notify import NoSuchEndpoint, Roster, queue_of

    async def run() -> T:
        client = open_redis(context.settings.redis.url)
        queue = queue_of(context.settings, client)
        try:
            return await work(Roster(client, queue), queue)
        finally:
            await client.aclose()

    try:
        return asyncio.run(run())
    except NoSuchEndpoint as error:
        raise Problem(
            f"{error}: no endpoint has that name; ebb endpoints list shows them"
        ) from None
