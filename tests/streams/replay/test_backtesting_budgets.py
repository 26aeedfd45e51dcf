"""A backtest holds to a budget over all partitions, as the workers do."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace

from features import DAY, build_catalogue
from models.playbooks import read_plan
from streams.pipeline import Shop
from tests.streams.replay.backtested import (
    SHOP,
    START,
    arriving,
    millis,
    replayed,
    shoppers,
)

PARTITIONS = 4
MOST = 1
PLAN = """
version = 1
holdout = { share = 0.0 }
[[playbook]]
name = "gift"
%s
action = { kind = "message", channel = "email", cost = 1.00 }
"""


def alerts_by_day(shop: Shop) -> dict[int, Counter[int]]:
    """Return how many alerts each partition had on each day."""
    events = shoppers(11, customers=80, days=40)
    shares = [
        arriving([each for each in events if int(each.user_id[5:]) % PARTITIONS == number])
        for number in range(PARTITIONS)
    ]
    found: dict[int, Counter[int]] = defaultdict(Counter)
    for row in replayed(shares, shop=shop).decisions:
        if row["alert"]:
            day = (millis(row["at"]) - START) // DAY
            found[day][int(row["customer"][5:]) % PARTITIONS] += 1
    return found


def test_no_day_costs_more_than_its_budget_and_no_partition_takes_all() -> None:
    features = build_catalogue(SHOP.definition).names
    policy = replace(SHOP.policy, threshold=0.3, hysteresis=0.0, cooldown=0, holdout=0.0)
    unlimited, limited = (
        replace(SHOP, plan=read_plan(PLAN % budget, features), policy=policy)
        for budget in ("", f"budget = {{ day = {MOST}.00 }}")
    )
    free = alerts_by_day(unlimited)
    held = alerts_by_day(limited)
    wanted = {day: sum(counts.values()) for day, counts in free.items()}
    assert sum(count > MOST for count in wanted.values()) > 10
    spent = {day: sum(counts.values()) for day, counts in held.items()}
    assert max(spent.values()) == MOST
    # Whoever had nothing that day is looked at again: no day is left unspent for that.
    assert sum(count == MOST for count in spent.values()) > 10
    total = sum(held.values(), Counter())
    assert len(total) == PARTITIONS
    # One partition after the other, the first would have nearly half.
    assert max(total.values()) < 0.4 * sum(total.values()), total
