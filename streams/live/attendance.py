"""Which workers run: what each says of itself in Redis, again and again, while it does.

Nothing rests on it: it is for people who want to know who works, and by which version of the
policy file. Times are Redis's own, so that no worker's clock can make it look alive.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Any, Final, cast

import msgspec
from redis.exceptions import RedisClusterException, RedisError

from features import SECOND, Millis
from features.store import StoreAway

logger = logging.getLogger(__name__)

#: How often a worker says that it is there, in seconds.
TELL: Final = 3.0
#: Who has said nothing for that long is not there any more.
SILENT: Final[Millis] = 15 * SECOND

_attend: Final = files("streams.live").joinpath("attend.lua").read_text(encoding="utf-8")
_attending: Final = files("streams.live").joinpath("attending.lua").read_text(encoding="utf-8")
_encoder: Final = msgspec.json.Encoder()
_AWAY: Final = (RedisError, RedisClusterException, OSError)


@dataclass(frozen=True)
class Working:
    """A worker, as it says of itself.

    Parameters
    ----------
    name
        Its machine and process.
    partitions
        Those that it holds.
    started
        Since when it runs.
    policy, since
        The version of the policy file that it decides by, and since when; empty where there is no
        file.
    wrong, wrong_since
        Why it does not decide by the file as it lies there, a line each, and since when.
    heard
        How long ago it said so, in milliseconds.
    """

    name: str
    partitions: tuple[int, ...]
    started: Millis
    policy: str = ""
    since: Millis = 0
    wrong: tuple[str, ...] = ()
    wrong_since: Millis | None = None
    heard: Millis = 0


_decoder: Final = msgspec.json.Decoder(Working)


class Attendance:
    """Who works.

    Parameters
    ----------
    client
        A `redis.asyncio` client that returns bytes.
    namespace
        First part of every key in Redis.
    topic
        The full name of the one that they read.
    """

    def __init__(self, client: Any, namespace: str, topic: str) -> None:
        self._client = client
        self._place = f"{namespace}:{{{topic}}}:workers"

    async def tell(self, worker: Working) -> None:
        """Say that a worker is there; of no consequence while Redis is away."""
        said = _encoder.encode(worker)
        try:
            await self._client.eval(_attend, 1, self._place, worker.name, said, SILENT)
        except _AWAY as error:
            logger.debug("not told that this worker is there: %s", error)

    async def leave(self, name: str) -> None:
        """Say that a worker has ended."""
        try:
            await self._client.hdel(self._place, name)
        except _AWAY as error:
            logger.debug("not told that this worker has ended: %s", error)

    async def present(self) -> list[Working]:
        """Return who works, by name; what cannot be read, of another version, is left out.

        Raises
        ------
        StoreAway
            If Redis cannot be reached.
        """
        try:
            now, all_of_them = await self._client.eval(_attending, 1, self._place)
        except _AWAY as error:
            raise StoreAway(f"{type(error).__name__}: {error}") from error
        found = []
        for data in cast("list[bytes]", all_of_them)[1::2]:
            said, _, words = data.partition(b" ")
            try:
                worker, heard = _decoder.decode(words), now - int(said)
            except (msgspec.DecodeError, ValueError):
                continue
            if heard <= SILENT:
                found.append(replace(worker, heard=max(heard, 0)))
        return sorted(found, key=lambda worker: worker.name)


class Presence:
    """A worker that says of itself what it is at.

    Parameters
    ----------
    attendance
        Where to say it.
    now
        What it is at.
    """

    def __init__(self, attendance: Attendance, now: Callable[[], Working]) -> None:
        self._attendance = attendance
        self._now = now
        self._left = False

    async def tell(self) -> None:
        """Say it, unless it has ended."""
        if not self._left:
            await self._attendance.tell(self._now())

    async def leave(self) -> None:
        """Say that it has ended."""
        self._left = True
        await self._attendance.leave(self._now().name)


__all__ = ["SILENT", "TELL", "Attendance", "Presence", "Working"]
