"""Limits in Redis: one hash and two sorted sets, under one hash tag.

So one script answers for all pots of an alert at once, on a Redis Cluster too. Alerts are few
beside events: one node serves them all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib.resources import files
from typing import Any, Final

from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster
from redis.exceptions import NoScriptError, RedisClusterException, RedisError

from features import Millis
from models.limits.port import (
    KNOWN_FOR,
    MOST_TOLD,
    Answer,
    Filling,
    Lack,
    LimitsAway,
    Request,
    Settlement,
    checked,
    checked_settlements,
)

#: What a client raises when the server, or the cluster, cannot be asked.
_AWAY: Final = (RedisError, RedisClusterException)
#: The script that all others begin with.
_KNOWN: Final = "reservation.lua"
#: Reservations that end in one step.
_ENDED: Final = 500


class RedisLimits:
    """`Limits` in Redis 7 or later, or a Redis Cluster.

    Parameters
    ----------
    client
        A client that returns bytes. It may retry: to ask again does no harm.
    namespace
        First part of every key.

    Notes
    -----
    Reservations come before the commit of the decision that they are for. On one server an
    append-only file keeps that order: who loses its last second loses both, or the decision alone,
    which is then taken again and finds its reservation.
    """

    def __init__(self, client: Redis | RedisCluster, namespace: str) -> None:
        self._client: Any = client
        tag = f"{namespace}:{{limits}}"
        self._hash = f"{tag}:pots"
        self._keys = [self._hash, f"{tag}:ends", f"{tag}:kept"]

    async def reserve(self, requests: Sequence[Request], now: Millis) -> list[Answer]:
        """Set aside what alerts need."""
        arguments: list[str | int] = []
        for alert_id, choices in checked(requests):
            arguments += (alert_id, len(choices))
            for name, takes, until, silent_use in choices:
                arguments += (name, until, int(silent_use), len(takes))
                for pot, amount, room in takes:
                    money = int(pot.money)
                    arguments += (pot.name, pot.limit, pot.kept_until, money, amount, room)
        await self._end(now)
        if not requests:
            return []
        found = await self._run("reserve.lua", self._keys, arguments)
        return [_answer(*answer) for answer in found]

    async def settle(self, settlements: Sequence[Settlement], now: Millis) -> list[bool]:
        """Put back what was not used."""
        arguments: list[str | int] = [MOST_TOLD]
        for alert_id, outcome_id, cost, closes in checked_settlements(settlements):
            arguments += (alert_id, outcome_id, -1 if cost is None else cost, int(closes))
        await self._end(now)
        if not settlements:
            return []
        return [bool(known) for known in await self._run("settle.lua", self._keys[:1], arguments)]

    async def look(self, pots: Sequence[str]) -> list[Filling]:
        """Return how pots stand."""
        if not pots:
            return []
        fields = [field for pot in pots for field in (f"p:{pot}", f"s:{pot}")]
        try:
            values = await self._client.hmget(self._hash, fields)
        except _AWAY as error:
            raise LimitsAway(str(error)) from error
        numbers = [int(value or 0) for value in values]
        return [Filling(*each) for each in zip(numbers[::2], numbers[1::2], strict=True)]

    async def _end(self, now: Millis) -> None:
        while not await self._run("end.lua", self._keys, [now, _ENDED, KNOWN_FOR]):
            pass

    async def _run(self, name: str, keys: list[str], arguments: Sequence[str | int]) -> Any:
        text, sha = _SCRIPTS[name]
        try:
            try:
                return await self._client.evalsha(sha, len(keys), *keys, *arguments)
            except NoScriptError:
                # It was restarted, and does not know the script any more.
                return await self._client.eval(text, len(keys), *keys, *arguments)
        except _AWAY as error:
            raise LimitsAway(str(error)) from error


def _answer(granted: int, name: bytes, *lacks: bytes) -> Answer:
    told = [part.decode() for part in lacks]
    return Answer(
        name.decode() if granted else None,
        tuple(
            Lack(choice, pot, int(left))
            for choice, pot, left in zip(told[::3], told[1::3], told[2::3], strict=True)
        ),
    )


def _script(name: str) -> tuple[str, str]:
    """Return a script, with what all of them know of a reservation, and its hash."""
    room = files("models.limits")
    known, text = (room.joinpath(each).read_text(encoding="utf-8") for each in (_KNOWN, name))
    text = known + text
    return text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


_SCRIPTS: Final = {name: _script(name) for name in ("reserve.lua", "settle.lua", "end.lua")}
