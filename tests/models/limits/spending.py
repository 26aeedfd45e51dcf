"""A process that decides: it asks for money until there is none left, day after day.

What it asks for follows from its number alone; so when it was killed and is started again, it
decides the same once more, as a worker does with a batch that it had not committed.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import sys
from collections.abc import Iterator
from typing import Any, Final

from redis.asyncio import Redis

from models.limits import Choice, Pot, RedisLimits, Request, Settlement, Take

BUDGET: Final = 100_000
#: Batches of more than a cent for each alert.
LARGE: Final = 30
#: When reservations end.
END: Final = 10**9
KEPT: Final = 2 * END


def pots(day: int) -> tuple[Pot, Pot]:
    """Return what there is for a day, and for the alerts of it."""
    return Pot(f"money/{day}", BUDGET, KEPT), Pot(f"alerts/{day}", 5_000, KEPT, money=False)


def requests(number: int, day: int) -> Iterator[list[Request]]:
    """Yield what a process asks for on a day: at last a cent, until there is none."""
    dice = random.Random(f"{number}/{day}")
    money, alerts = pots(day)
    for batch in itertools.count():
        dearest = 900 if batch < LARGE else 1
        yield [
            Request(
                f"{number}/{day}/{batch}/{place}",
                (Choice("it", (Take(money, dice.randint(1, dearest)), Take(alerts, 1)), END),),
            )
            for place in range(dice.randint(1, 12))
        ]


async def spend(url: str, namespace: str, number: int, days: int) -> None:
    client: Any = Redis.from_url(url)
    limits = RedisLimits(client, namespace)
    for day in range(days):
        for batch, asked in enumerate(requests(number, day)):
            answers = await limits.reserve(asked, day)
            granted = [each for each, answer in zip(asked, answers, strict=True) if answer.granted]
            costs = {alert: choice.takes[0].amount for alert, (choice,) in granted}
            for alert, cost in costs.items():
                print("granted", alert, day, cost, flush=True)
            used = [Settlement(alert, "used", costs[alert]) for alert in [*costs][::3]]
            await limits.settle(used, day)
            for each in used:
                print("used", each.alert_id, day, each.cost, flush=True)
            # Not before everything that may have been granted before a death is asked for again.
            if batch >= LARGE and not all(answer.granted for answer in answers):
                break
    await client.aclose()


if __name__ == "__main__":
    _, url, namespace, number, days = sys.argv
    asyncio.run(spend(url, namespace, int(number), int(days)))
