"""The ring of ids: exact within what it remembers, forgetful beyond, and cheap to store."""

from __future__ import annotations

import asyncio

from features.store import Commit, MemoryStore
from streams.live.seen import REMEMBERED, Seen, read_seen


def test_what_was_stored_is_known_again() -> None:
    async def story() -> None:
        store = MemoryStore()
        mark: bytes | None = None
        seen = Seen(0, {})
        for number in range(5_000):
            assert seen.add(str(number))
            if number % 700 == 0 or number == 4_999:
                records = seen.changed()
                assert len(records) <= 2
                new = str(number).encode()
                assert await store.commit(0, Commit(mark, new, records))
                mark = new
        again = await read_seen(store, 0, 5_000)
        assert not any(again.add(str(number)) for number in range(5_000))
        assert again.add("5000")

    asyncio.run(story())


def test_the_oldest_are_forgotten_and_no_more_than_is_said() -> None:
    seen = Seen(0, {})
    total = REMEMBERED + 5_000
    for number in range(total):
        seen.add(str(number))
    assert not any(seen.add(str(number)) for number in range(total - REMEMBERED, total))
    assert seen.add("0")
