"""The keys in Redis: one hash for all of them, read by every collector every few seconds."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any, Final, cast

import msgspec

from features import Millis
from streams.keys.writekey import WriteKey

logger = logging.getLogger(__name__)

_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(WriteKey)


class NoSuchKey(LookupError):
    """No key has that name or id."""


class Keystore:
    """Where keys are kept.

    Parameters
    ----------
    client
        A `redis.asyncio` client.
    namespace
        First part of every key in Redis.
    """

    def __init__(self, client: Any, namespace: str) -> None:
        self._client = client
        self._place = f"{namespace}:write-keys"

    async def all(self) -> list[WriteKey]:
        """Return every key, by name and age; one that cannot be read opens nothing.

        Raises
        ------
        redis.exceptions.RedisError
            If Redis does not answer.
        """
        found = cast("dict[bytes, bytes]", await self._client.hgetall(self._place))
        keys = []
        for digest, data in found.items():
            try:
                keys.append(_decoder.decode(data))
            except (msgspec.DecodeError, UnicodeDecodeError):
                logger.warning(
                    "key %s in Redis cannot be read", digest[:8].decode("ascii", "replace")
                )
        return sorted(keys, key=lambda key: (key.name, key.created, key.digest))

    async def put(self, keys: Iterable[WriteKey]) -> None:
        """Keep keys; one that is there is replaced."""
        fields = {key.digest: _encoder.encode(key) for key in keys}
        if fields:
            await self._client.hset(self._place, mapping=fields)

    async def remove(self, keys: Iterable[WriteKey]) -> None:
        """Forget keys."""
        digests = [key.digest for key in keys]
        if digests:
            await self._client.hdel(self._place, *digests)

    async def named(self, name: str, now: Millis) -> list[WriteKey]:
        """Return the keys of a source, or the one with an id, that have not ended.

        Raises
        ------
        NoSuchKey
            If there is none.
        """
        keys = await self.all()
        found = [key for key in keys if name in (key.name, key.key_id) and not key.ended(now)]
        if not found:
            raise NoSuchKey(name)
        return found

    async def close(self) -> None:
        """Disconnect."""
        await self._client.aclose()
