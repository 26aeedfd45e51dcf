"""A sample of the shop's customers, with what they spend."""

from __future__ import annotations

import asyncio

import msgspec

from features import DAY, CustomerState, Event, encode_state
from features.store import Commit, MemoryStore, Record
from models.playbooks import Spender
from streams.composition import shop_of
from streams.live.held import Mark
from streams.live.spending import read_spenders
from streams.settings import Settings

SHOP = shop_of(Settings())
PARTITIONS = 3
NOW = 100 * DAY


def customer(name: str, first: int, amounts: list[float]) -> CustomerState:
    state = CustomerState(SHOP.definition)
    state.apply(Event(event_id="v", user_id=name, type="visit", time=first * DAY))
    for day, amount in enumerate(amounts, first + 1):
        state.apply(
            Event(event_id=str(day), user_id=name, type="purchase", time=day * DAY, amount=amount)
        )
    return state


def stored(shop: dict[int, dict[str, CustomerState]]) -> MemoryStore:
    store = MemoryStore()
    mark = msgspec.json.encode(Mark(watermark=NOW, partitions=PARTITIONS))
    for number in range(PARTITIONS):
        records = {name: Record(encode_state(each)) for name, each in shop.get(number, {}).items()}
        assert asyncio.run(store.commit(number, Commit(None, mark, records)))
    return store


def sampled(shop: dict[int, dict[str, CustomerState]], most: int) -> list[Spender]:
    return asyncio.run(read_spenders(stored(shop), SHOP, most))


def test_what_each_has_spent_is_read_as_of_now() -> None:
    found = sampled(
        {
            0: {"ada": customer("ada", 40, [10.0, 20.0]), "anon:7": customer("anon:7", 50, [9.0])},
            2: {"bob": customer("bob", 5, [])},
        },
        100,
    )
    # Ada came last on day 42, Bob on day 5: he is gone. Of visitors nothing is decided.
    assert found == [Spender(2.0, 15.0, 60.0, True), Spender(0.0, 0.0, 95.0, False)]


def test_a_sample_takes_as_many_of_each_partition_as_there_are() -> None:
    shop = {
        number: {f"c{number}-{each}": customer("x", 1 + number, [1.0]) for each in range(count)}
        for number, count in enumerate((1, 10, 10))
    }
    by_tenure = [each.tenure for each in sampled(shop, 9)]
    assert [by_tenure.count(99.0 - number) for number in range(PARTITIONS)] == [1, 4, 4]
    assert len(sampled(shop, 1_000)) == 21
    assert len(sampled(shop, 2)) == 2


def test_before_the_first_event_there_is_nobody() -> None:
    assert asyncio.run(read_spenders(MemoryStore(), SHOP, 10)) == []
