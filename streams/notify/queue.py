"""The queues of the endpoints in Redis: what waits, until when, and what was given up.

Each endpoint has its own, so that nobody waits for another. All of them, and the list of the
endpoints, share one hash tag: there are few alerts beside the events, and a message can then be
queued only for an endpoint that is still there. Who takes a message has it for a while; if
nothing is heard of it by then, it is due again.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final, cast

import msgspec
from redis.exceptions import NoScriptError

from features import DAY, Millis
from streams.notify.delivery import Attempts, DeadNotice, Notice
from streams.notify.endpoint import Standing
from streams.notify.schedule import Verdict

#: An alert may be published again for that long, or that many others, without being sent again.
_REMEMBERED: Final = 7 * DAY
_MOST_REMEMBERED: Final = 100_000
#: Messages that one call of the script queues.
_AT_ONCE: Final = 500
_packer: Final = msgspec.msgpack.Encoder()
_attempts: Final = msgspec.msgpack.Decoder(Attempts)
_dead: Final = msgspec.msgpack.Decoder(DeadNotice)


class _Script:
    """A script by its hash; sent whole when the server does not know it (it was restarted)."""

    def __init__(self, name: str) -> None:
        self.text = files("streams.notify").joinpath(name).read_text(encoding="utf-8")
        self.sha = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()

    async def __call__(self, client: Any, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
        try:
            return await client.evalsha(self.sha, len(keys), *keys, *arguments)
        except NoScriptError:
            return await client.eval(self.text, len(keys), *keys, *arguments)


_add = _Script("add.lua")
_take = _Script("take.lua")
_settle = _Script("settle.lua")
_revive = _Script("revive.lua")


@dataclass(frozen=True)
class Room:
    """How much is kept for one endpoint: messages that wait, and dead ones."""

    waiting: int
    dead: int


@dataclass(frozen=True)
class Taken:
    """A message that was taken from a queue for an attempt."""

    webhook_id: str
    body: bytes
    attempts: Attempts
    #: As they lie in Redis: whoever settles must have taken just this.
    token: bytes


@dataclass(frozen=True)
class Haul:
    """What was taken, how the endpoint has behaved lately, and when to look again."""

    taken: tuple[Taken, ...]
    #: How often in a row it was left in peace, and how many attempts failed in a row.
    strikes: int
    failures: int
    next_look: Millis | None


class Queue:
    """The queues of all endpoints.

    Parameters
    ----------
    client
        A `redis.asyncio` client that returns bytes.
    namespace
        First part of every key.
    room
        How much is kept for one endpoint.
    """

    def __init__(self, client: Any, namespace: str, room: Room) -> None:
        self._client = client
        self._tag = f"{namespace}:{{notify}}"
        self._room = room

    @property
    def endpoints(self) -> str:
        """The hash of all endpoints."""
        return f"{self._tag}:endpoints"

    def _keys(self, name: str, *parts: str) -> list[str]:
        return [f"{self._tag}:{name}:{part}" for part in parts]

    # -- coming in ----------------------------------------------------------------------------

    async def add(self, name: str, notices: Sequence[Notice], now: Millis) -> int:
        """Queue messages for an endpoint; return how many it was not told of before.

        One that there is no room for is dead at once. An endpoint that was removed gets nothing.
        What is not to be told yet is due, and begins to wait, when it is.
        """
        keys = [
            self.endpoints,
            *self._keys(name, "due", "bodies", "attempts", "seen", "standing", "dead", "deaths"),
            *self._keys(name, "waiting"),
        ]
        added = 0
        for start in range(0, len(notices), _AT_ONCE):
            words: list[Any] = [name, now, self._room.waiting, self._room.dead]
            words += [now - _REMEMBERED, _MOST_REMEMBERED]
            for notice in notices[start : start + _AT_ONCE]:
                attempts = Attempts(0, now, notice.until, notice.not_before)
                none_left = DeadNotice(
                    webhook_id=notice.webhook_id,
                    why=f"{self._room.waiting} others waited",
                    died=now,
                    attempts=attempts,
                    body=notice.body,
                )
                words += [notice.webhook_id, notice.body]
                words += [_packer.encode(attempts), _packer.encode(none_left)]
                words.append(max(now, notice.not_before))
            added += int(await _add(self._client, keys, words))
        return added

    async def positions(self, topic: str) -> dict[int, int]:
        """Return the next offset of each partition of a topic whose alerts are queued."""
        found = await self._client.hgetall(f"{self._tag}:position")
        parts = ((*name.decode().rpartition("/"), at) for name, at in found.items())
        return {int(number): int(at) for which, _, number, at in parts if which == topic}

    async def move(self, topic: str, offsets: Mapping[int, int]) -> None:
        """Take note up to where the alerts of a topic are queued."""
        moved = {f"{topic}/{number}": at for number, at in offsets.items()}
        if moved:
            await self._client.hset(f"{self._tag}:position", mapping=moved)

    # -- going out ----------------------------------------------------------------------------

    async def take(
        self, name: str, now: Millis, most: int, most_if_slow: int, until: Millis
    ) -> Haul:
        """Take messages that are due.

        Parameters
        ----------
        name
            Of the endpoint.
        now
            The time.
        most, most_if_slow
            How many; how many if the endpoint could not keep up the last time.
        until
            Whatever is not settled by then is due again.
        """
        keys = self._keys(name, "due", "bodies", "attempts", "standing", "waiting")
        said = await _take(self._client, keys, [now, most, most_if_slow, until])
        strikes, look, failures = int(said[0]), float(said[1]), int(said[2])
        rest = cast("list[bytes]", said[3:])
        taken = tuple(
            Taken(rest[at].decode(), rest[at + 1], _attempts.decode(rest[at + 2]), rest[at + 2])
            for at in range(0, len(rest), 3)
        )
        return Haul(taken, strikes, failures, None if look < 0 else int(look))

    async def settle(self, name: str, taken: Taken, verdict: Verdict, now: Millis) -> bool:
        """Take note of what became of an attempt; return whether nobody else had before."""
        count = taken.attempts.made + verdict.attempted
        made = msgspec.structs.replace(taken.attempts, made=count)
        left = _packer.encode(made)
        what: str = verdict.kind
        if verdict.kind in ("dead", "gone"):
            what = "dead"
            left = _packer.encode(
                DeadNotice(
                    webhook_id=taken.webhook_id,
                    why=verdict.why,
                    died=now,
                    attempts=made,
                    body=taken.body,
                )
            )
        disabled = verdict.why if verdict.kind == "gone" else ""
        words = [taken.webhook_id, taken.token, now, what, verdict.at, left]
        failure = verdict.why if verdict.attempted else ""
        words += [verdict.rest_until, failure, self._room.dead, disabled]
        return bool(await _settle(self._client, self._settled(name), words))

    async def give_back(self, name: str, taken: Taken, now: Millis) -> None:
        """Let somebody else have a message that was taken, at once."""
        words = [taken.webhook_id, taken.token, now, "back", 0, b"", 0, "", self._room.dead, ""]
        await _settle(self._client, self._settled(name), words)

    def _settled(self, name: str) -> list[str]:
        return self._keys(
            name, "due", "bodies", "attempts", "standing", "dead", "deaths", "waiting"
        )

    # -- looking at it ------------------------------------------------------------------------

    async def standing(self, name: str) -> Standing:
        """Return how an endpoint stands."""
        waiting, standing, deaths = self._keys(name, "waiting", "standing", "deaths")
        said = await self._client.hgetall(standing)
        words = {key.decode(): value for key, value in said.items()}
        numbers = {
            key: int(words[key])
            for key in (
                *("delivered", "failed", "forgotten", "strikes"),
                *("last_success", "last_failure", "slow_until"),
            )
            if key in words
        }
        first = await self._client.zrange(waiting, 0, 0, withscores=True)
        return Standing(
            waiting=int(await self._client.zcard(waiting)),
            oldest=int(first[0][1]) if first else 0,
            dead=int(await self._client.zcard(deaths)),
            last_error=words.get("last_error", b"").decode("utf-8", "replace"),
            disabled=words.get("disabled", b"").decode("utf-8", "replace"),
            **numbers,
        )

    async def dead(self, name: str) -> AsyncIterator[DeadNotice]:
        """Give the dead messages of an endpoint, those that died last first."""
        place, deaths = self._keys(name, "dead", "deaths")
        ids = await self._client.zrevrange(deaths, 0, -1)
        for start in range(0, len(ids), 100):
            for data in await self._client.hmget(place, ids[start : start + 100]):
                if data is not None:  # somebody else had it sent again
                    yield _dead.decode(data)

    async def revive(self, name: str, notice: DeadNotice, until: Millis, now: Millis) -> bool:
        """Queue a dead message again, from its first attempt on; tell whether it lay there."""
        keys = self._keys(name, "due", "bodies", "attempts", "dead", "deaths", "waiting")
        wait = notice.attempts.not_before
        fresh = _packer.encode(Attempts(0, now, until, wait))
        words = [notice.webhook_id, notice.body, fresh, max(now, wait)]
        return bool(await _revive(self._client, keys, words))

    async def disable(self, name: str, why: str) -> None:
        """Send nothing to an endpoint from now on; what comes for it waits."""
        await self._client.hset(*self._keys(name, "standing"), "disabled", why)

    async def enable(self, name: str) -> None:
        """Send to an endpoint again, without a grudge."""
        place = self._keys(name, "standing")[0]
        await self._client.hdel(place, "disabled", "strikes", "slow_until", "failing")

    async def forget(self, names: Iterable[str]) -> None:
        """Forget all that waits, is dead, and is known of endpoints."""
        parts = ("due", "bodies", "attempts", "seen", "standing", "dead", "deaths", "waiting")
        for name in names:
            await self._client.delete(*self._keys(name, *parts))
