"""What a sample of the shop's customers spend, read from the workers' store while they work."""

from __future__ import annotations

from features import DAY, CustomerState, Millis, decode_state
from features.store import Store
from models.playbooks import Spender
from streams.live.held import read_mark
from streams.pipeline import Shop


async def read_spenders(store: Store, shop: Shop, most: int) -> list[Spender]:
    """Return what is known of the orders of a sample of customers.

    Parameters
    ----------
    store
        Of the workers.
    shop
        The rules.
    most
        At most so many customers, about as many of each partition, as they come: the store keeps
        them by the hash of their names, so that is a fair sample.
    """
    found: list[Spender] = []
    partitions = read_mark(await store.mark(0)).partitions
    for number in range(partitions):
        mark = read_mark(await store.mark(number))
        left = (most - len(found)) // (partitions - number)
        if left <= 0:
            continue
        async for user_id, record in store.customers(number):
            if record.state is None or not shop.judges(user_id):
                continue
            state = decode_state(record.state, shop.definition)
            found.append(_spender(state, max(mark.watermark, state.now)))
            left -= 1
            if left <= 0:
                break
    return found


def _spender(state: CustomerState, at: Millis) -> Spender:
    money = state.money
    return Spender(
        orders=float(money.orders),
        mean=money.spent / money.orders if money.orders else 0.0,
        tenure=max(at - state.first_seen, 0) / DAY,
        there=state.is_active(at),
    )
