"""Who is looked at: the same customers each time, from all partitions, and no special ones."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from heapq import heappush, heappushpop
from typing import Final

from features.store import Store

#: No rank is above this: everybody is looked at.
EVERYBODY: Final = 2**64


def rank(customer: str) -> int:
    """Return a customer's place in the queue for being looked at: a hash of the key.

    Examples
    --------
    >>> rank("ada") == rank("ada"), rank("ada") == rank("bob")
    (True, False)
    """
    return int.from_bytes(blake2b(customer.encode(), digest_size=8, person=b"verify").digest())


async def highest_rank(store: Store, partitions: Iterable[int], size: int) -> int:
    """Return the rank up to which there are ``size`` customers, or `EVERYBODY` if there are fewer.

    Parameters
    ----------
    store
        Of the customers.
    partitions
        All of them.
    size
        How many customers are wanted.
    """
    lowest: list[int] = []
    kept: set[int] = set()
    for partition in partitions:
        async for name in store.names(partition):
            place = rank(name)
            if place in kept:  # a scan may come by twice
                continue
            kept.add(place)
            if len(lowest) < size:
                heappush(lowest, -place)
            else:
                kept.discard(-heappushpop(lowest, -place))
    return -lowest[0] if len(lowest) == size and size else EVERYBODY


async def names_up_to(store: Store, partition: int, highest: int) -> list[str]:
    """Return the customers of a partition up to a rank."""
    found = {name: None async for name in store.names(partition) if rank(name) <= highest}
    return list(found)
