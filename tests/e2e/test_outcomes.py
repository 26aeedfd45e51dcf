"""What a CRM reports, on a real Kafka and Redis: who wants no messages any more gets none."""

from __future__ import annotations

import json
import random
import signal
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import pytest
from click.testing import CliRunner

from features import (
    DAY,
    HOUR,
    Event,
    decode_event,
    decode_state,
    encode_state,
    from_datetime,
    to_datetime,
)
from models.deciding import Alert, Outcome, encode_outcome
from streams.brokers import open_producer
from streams.cli import ebb
from streams.cli.context import Context
from streams.composition import definition_of
from streams.pipeline import Arrival
from tests.e2e.conftest import NewCorner
from tests.e2e.corner import Corner
from tests.e2e.replaying import replayed
from tests.e2e.test_playbooks import POLICY
from tests.servers import wait_for
from tests.streams.planned import NAMES

pytestmark = pytest.mark.e2e

START = 1_700_000_000_000
#: When some unsubscribe, and when one of them says yes again.
NO, YES = START + 15 * DAY, START + 20 * DAY
EMAIL = """
version = 1
holdout = { share = 0.25, salt = "pepper" }
consent = { email = { trait = "news", renews = true } }

[[playbook]]
name = "remind"
action = { kind = "message", channel = "email" }
"""
REFUSING = NAMES[:4]
AGAIN = NAMES[0]
#: Of whom nothing else is known.
STRANGER = "stranger"


def visits(days: Iterable[int], *, news: bool) -> list[Event]:
    return [
        Event(
            event_id=f"{name}-{day}",
            user_id=name,
            type="purchase",
            time=START + day * DAY + place * HOUR,
            amount=20.0,
            traits={"news": "yes"} if news else {},
        )
        for day in days
        for place, name in enumerate(NAMES)
    ]


def outcome(number: int, what: Any, user_id: str, **properties: str) -> Outcome:
    return Outcome(
        outcome_id=f"o-{number}",
        alert_id=f"a-{number}",
        user_id=user_id,
        type=what,
        time=to_datetime(NO),
        properties=properties,
    )


def report(corner: Corner, outcomes: Iterable[Outcome | bytes]) -> None:
    """Report what came of alerts, as a CRM with its own producer would."""
    with open_producer(corner.settings) as producer:
        for each in outcomes:
            raw = each if isinstance(each, bytes) else encode_outcome(each)
            key = b"nobody" if isinstance(each, bytes) else each.user_id.encode()
            producer.send(corner.settings.topic("outcomes"), key=key, value=raw)


def events_of(corner: Corner) -> list[Event]:
    return [decode_event(each.value) for each in corner.read("clickstream")]


def refusing(corner: Corner) -> set[str]:
    return {each.user_id for each in events_of(corner) if each.type == "unsubscribed"}


