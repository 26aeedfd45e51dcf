"""Budgets over several workers: to the cent, through kill -9, and back when nothing was used."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from features import MINUTE, Event, to_iso
from models.deciding import Outcome, encode_outcome
from models.limits import Filling, RedisLimits
from streams.brokers import open_producer
from streams.live.redis import open_redis
from tests.e2e.conftest import NewCorner
from tests.e2e.corner import Corner
from tests.servers import wait_for

pytestmark = pytest.mark.e2e

#: 2 March 2026, midnight.
DAY_BEGINS = 1_772_409_600_000
POT = "gift/2026-03-02"
#: EBB_LONG=1 for eight workers, and about a minute of it.
LONG = os.environ.get("EBB_LONG", "") not in ("", "0")
WORKERS, COMPLAINTS, MOST = (8, 1_200, 400) if LONG else (2, 120, 40)
KILLED = range(10, COMPLAINTS // 2, COMPLAINTS // 3)
POLICY = f"""
version = 1
currency = "EUR"
holdout = {{ share = 0.0 }}
[[playbook]]
name = "gift"
when = {{ cause = "distress" }}
budget = {{ day = {MOST}.00 }}
action = {{ kind = "coupon", channel = "email", depth = 0.1, expires = "7d", cost = 1.00 }}
"""


def complaint(number: int) -> Event:
    return Event(
        event_id=f"c-{number}",
        user_id=f"shopper-{number}",
        type="complaint",
        time=DAY_BEGINS + number * MINUTE,
    )


def declined(corner: Corner, alerts: Iterable[dict[str, Any]]) -> None:
    """Report twice that an offer will not be used."""
    now = datetime(2026, 3, 2, 23, tzinfo=UTC)
    with open_producer(corner.settings) as producer:
        for each in [*alerts] * 2:
            outcome = Outcome(
                outcome_id=f"o-{each['alert_id']}",
                alert_id=each["alert_id"],
                user_id=each["user_id"],
                type="declined",
                time=now,
            )
            producer.send(
                corner.settings.topic("outcomes"),
                key=each["user_id"].encode(),
                value=encode_outcome(outcome),
            )


def filling(corner: Corner, pot: str = POT) -> Filling:
    """Return how a day's budget stands."""

    async def look() -> Filling:
        client: Any = open_redis(corner.settings.redis.url)
        try:
            limits = RedisLimits(client, corner.settings.redis.namespace)
            [found] = await limits.look([pot])
            return found
        finally:
            await client.aclose()

    return asyncio.run(look())


def gifts(corner: Corner) -> dict[str, dict[str, Any]]:
    told = [json.loads(each.value) for each in corner.read("interventions")]
    by_id = {each["alert_id"]: each for each in told}
    assert all(by_id[each["alert_id"]] == each for each in told)
    assert all(each["playbook"] == "gift" for each in told)
    return by_id


def test_workers_spend_a_budget_to_the_cent_and_what_is_not_used_comes_back(
    brief_corner: NewCorner, tmp_path: Path
) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(POLICY, encoding="utf-8")
    corner = brief_corner(
        EBB_TOPICS_PARTITIONS=str(max(4, WORKERS)),
        EBB_POLICY=str(file),
        EBB_POLICY_THRESHOLD="0.01",
        EBB_POLICY_HYSTERESIS="0",
        EBB_POLICY_COOLDOWN="0d",
        # A batch takes few, so that the budget does not end in one.
        EBB_WORKER_BATCH="3",
    )
    corner.create_topics()
    workers = corner.several(Corner.worker, WORKERS)
    dice = random.Random(5)
    for start in range(0, COMPLAINTS, 10):
        corner.publish(map(complaint, range(start, start + 10)))
        if start in KILLED:
            # In the middle of it, perhaps between setting aside and storing.
            corner.wait_until_applied(start + dice.randint(0, 9))
            victim = workers.pop(dice.randrange(WORKERS))
            victim.send_signal(signal.SIGKILL)
            assert victim.wait(10) == -signal.SIGKILL
            workers.append(corner.worker())
    corner.drain(COMPLAINTS)
    sent = gifts(corner)
    assert len(sent) == MOST
    # Nothing was set aside for anybody but these, whoever died.
    assert filling(corner) == Filling(MOST * 100, 0)

    told = json.loads(corner.run("policy", "budgets", "--json"))
    assert told["limits"] == [
        {
            **{"playbook": "gift", "of": "day", "span": "2026-03-02"},
            **{"limit": MOST, "spent": 0.0, "set_aside": MOST, "left": 0.0},
        }
    ]
    (line,) = corner.run("policy", "budgets").splitlines()[2:]
    assert (
        " ".join(line.split())
        == f"gift day 2026-03-02 0.00 EUR {MOST}.00 EUR 0.00 EUR {MOST}.00 EUR"
    )
    assert "day 2026-03-01" in corner.run("policy", "budgets", "--at", "2026-03-01T23:00Z")

    alerted = {each["user_id"] for each in sent.values()}
    passed_over = next(
        each for each in map(complaint, range(COMPLAINTS)) if each.user_id not in alerted
    )
    asked = ("why", passed_over.user_id, "--at", to_iso(passed_over.at))
    told = json.loads(corner.run(*asked, "--json"))
    assert (told["code"], told["contacted"]) == ("unfunded", False)
    assert corner.counts()["unfunded"] == COMPLAINTS - MOST
    assert "0.00 EUR is left of its budget of the day" in corner.run(*asked)

    declined(corner, list(sent.values())[:7])
    wait_for("money is back", lambda: filling(corner) == Filling((MOST - 7) * 100, 0), 30, 0.1)
    corner.publish(map(complaint, range(COMPLAINTS, COMPLAINTS + 20)))
    corner.drain(COMPLAINTS + 20)
    assert len(gifts(corner)) == MOST + 7
    assert filling(corner) == Filling(MOST * 100, 0)
    checked = json.loads(corner.run("verify", "--all", "--decisions", "--json"))
    assert checked["decisions"]["different"] == 0
    assert checked["decisions"]["equal"] == corner.counts()["decisions"]
