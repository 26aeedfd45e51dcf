"""Where the customers are kept: the port, the store in memory, and the store in Redis.

`RedisStore` is imported when it is first asked for: what is pure needs no Redis client.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from features.store.memory import MemoryStore
from features.store.port import MOST_LOOKED_AT, Commit, Look, Page, Record, Store, StoreAway

if TYPE_CHECKING:
    from features.store.redis import RedisStore

__all__ = [
    "MOST_LOOKED_AT",
    "Commit",
    "Look",
    "MemoryStore",
    "Page",
    "Record",
    "RedisStore",
    "Store",
    "StoreAway",
]


def __getattr__(name: str) -> Any:
    if name != "RedisStore":
        raise AttributeError(name)
    from features.store.redis import RedisStore

    return RedisStore
