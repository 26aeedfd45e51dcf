"""Workers that decide by a policy file: what is sent, why, and that a replay sends the same."""

from __future__ import annotations

import json
import random

import msgspec
import pytest

from features import DAY, HOUR, Event, decode_event
from models.deciding import Alert, Ledger
from streams.pipeline import Arrival
from tests.e2e.conftest import NewCorner
from tests.e2e.replaying import replayed
from tests.streams.planned import CAPPED, NAMES
from tests.streams.test_steered import LEARNT, STEERING

pytestmark = pytest.mark.e2e

START = 1_700_000_000_000
POLICY = {
    "EBB_POLICY_THRESHOLD": "0.3",
    "EBB_POLICY_HYSTERESIS": "0.05",
    "EBB_POLICY_COOLDOWN": "2d",
}


def visits() -> list[Event]:
    """Return visits every other day for a month, half of them by whoever wants news."""
    return [
        Event(
            event_id=f"{name}-{day}",
            user_id=name,
            type="complaint" if (day, place % 4) == (20, 3) else "purchase",
            time=START + day * DAY + place * HOUR,
            amount=20.0,
            traits={"news": "yes"} if place % 2 else {},
        )
        for day in range(0, 30, 2)
        for place, name in enumerate(NAMES)
    ] + [Event(event_id="clock", user_id="clock", type="visit", time=START + 60 * DAY)]


def test_what_the_file_says_is_sent_told_verified_and_replayed(brief_corner: NewCorner) -> None:
    corner = brief_corner(EBB_TOPICS_PARTITIONS="1", **POLICY)
    policy = corner.folder / "policy.toml"
    policy.write_text(CAPPED + STEERING, encoding="utf-8")
    policy.with_name("response.json").write_bytes(LEARNT)
    corner = brief_corner(EBB_TOPICS_PARTITIONS="1", EBB_POLICY=str(policy), **POLICY)
    corner.create_topics()
    events = sorted(visits(), key=lambda event: event.time)
    corner.publish(events)
    corner.worker()
    corner.drain(len(events))

    alerts = [json.loads(each.value) for each in corner.read("interventions")]
    assert {each["playbook"] for each in alerts} == {"call", "bargain"}
    assert {each["arm"] for each in alerts} == {"treated", "holdout"}
    assert all(each["action"] == "none" for each in alerts if each["arm"] == "holdout")
    steered = {(each["steering"], each["playbook"]) for each in alerts}
    # What drives customers away is done for those alone who explore.
    assert steered >= {("explored", "call"), ("steered", "bargain")}
    assert {playbook for how, playbook in steered if how != "explored"} == {"bargain"}
    newest = alerts[-1]
    asked = ("why", newest["user_id"], "--at", newest["decided_at"])
    told = json.loads(corner.run(*asked, "--json"))
    assert told["alert_id"] == newest["alert_id"]
    assert told["decision"]["play"]["playbook"] == newest["playbook"]
    said = corner.run(*asked)
    assert f"playbook {newest['playbook']}" in said
    assert "sorry  no: cause is silence, not distress" in said
    assert told["decision"]["play"]["steering"] == newest["steering"]
    assert told["decision"]["play"]["steered"] in said
    # Though the file is another one by now, it is told what the one of then had said.
    then = policy.with_name("then.toml")
    then.write_text(policy.read_text(encoding="utf-8"), encoding="utf-8")
    policy.write_text(CAPPED.replace("priority = 40", "priority = 25"), encoding="utf-8")
    later = corner.run(*asked)
    assert f"policy file {newest['policy']}, which now is" in later
    again = json.loads(corner.run(*asked, "--json"))["decision"]["play"]
    assert again == told["decision"]["play"]
    # And nothing that it decided is called different; with the file at hand, it is equal.
    verified = json.loads(corner.run("verify", "--all", "--decisions", "--json"))["decisions"]
    assert verified["different"] == 0, verified["differences"]
    reason = (
        f"decided by version {newest['policy']} of the policy file, which is not the one of now:"
        " name that file with --policy"
    )
    assert verified["unknown_because"][reason] >= len(alerts)
    known = json.loads(
        corner.run("verify", "--all", "--decisions", "--policy", str(then), "--json")
    )
    assert known["decisions"]["different"] == 0, known["decisions"]
    assert known["decisions"]["equal"] > len(alerts) > known["decisions"]["unknown"]
    policy.write_text(then.read_text(encoding="utf-8"), encoding="utf-8")
    assert f"by {newest['playbook']}" in corner.run("alerts", "--user", newest["user_id"])
    verified = json.loads(corner.run("verify", "--all", "--decisions", "--json"))
    assert verified["equal"] == verified["checked"] == len(NAMES) + 1, verified["findings"]
    assert verified["decisions"]["different"] == 0, verified["decisions"]
    assert verified["decisions"]["equal"] > len(alerts)

    log = [
        Arrival(each.offset, each.timestamp, decode_event(each.value))
        for each in corner.read("clickstream")
    ]
    book, effects = replayed(corner.settings, log, random.Random(3))
    again: list[Alert] = [alert for each in effects for alert in each.alerts]
    key = ("alert_id", "playbook", "variant", "arm", "action", "offer", "not_before", "value")
    key = (*key, "steering", "policy")
    assert sorted(words(json.loads(encoded(each)), key) for each in again) == sorted(
        words(each, key) for each in alerts
    )
    nothing = Ledger().encode()
    ledgers = {name: each.ledger.encode() for name, each in book.items()}
    stored = corner.stored()[0].ledgers
    assert {name: data for name, data in ledgers.items() if data != nothing} == stored


def encoded(alert: Alert) -> bytes:
    return msgspec.json.encode(alert)


def words(alert: dict[str, object], names: tuple[str, ...]) -> str:
    return json.dumps([alert.get(name) for name in names])
