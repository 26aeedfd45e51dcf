"""A partition's log taken through the pure core: what the workers must have come to."""

from __future__ import annotations

import random
from collections.abc import Sequence

from features import CustomerState
from models.deciding import Ledger
from models.registry import prior_judge
from streams.composition import shop_of, task_of
from streams.pipeline import NO_WATERMARK, Arrival, Customer, Effects, handle, watermark_after
from streams.settings import Settings


def replayed(
    settings: Settings, log: Sequence[Arrival], dice: random.Random
) -> tuple[dict[str, Customer], list[Effects]]:
    """Take a partition's log through the pure core, cut into batches by chance."""
    shop = shop_of(settings)
    judge = prior_judge(task_of(shop))
    book: dict[str, Customer] = {}
    found: list[Effects] = []
    watermark = NO_WATERMARK

    def step(arrivals: list[Arrival]) -> bool:
        nonlocal watermark
        for arrival in arrivals:
            unknown = Customer(CustomerState(shop.definition), Ledger(), new=True)
            book.setdefault(arrival.event.user_id, unknown)
        target = watermark_after(shop, arrivals, watermark)
        due = [name for name, each in book.items() if not each.new and each.due() <= target]
        dice.shuffle(due)
        found.append(handle(shop, judge, arrivals, due[: dice.randint(1, 200)], book, watermark))
        watermark = found[-1].watermark
        return bool(due)

    place = 0
    while place < len(log):
        size = dice.choice([1, 2, 30, 200, 500])
        step(log[place : place + size])
        place += size
        while dice.random() < 0.5 and step([]):
            pass
    while step([]):
        pass
    return book, found
