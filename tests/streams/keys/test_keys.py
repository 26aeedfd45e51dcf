"""Write keys: shown once, kept as hashes, and told apart without telling anything."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st

from streams.keys import (
    Keyring,
    Keystore,
    NoSuchKey,
    WriteKey,
    digest_of,
    new_secret,
)
from streams.live import open_redis

T = TypeVar("T")


@given(st.binary(min_size=24, max_size=24), st.binary(min_size=24, max_size=24))
def test_every_randomness_makes_its_own_key_that_an_address_can_carry(
    one: bytes, other: bytes
) -> None:
    secret = new_secret(one)
    assert len(secret) == 36
    assert set(secret) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")
    assert (new_secret(other) == secret) == (one == other)


def test_a_key_is_made_of_enough_randomness() -> None:
    with pytest.raises(ValueError, match="24 bytes"):
        new_secret(bytes(16))


@given(st.text(max_size=300))
def test_only_the_key_itself_opens(shown: str) -> None:
    ring = Keyring([WriteKey(name="web", digest=digest_of("ebb_secret"), until=100)])
    assert (ring.find(shown, 0) is None) == (shown != "ebb_secret")
    assert ring.find("ebb_secret", 99) is not None
    assert ring.find("ebb_secret", 100) is None
    assert ring.find(digest_of("ebb_secret"), 0) is None


def stored(url: str, namespace: str, work: Callable[[Keystore], Awaitable[T]]) -> T:
    async def run() -> T:
        store = Keystore(open_redis(url), namespace)
        try:
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(run())


def test_keys_lie_in_redis_without_themselves(redis_url: str, namespace: str) -> None:
    web, till = (
        WriteKey(name=name, digest=digest_of(f"ebb_{name}"), created=at)
        for at, name in enumerate(("web", "till"))
    )

    async def work(store: Keystore) -> list[WriteKey]:
        await store.put([web, till])
        assert await store.named("web", 0) == await store.named(web.key_id, 0) == [web]
        with pytest.raises(NoSuchKey):
            await store.named("app", 0)
        await store.remove([till])
        return await store.all()

    assert stored(redis_url, namespace, work) == [web]
    with redis.Redis.from_url(redis_url) as client:
        [place] = client.keys()
        everything = str(client.hgetall(place))
    assert place.decode().startswith(f"{namespace}:")
    assert "ebb_web" not in everything


def test_a_key_that_cannot_be_read_opens_nothing_and_shuts_nobody_out(
    redis_url: str, namespace: str
) -> None:
    web = WriteKey(name="web", digest=digest_of("ebb_web"))

    async def work(store: Keystore) -> list[WriteKey]:
        await store.put([web])
        return await store.all()

    with redis.Redis.from_url(redis_url) as client:
        client.hset(f"{namespace}:write-keys", mapping={"a": b"\xff", "b": b'{"name":""}'})
    assert stored(redis_url, namespace, work) == [web]
