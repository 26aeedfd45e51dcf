"""The store in Redis: one hash and one sorted set for each partition, under one hash tag.

``{topic-partition}`` in every key keeps a partition on one node of a Redis Cluster, so that the
commit script stays atomic there. Fields of the hash: ``@`` the mark, ``s:ID`` and ``l:ID`` the
state and the ledger of a customer, ``o:N`` message N of the outbox.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import AsyncIterator, Iterable
from importlib.resources import files
from typing import Any, Final

from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster
from redis.exceptions import NoScriptError, RedisClusterException, RedisError

from features.silence import NEVER
from features.store.port import Commit, Look, Page, Record, StoreAway, looked_at
from features.timeline import Millis

#: Records of one commit; more would not fit in the one command that must write them together.
MOST_RECORDS: Final = 1_800

#: What a client raises when the server, or the cluster, cannot be asked.
_AWAY: Final = (RedisError, RedisClusterException)
#: The timers' member that is no customer: nobody's id is empty.
_STAMP: Final = b""
_length = struct.Struct("<I").pack


class _Script:
    """A script by its hash; sent whole when the server does not know it (it was restarted)."""

    def __init__(self, name: str) -> None:
        self.text = files("features.store").joinpath(name).read_text(encoding="utf-8")
        self.sha = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()

    async def __call__(self, client: Any, keys: list[str], arguments: list[Any]) -> Any:
        try:
            return await client.evalsha(self.sha, len(keys), *keys, *arguments)
        except NoScriptError:
            return await client.eval(self.text, len(keys), *keys, *arguments)


_commit = _Script("commit.lua")
_read = _Script("read.lua")
_look = _Script("look.lua")
_names = _Script("names.lua")
#: Fields that one step of a scan looks at.
_SCANNED: Final = 2_000


class RedisStore:
    """A `Store` in Redis 7 or later, or a Redis Cluster.

    Parameters
    ----------
    client
        A client that returns bytes and does not retry: whether a commit was made must be read
        from the mark, never guessed.
    namespace
        First part of every key.
    topic
        Name of the event topic that the state is a function of.
    """

    def __init__(self, client: Redis | RedisCluster, namespace: str, topic: str) -> None:
        self._client: Any = client
        self._prefix = f"{namespace}:{{{topic}-"

    def _keys(self, partition: int) -> list[str]:
        tag = f"{self._prefix}{partition}}}"
        return [f"{tag}:state", f"{tag}:timers"]

    async def mark(self, partition: int) -> bytes | None:
        """Return the partition's mark."""
        try:
            mark: bytes | None = await self._client.hget(self._keys(partition)[0], "@")
        except _AWAY as error:
            raise StoreAway(str(error)) from error
        return mark

    async def read(
        self, partition: int, customers: Iterable[str], due_by: Millis, limit: int
    ) -> Page:
        """Read records, and customers with a timer due."""
        asked = list(dict.fromkeys(customers))
        try:
            due, values, now = await _read(
                self._client, self._keys(partition), [due_by, limit, *asked]
            )
        except _AWAY as error:
            raise StoreAway(str(error)) from error
        late = [name.decode() for name in due]
        found = zip((*asked, *late), values[::2], values[1::2], strict=True)
        return Page({name: Record(state, ledger) for name, state, ledger in found}, late, now)

    async def commit(self, partition: int, commit: Commit) -> bool:
        """Write a batch if the mark is the expected one."""
        if len(commit.records) > MOST_RECORDS:
            raise ValueError(
                f"{len(commit.records)} records are more than a commit's {MOST_RECORDS}"
            )
        fields: list[bytes] = []
        for name, record in commit.records.items():
            if record.state is not None:
                fields += (b"s:" + name.encode(), record.state)
            if record.ledger is not None:
                fields += (b"l:" + name.encode(), record.ledger)
        fields += (b"@", commit.mark)
        armed: list[bytes] = []
        unarmed: list[bytes] = []
        for name, due in commit.timers.items():
            if due >= NEVER:
                unarmed.append(name.encode())
            else:
                armed += (b"%d" % due, name.encode())
        if commit.stamp is not None:
            armed += (b"-%d" % (commit.stamp + 1), _STAMP)
        messages: list[bytes] = []
        for number, message in commit.outbox.items():
            messages += (b"o:%d" % number, message)
        arguments = [
            commit.expected or b"",
            _packed([b"o:%d" % number for number in commit.trim]),
            _packed(messages),
            _packed(armed),
            _packed(unarmed),
            _packed(fields),
        ]
        try:
            return bool(await _commit(self._client, self._keys(partition), arguments))
        except _AWAY as error:
            raise StoreAway(str(error)) from error

    async def stamp(self, partition: int) -> int | None:
        """Return the stamp of the commit that the timers are of."""
        try:
            score = await self._client.zscore(self._keys(partition)[1], _STAMP)
        except _AWAY as error:
            raise StoreAway(str(error)) from error
        return None if score is None else -int(score) - 1

    async def outbox(self, partition: int, sequence: range) -> dict[int, bytes]:
        """Return the messages that are there."""
        if not sequence:
            return {}
        try:
            values = await self._client.hmget(
                self._keys(partition)[0], [f"o:{number}" for number in sequence]
            )
        except _AWAY as error:
            raise StoreAway(str(error)) from error
        pairs = zip(sequence, values, strict=True)
        return {number: value for number, value in pairs if value is not None}

    async def customers(self, partition: int) -> AsyncIterator[tuple[str, Record]]:
        """Iterate over all customers of a partition; one may come twice while others write."""
        key = self._keys(partition)[0]
        try:
            async for field, state in self._client.hscan_iter(key, match="s:*", count=500):
                ledger = await self._client.hget(key, b"l:" + field[2:])
                yield field[2:].decode(), Record(state, ledger)
        except _AWAY as error:
            raise StoreAway(str(error)) from error

    async def names(self, partition: int) -> AsyncIterator[str]:
        """Iterate over the names of all customers of a partition, without reading their states."""
        keys, cursor = self._keys(partition)[:1], b"0"
        while True:
            try:
                cursor, found = await _names(self._client, keys, [cursor, _SCANNED])
            except _AWAY as error:
                raise StoreAway(str(error)) from error
            for name in found:
                yield name.decode()
            if cursor == b"0":
                return

    async def look(self, partition: int, customers: Iterable[str]) -> Look:
        """Return what is stored of customers at one instant, while others write."""
        asked = looked_at(customers)
        try:
            (mark, *values), timers = await _look(self._client, self._keys(partition), asked)
        except _AWAY as error:
            raise StoreAway(str(error)) from error
        found = zip(asked, values[::2], values[1::2], strict=True)
        dues = zip(asked, timers, strict=True)
        return Look(
            mark,
            {name: Record(state, ledger) for name, state, ledger in found},
            {name: int(due) for name, due in dues if due is not None},
        )


def _packed(items: list[bytes]) -> bytes:
    return b"".join(part for item in items for part in (_length(len(item)), item))
