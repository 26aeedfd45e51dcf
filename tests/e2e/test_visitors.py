"""A visitor's history becomes the customer's, across partitions, whoever dies in the middle."""

from __future__ import annotations

import json
from datetime import datetime

import msgspec
import pytest
from pyarrow import parquet

from features import DAY, HOUR, MINUTE, Event, decode_state, from_datetime, to_iso
from streams.composition import shop_of
from streams.topics import partition_of
from tests import oracle
from tests.e2e.conftest import NewCorner
from tests.features.watching import fire_until
from tests.servers import wait_for

pytestmark = pytest.mark.e2e

PARTITIONS = 4
START = 1_700_000_000_000
SHOPPERS = [f"shopper-{number}" for number in range(40)]
VISITS, BOUGHT = 12, 6
#: Sessions go by what had arrived when: these events all lie there from the start.
BY_ARRIVAL = ("session", "cart_abandons")


def before(user: str) -> list[Event]:
    """What a shopper did as a visitor: a visit every other day."""
    return [
        Event(
            event_id=f"v-{user}-{number}",
            user_id=f"anon:{user}",
            type="product_viewed" if number % 3 else "product_added",
            time=START + (2 * number + 1) * DAY + SHOPPERS.index(user) * MINUTE,
        )
        for number in range(VISITS)
    ]


def own(user: str) -> list[Event]:
    """What they bought on another device, every five days."""
    return [
        Event(
            event_id=f"c-{user}-{number}",
            user_id=user,
            type="purchase",
            time=START + 5 * number * DAY + HOUR + SHOPPERS.index(user) * MINUTE,
            amount=20.0 + number,
        )
        for number in range(BOUGHT)
    ]


def link(user: str, number: int = 0) -> Event:
    return Event(
        event_id=f"l-{user}-{number}",
        user_id=f"anon:{user}",
        type="identified",
        time=START + 20 * DAY,
        properties={"identified_as": user},
    )


def test_a_visitors_history_is_the_customers_though_workers_die(brief_corner: NewCorner) -> None:
    corner = brief_corner(EBB_WORKER_BATCH="5", EBB_CLOCK="events")
    corner.create_topics()
    elsewhere = [
        user
        for user in SHOPPERS
        if partition_of(user.encode(), PARTITIONS)
        != partition_of(f"anon:{user}".encode(), PARTITIONS)
    ]
    assert 0 < len(elsewhere) < len(SHOPPERS)
    # The last of the visits comes when it is known whose it is, and so does a link again.
    told = [each for user in SHOPPERS for each in (*before(user), *own(user))]
    told += [link(user, number) for user in SHOPPERS for number in (0, 1)]
    told.sort(key=lambda event: event.time)
    corner.publish([*told, *map(link, SHOPPERS)])
    history = len(SHOPPERS) * VISITS

    first = corner.worker()
    wait_for("some of it is handed over", lambda: corner.counts()["handed_over"] > 20, 60, 0.005)
    first.kill()
    assert corner.counts()["recalled"] < history, "it was killed too late to show anything"
    corner.worker()
    wait_for("all of it has come", lambda: corner.counts()["recalled"] == history, 60, 0.05)
    status = json.loads(corner.run("status", "--json"))
    assert (status["linked"], status["recalled"]) == (len(SHOPPERS), history)
    assert status["customers"] == len(SHOPPERS)
    corner.drain(len(told) + len(SHOPPERS) + history)
    assert corner.counts()["handed_over"] == history
    assert corner.counts()["linked"] == len(SHOPPERS)

    found = json.loads(corner.run("verify", "--all", "--json"))
    assert found["equal"] == found["checked"] == 2 * len(SHOPPERS), found["findings"]
    shop = shop_of(corner.settings)
    at = START + 40 * DAY
    states = {
        name: decode_state(data, shop.definition)
        for part in corner.stored().values()
        for name, data in part.states.items()
    }
    for user in SHOPPERS:
        assert states[f"anon:{user}"].events == 0
        fire_until(states[user], at)
        everything = sorted([*before(user), *own(user)], key=lambda event: event.at)
        expected = oracle.features(everything, shop.definition, at)
        vector = shop.catalogue.as_dict(shop.catalogue.vector(states[user], at))
        differences = oracle.differences(vector, expected)
        assert [each for each in differences if not each.startswith(BY_ARRIVAL)] == [], user

    said = corner.ebb("inspect", f"anon:{SHOPPERS[0]}")
    assert said.returncode == 1
    assert f"is {SHOPPERS[0]} since 2023-12-04" in said.stderr
    assert json.loads(corner.run("inspect", SHOPPERS[0], "--json"))["events"] == VISITS + BOUGHT
    judged = {json.loads(each.value)["user_id"] for each in corner.read("interventions")}
    assert judged <= set(SHOPPERS)
    moved = corner.read("rekeyed")
    assert {each.key.decode() for each in moved if each.key} == set(SHOPPERS)
    assert all(json.loads(each.value)["properties"]["anonymous_id"] for each in moved)


