"""Workers with different policy files: limits hold, somebody says so, and each is accounted for."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from features import HOUR, SECOND, Event
from tests.e2e.conftest import NewCorner
from tests.e2e.corner import Corner
from tests.e2e.test_budgets import filling
from tests.servers import wait_for

pytestmark = pytest.mark.e2e

#: 2 March 2026, midnight.
DAY_BEGINS = 1_772_409_600_000
SHOPPERS = [f"shopper-{number}" for number in range(60)]
#: What a gift costs, and what the pot of a day may hold: of each version.
OLD, NEW = (1, 20), (2, 31)


def policy(cost: int, most: int, more: str = "") -> str:
    return f"""
version = 1
currency = "EUR"
holdout = {{ share = 0.0 }}
cap = [ {{ channel = "email", most = 1, per = "5d" }} ]
[[playbook]]
name = "gift"
when = {{ cause = "distress" }}
budget = {{ day = {most}.00 }}
action = {{ kind = "coupon", channel = "email", depth = 0.1, expires = "7d", cost = {cost}.00 }}
{more}"""


CALL = """
[[playbook]]
name = "call"
cooldown = "1d"
when = { cause = "distress" }
action = { kind = "call", channel = "phone" }
"""


def complaints(hour: int) -> list[Event]:
    """Everybody complains, one after the other."""
    return [
        Event(
            event_id=f"{user}-{hour}",
            user_id=user,
            type="complaint",
            time=DAY_BEGINS + hour * HOUR + number * SECOND,
        )
        for number, user in enumerate(SHOPPERS)
    ]


def alerts_of(corner: Corner) -> list[dict[str, Any]]:
    told = [json.loads(each.value) for each in corner.read("interventions")]
    by_id = {each["alert_id"]: each for each in told}
    assert all(by_id[each["alert_id"]] == each for each in told)
    return list(by_id.values())


def gifts(alerts: Iterable[dict[str, Any]], version: str = "") -> list[dict[str, Any]]:
    found = [each for each in alerts if each["playbook"] == "gift"]
    return [each for each in found if each["policy"] == version] if version else found


def test_limits_hold_though_workers_disagree_and_each_decision_is_explained(
    brief_corner: NewCorner, tmp_path: Path
) -> None:
    old, new = tmp_path / "old.toml", tmp_path / "new.toml"
    old.write_text(policy(*OLD), encoding="utf-8")
    new.write_text(policy(*NEW, more=CALL), encoding="utf-8")
    corner = brief_corner(
        EBB_POLICY=str(new),
        EBB_POLICY_THRESHOLD="0.01",
        EBB_POLICY_HYSTERESIS="0",
        EBB_POLICY_COOLDOWN="0d",
        EBB_WORKER_BATCH="3",
    )
    corner.create_topics()
    files = iter((old, new))

    def start(corner: Corner, **settings: str) -> Any:
        return corner.worker(EBB_POLICY=str(next(files)), **settings)

    behind, _ = corner.two(start)
    wait_for("both say what they go by", lambda: len(corner.status()["policies"]) == 2, 30, 0.2)
    assert "careful: workers decide by different versions of the policy" in corner.run("status")

    # Twice each, from both at once: the second time everybody who had a gift is capped.
    told = [*complaints(1), *complaints(3)]
    corner.publish(told)
    corner.drain(len(told))
    first = alerts_of(corner)
    versions = {each["policy"] for each in first}
    [by_new] = {each["policy"] for each in first if each["playbook"] == "call"}
    [by_old] = versions - {by_new}
    given = Counter(each["user_id"] for each in gifts(first))
    assert set(given.values()) == {1}
    cents = 100 * (len(gifts(first, by_old)) * OLD[0] + len(gifts(first, by_new)) * NEW[0])
    assert {each["policy"] for each in gifts(first)} == versions
    assert len(gifts(first, by_old)) * OLD[0] <= OLD[1]
    # No version lets the pot hold more than it says itself; and none has set aside for nothing.
    assert filling(corner, "gift/2026-03-02").taken == cents <= 100 * NEW[1]
    assert cents > 100 * (NEW[1] - NEW[0]), "there was room for another one"

    # The one that is behind leaves, and the other takes over whom it has contacted.
    behind.stop()
    wait_for("one is left", lambda: len(corner.status()["policies"]) == 1, 30, 0.2)
    corner.publish(complaints(26))
    corner.drain(len(told) + len(SHOPPERS))
    every = alerts_of(corner)
    given = Counter(each["user_id"] for each in gifts(every))
    assert set(given.values()) == {1}
    today = [each for each in gifts(every) if each["decided_at"] >= "2026-03-03"]
    assert {each["policy"] for each in today} == {by_new}
    assert len(today) == NEW[1] // NEW[0]

    # Each decision by the version that took it.
    asked = ("verify", "--all", "--decisions", "--json")
    both = json.loads(corner.run(*asked, "--policy", str(old), "--policy", str(new)))["decisions"]
    assert (both["different"], both["unknown"]) == (0, 0), both
    assert both["equal"] == corner.counts()["decisions"] >= len(told) + len(SHOPPERS)
