"""Where a customer is kept, for somebody who only looks, and needs nothing else of the workers."""

from __future__ import annotations

import msgspec

from features.store import Store
from streams.topics import partition_of


class _Mark(msgspec.Struct, frozen=True):
    """What is read of a mark (`streams.live.held.Mark`)."""

    partitions: int = 0


_decoder = msgspec.json.Decoder(_Mark)


async def partition_of_customer(store: Store, customer: str) -> int | None:
    """Return the partition of a customer; None if nobody has been stored yet.

    Parameters
    ----------
    store
        Of the workers.
    customer
        Who.

    Raises
    ------
    StoreAway
        If the store cannot be reached.
    """
    # Any mark tells how many partitions there are.
    data = await store.mark(0)
    partitions = 0 if data is None else _decoder.decode(data).partitions
    return partition_of(customer.encode(), partitions) if partitions else None