PEACE = """
version = 1
holdout = { share = 0.2 }
cap = [ { channel = "email", most = 1, per = "5d" } ]
[[playbook]]
name = "gift"
when = { cause = "distress" }
action = { kind = "coupon", channel = "email", depth = 0.1, expires = "7d", cost = 1.00 }
"""
#: The e-mail to the visitor counts for five days.
HOURS_OF_PEACE = ((True, 0), (False, 121))


def complaint(user: str, hour: int) -> Event:
    return Event(
        event_id=f"{user}-{hour}",
        user_id=user,
        type="complaint",
        time=START + hour * HOUR + SHOPPERS.index(user.removeprefix("anon:")) * MINUTE,
    )


def test_who_was_sent_a_coupon_as_a_visitor_gets_no_second_one(brief_corner: NewCorner) -> None:
    """Though a worker dies while they are handed over; a replay has it likewise."""
    rules = {
        "EBB_VISITORS": "true",
        "EBB_CLOCK": "events",
        "EBB_WORKER_BATCH": "5",
        "EBB_POLICY_THRESHOLD": "0.01",
        "EBB_POLICY_HYSTERESIS": "0",
        "EBB_POLICY_COOLDOWN": "0d",
    }
    corner = brief_corner(**rules)
    policy = corner.folder / "policy.toml"
    policy.write_text(PEACE, encoding="utf-8")
    corner = brief_corner(EBB_POLICY=str(policy), **rules)
    corner.create_topics()
    told = [complaint(f"anon:{user}", 0) for user in SHOPPERS]
    told += [
        msgspec.structs.replace(link(user), time=START + HOUR + number * MINUTE)
        for number, user in enumerate(SHOPPERS)
    ]
    corner.publish(told)
    first = corner.worker()
    wait_for("some are handed over", lambda: corner.counts()["handed_over"] > 5, 60, 0.005)
    first.kill()
    corner.worker()
    wait_for("all have come", lambda: corner.counts()["recalled"] == len(SHOPPERS), 60, 0.05)

    later = [complaint(user, hour) for hour in (2, 100, 121) for user in SHOPPERS]
    corner.publish(later)
    corner.drain(len(told) + len(SHOPPERS) + len(later))
    alerts = {
        each["alert_id"]: each
        for each in (json.loads(said.value) for said in corner.read("interventions"))
    }
    hours = sorted(
        (
            each["user_id"].removeprefix("anon:"),
            each["user_id"].startswith("anon:"),
            (from_datetime(datetime.fromisoformat(each["decided_at"])) - START) // HOUR,
        )
        for each in alerts.values()
    )
    expected = [(user, visitor, hour) for user in SHOPPERS for visitor, hour in HOURS_OF_PEACE]
    assert hours == sorted(expected)
    said = corner.run("why", SHOPPERS[0], "--at", to_iso(START + 100 * HOUR))
    assert "gift  no: 1 over email within 5 days, and no more than 1 may be" in said, said

    found = json.loads(corner.run("verify", "--all", "--decisions", "--json"))
    assert found["decisions"]["different"] == 0, found["decisions"]
    corner.run("backtest", "kafka://clickstream", "-o", "again", "--no-report", timeout=120)
    rows = parquet.read_table(corner.folder / "again" / "decisions.parquet").to_pylist()
    again = {(row["customer"], from_datetime(row["at"])) for row in rows if row["alert"]}
    assert again == {
        (each["user_id"], from_datetime(datetime.fromisoformat(each["decided_at"])))
        for each in alerts.values()
    }