def test_who_unsubscribes_gets_no_message_until_they_say_yes_again(
    brief_corner: NewCorner,
) -> None:
    corner = brief_corner(EBB_TOPICS_PARTITIONS="1", **POLICY)
    policy = corner.folder / "policy.toml"
    policy.write_text(EMAIL, encoding="utf-8")
    corner = brief_corner(EBB_TOPICS_PARTITIONS="1", EBB_POLICY=str(policy), **POLICY)
    corner.create_topics()
    first = visits(range(0, 14, 2), news=True)
    corner.publish(first)
    child = corner.worker()
    corner.drain(len(first))

    noise = [outcome(number, "opened", f"reader-{number}") for number in range(6_000)]
    noes = [outcome(9_000, "complained", REFUSING[0], channel="email")]
    noes += [outcome(9_000 + n, "unsubscribed", name) for n, name in enumerate(REFUSING) if n]
    noes.append(outcome(9_100, "unsubscribed", STRANGER))
    report(corner, [*noise[:2_000], *noes[:2], *noise[2_000:], b"\xff", *noes[2:], *noes])
    # Wherever it is by then: before, between or after what it does, and what it remembers.
    wait_for("some are taken", lambda: taken(corner) > 0, 40, 0.001)
    child.send_signal(signal.SIGKILL)
    assert child.wait(10) == -signal.SIGKILL
    corner.worker()
    wait_for("all are taken", lambda: taken(corner) == len(noise) + 2 * len(noes), 40)
    wait_for("all is told", lambda: refusing(corner) == {*REFUSING, STRANGER}, 40)
    yes = Event(event_id="yes", user_id=AGAIN, type="identified", time=YES, traits={"news": "yes"})
    second = sorted([*visits(range(16, 40, 2), news=False), yes], key=lambda event: event.at)
    second.append(Event(event_id="clock", user_id="clock", type="visit", time=START + 80 * DAY))
    corner.publish(second)
    corner.drain(len(events_of(corner)))

    alerts = [json.loads(each.value) for each in corner.read("interventions")]
    mailed = {
        name: [to_millis(each) for each in alerts if each["user_id"] == name and by_mail(each)]
        for name in NAMES
    }
    for name in REFUSING:
        assert any(at <= NO for at in mailed[name])
        assert all(at <= NO or (name == AGAIN and at > YES) for at in mailed[name])
    assert any(at > YES for at in mailed[AGAIN])
    assert all(any(at > YES for at in mailed[name]) for name in NAMES if name not in REFUSING)
    status = json.loads(says(corner, "status", "--json"))
    assert (status["withdrawals"], status["outcomes_invalid"]) == (2 * len(noes), 1)
    assert status["outcomes_lag"] == 0
    assert {each.value for each in corner.read("dead_letters")} == {b"\xff"}

    day = to_datetime(NO).date().isoformat()
    sentence = f"unsubscribed from email on {day}"
    assert sentence in says(corner, "why", REFUSING[1])
    assert sentence in says(corner, "policy", "explain", str(policy), "--customer", REFUSING[1])
    assert f"unsubscribed from all channels on {day}" in says(corner, "inspect", STRANGER)
    assert "not judged" in says(corner, "why", STRANGER)
    verified = json.loads(says(corner, "verify", "--all", "--decisions", "--json"))
    assert verified["equal"] == verified["checked"] == len(NAMES) + 2, verified["findings"]
    assert verified["decisions"]["different"] == 0, verified["decisions"]

    log = [
        Arrival(each.offset, each.timestamp, decode_event(each.value))
        for each in corner.read("clickstream")
    ]
    book, effects = replayed(corner.settings, log, random.Random(3))
    again: list[Alert] = [alert for each in effects for alert in each.alerts]
    # Whoever was killed may have said its last words twice.
    ids = {(each["alert_id"], each["playbook"]) for each in alerts}
    assert sorted((each.alert_id, each.playbook) for each in again) == sorted(ids)
    states = {name: encode_state(each.state) for name, each in book.items()}
    assert states == corner.stored()[0].states
    definition = definition_of(corner.settings)
    refused = decode_state(states[REFUSING[1]], definition).traits.last_word("email")
    assert refused is not None
    assert (refused.at, refused.granted) == (NO, False)


def taken(corner: Corner) -> int:
    """Return how many outcomes the workers have taken, as the store says."""
    return sum(mark.counts.get("outcomes", 0) for mark in corner.marks("outcomes"))


def says(corner: Corner, *arguments: str) -> str:
    """Return what a command prints, run here: a process of its own would tell nothing more."""
    done = CliRunner().invoke(ebb, list(arguments), obj=Context(environ=corner.environment))
    assert done.exit_code == 0, done.output
    return done.stdout


def by_mail(alert: dict[str, Any]) -> bool:
    return bool(alert.get("channel") == "email")


def to_millis(alert: dict[str, Any]) -> int:
    return from_datetime(datetime.fromisoformat(alert["decided_at"]))
