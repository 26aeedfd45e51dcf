"""The endpoints in Redis: added, rotated and removed by people, read by whoever sends."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final, cast

import msgspec

from streams.notify.endpoint import MOST_ENDPOINTS, Endpoint
from streams.notify.queue import Queue

logger = logging.getLogger(__name__)

_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(Endpoint)


class NoSuchEndpoint(LookupError):
    """No endpoint has that name."""


class NameTaken(ValueError):
    """Another endpoint has that name."""


class TooManyEndpoints(ValueError):
    """There is no room for one more."""


class Roster:
    """Where endpoints are kept, with their secrets.

    Parameters
    ----------
    client
        A `redis.asyncio` client that returns bytes.
    queue
        Their queues, which go with them.
    """

    def __init__(self, client: Any, queue: Queue) -> None:
        self._client = client
        self._queue = queue
        self._complained: set[str] = set()

    async def all(self) -> dict[str, Endpoint]:
        """Return every endpoint by its name; one that cannot be read is sent nothing."""
        stored = await self._client.hgetall(self._queue.endpoints)
        found = {}
        for name, data in sorted(cast("Mapping[bytes, bytes]", stored).items()):
            shown = name.decode("ascii", "replace")
            try:
                found[shown] = _decoder.decode(data)
            except (msgspec.DecodeError, UnicodeDecodeError):
                if shown not in self._complained:
                    logger.warning("endpoint %.60s in Redis cannot be read", shown)
                    self._complained.add(shown)
        return found

    async def add(self, endpoint: Endpoint) -> None:
        """Keep a new endpoint.

        Raises
        ------
        NameTaken, TooManyEndpoints
            If it cannot be kept.
        """
        if await self._client.hlen(self._queue.endpoints) >= MOST_ENDPOINTS:
            raise TooManyEndpoints(endpoint.name)
        data = _encoder.encode(endpoint)
        if not await self._client.hsetnx(self._queue.endpoints, endpoint.name, data):
            raise NameTaken(endpoint.name)

    async def replace(self, endpoint: Endpoint) -> None:
        """Keep an endpoint as it is now."""
        await self._client.hset(self._queue.endpoints, endpoint.name, _encoder.encode(endpoint))

    async def named(self, name: str) -> Endpoint:
        """Return the endpoint of a name.

        Raises
        ------
        NoSuchEndpoint
            If there is none.
        """
        found = await self.all()
        if name not in found:
            raise NoSuchEndpoint(name)
        return found[name]

    async def remove(self, name: str) -> None:
        """Forget an endpoint, what waits for it, and what was given up.

        Raises
        ------
        NoSuchEndpoint
            If there is none.
        """
        if not await self._client.hdel(self._queue.endpoints, name):
            raise NoSuchEndpoint(name)
        await self._queue.forget([name])
