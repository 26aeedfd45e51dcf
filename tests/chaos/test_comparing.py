"""The comparison can lie: given what is lost, doubled, swapped or two things, it must say so."""

from __future__ import annotations

import json
import time
import urllib.request
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from features import DAY, HOUR, Event, encode_event
from streams.deadletters import HEADER
from streams.live.held import Mark
from streams.notify.signing import Secret, new_secret, signed_headers
from streams.settings import Settings, load_settings
from streams.topics import partition_of
from tests.chaos.comparing import Differences, Found, compare
from tests.chaos.receivers import Receiver, Told, untold
from tests.chaos.reference import Expected, expected_of
from tests.chaos.stage import SHOP
from tests.e2e.corner import Said, Stored

PARTITIONS = 2


@pytest.fixture(scope="module")
def settings() -> Settings:
    return load_settings(environ={**SHOP, "EBB_TOPICS_PARTITIONS": str(PARTITIONS)}).settings


def said(
    value: bytes, *, partition: int = 0, offset: int = 0, headers: dict[str, bytes] | None = None
) -> Said:
    return Said(partition, offset, 60 * DAY, None, value, headers or {})


@pytest.fixture(scope="module")
def expected(settings: Settings) -> Expected:
    """What must come of a small shop: ten customers, each there three times, and gone."""
    log: list[Said] = []
    lengths = [0] * PARTITIONS
    for number in range(40):
        name = f"c{number % 10}"
        event = Event(event_id=f"{number}", user_id=name, type="visit", time=number * 6 * HOUR)
        home = partition_of(name.encode(), PARTITIONS)
        log.append(said(encode_event(event), partition=home, offset=lengths[home]))
        lengths[home] += 1
    # One who comes back, and goes again: alerted twice.
    for number, day in enumerate((10, 10.5, 11, 40)):
        event = Event(event_id=f"back-{number}", user_id="c1", type="visit", time=int(day * DAY))
        home = partition_of(b"c1", PARTITIONS)
        log.append(said(encode_event(event), partition=home, offset=lengths[home]))
        lengths[home] += 1
    log.append(said(b"rubbish", partition=0, offset=lengths[0]))
    return expected_of(settings, log)


def events_of(state: bytes) -> int:
    return EVENTS[state] if state in EVENTS else int(state.removeprefix(b"|"))


EVENTS: dict[bytes, int] = {}


@pytest.fixture
def found(expected: Expected) -> Found:
    """What was left when nothing went wrong."""
    stored = {}
    for number, customers in expected.customers.items():
        EVENTS.update({known.state: known.events for known in customers.values()})
        stored[number] = Stored(
            Mark(counts=dict(expected.counts[number]), watermark=expected.watermarks[number]),
            {name: known.state for name, known in customers.items()},
            {name: known.ledger for name, known in customers.items() if known.ledger},
            {name: float(known.due) for name, known in customers.items() if known.due},
            {},
        )
    alerts = [said(expected.alerts[name]) for names in expected.order.values() for name in names]
    examples = [said(body) for body in expected.examples.values()]
    letters = [
        said(each.value, headers={HEADER: json.dumps(each._asdict(), default=str).encode()})
        for each in expected.letters
    ]
    model = {"weights": [1.0]}, len(examples)
    return Found(stored, alerts, examples, letters, model, model, events_of)


def with_customer(found: Found, **parts: Any) -> Found:
    """Change what is stored of one customer."""
    [number, stored] = next((n, each) for n, each in found.stored.items() if each.ledgers)
    name = next(iter(stored.ledgers))
    changed = {
        part: {**getattr(stored, part), name: change(getattr(stored, part)[name])}
        for part, change in parts.items()
    }
    return replace(found, stored={**found.stored, number: replace(stored, **changed)})


def wrong(differences: Differences) -> set[str]:
    zeros = vars(Differences())
    return {
        name
        for name, value in vars(differences).items()
        if value != zeros[name] and name not in ("notes", "sent_again")
    }


def test_what_is_as_it_must_be_differs_in_nothing(expected: Expected, found: Found) -> None:
    assert expected.alerts
    assert expected.examples
    assert expected.letters
    differences = compare(expected, found)
    assert differences.none, differences.notes
    assert differences.sent_again == 0


def test_an_event_that_was_counted_twice_is_doubled(expected: Expected, found: Found) -> None:
    found = with_customer(found, states=lambda state: b"|%d" % (EVENTS[state] + 2))
    differences = compare(expected, found)
    assert wrong(differences) == {"doubled", "states_wrong"}
    assert (differences.doubled, differences.states_wrong) == (2, 1)


def test_an_event_that_was_not_counted_is_lost(expected: Expected, found: Found) -> None:
    found = with_customer(found, states=lambda state: b"|%d" % (EVENTS[state] - 1))
    differences = compare(expected, found)
    assert wrong(differences) == {"lost", "states_wrong"}
    assert differences.lost == 1


def test_a_state_with_other_bytes_is_wrong_though_the_count_is_right(
    expected: Expected, found: Found
) -> None:
    found = with_customer(found, states=lambda state: b"|%d" % EVENTS[state])
    assert wrong(compare(expected, found)) == {"states_wrong"}


def test_a_customer_who_is_not_there_is_lost_and_one_who_must_not_be_is_doubled(
    expected: Expected, found: Found
) -> None:
    stored = found.stored[0]
    name, state = next(iter(stored.states.items()))
    states = {key: value for key, value in stored.states.items() if key != name}
    without = replace(found, stored={**found.stored, 0: replace(stored, states=states)})
    assert compare(expected, without).lost == EVENTS[state]
    states = {**stored.states, "nobody": b"|1"}
    more = replace(found, stored={**found.stored, 0: replace(stored, states=states)})
    assert compare(expected, more).doubled == 1


def test_a_ledger_a_timer_a_count_and_a_watermark_that_differ_are_wrong(
    expected: Expected, found: Found
) -> None:
    assert wrong(compare(expected, with_customer(found, ledgers=lambda _: b"x"))) == {
        "states_wrong"
    }
    later = with_customer(found, timers=lambda due: due + 1)
    assert wrong(compare(expected, later)) == {"timers_wrong"}
    stored = found.stored[0]
    for mark in (
        Mark(watermark=stored.mark.watermark),
        Mark(counts=stored.mark.counts, watermark=stored.mark.watermark + 1),
    ):
        changed = replace(found, stored={**found.stored, 0: replace(stored, mark=mark)})
        assert wrong(compare(expected, changed)) == {"counts_wrong"}


def test_an_alert_may_come_again_but_not_be_lost_nor_say_something_else(
    expected: Expected, found: Found
) -> None:
    again = compare(expected, replace(found, alerts=[*found.alerts, found.alerts[0]]))
    assert again.none
    assert again.sent_again == 1
    lost = compare(expected, replace(found, alerts=found.alerts[1:]))
    assert wrong(lost) == {"alerts_lost"}
    first, *others = found.alerts
    other = said(first.value.replace(b'"risk":', b'"risk":1'))
    assert wrong(compare(expected, replace(found, alerts=[other, *others]))) == {"alerts_wrong"}
    both = compare(expected, replace(found, alerts=[*found.alerts, other]))
    assert wrong(both) == {"two_ids"}


def test_a_decision_with_two_ids_is_found(expected: Expected, found: Found) -> None:
    body = json.loads(found.alerts[0].value)
    twin = said(json.dumps(body | {"alert_id": "another"}).encode())
    differences = compare(expected, replace(found, alerts=[*found.alerts, twin]))
    assert differences.two_ids == 1
    assert differences.alerts_wrong == 1


def test_alerts_of_a_customer_in_another_order_are_wrong(expected: Expected, found: Found) -> None:
    customer, names = next(each for each in expected.order.items() if len(each[1]) > 1)
    bodies = [expected.alerts[name] for name in names]
    others = [each for each in found.alerts if each.value not in bodies]
    turned = [*others, *map(said, reversed(bodies))]
    differences = compare(expected, replace(found, alerts=turned))
    assert wrong(differences) == {"alerts_wrong"}
    assert customer in differences.notes[0]


def test_examples_that_are_lost_added_or_labelled_otherwise_are_wrong(
    expected: Expected, found: Found
) -> None:
    first, *others = found.examples
    label = json.loads(first.value)["label"]
    other = said(first.value.replace(b'"label":%d' % label, b'"label":%d' % (1 - label)))
    odd = said(json.dumps({"example_id": "odd"}).encode())
    for examples in (others, [*others, other], [*found.examples, odd], [*found.examples, other]):
        differences = compare(expected, replace(found, examples=examples))
        assert wrong(differences) == {"labels_wrong"}
    again = compare(expected, replace(found, examples=[*found.examples, first]))
    assert again.none
    assert again.sent_again == 1


def test_dead_letters_that_are_lost_or_added_are_wrong(expected: Expected, found: Found) -> None:
    assert wrong(compare(expected, replace(found, letters=[]))) == {"letters_wrong"}
    [letter] = found.letters
    other = letter._replace(value=b"good")
    differences = compare(expected, replace(found, letters=[letter, other]))
    assert wrong(differences) == {"letters_wrong"}
    assert compare(expected, replace(found, letters=[letter, letter])).none


def test_a_model_that_learnt_more_or_something_else_is_wrong(
    expected: Expected, found: Found
) -> None:
    state, learnt = found.model
    for model in ((state, learnt + 1), ({"weights": [1.5]}, learnt), (None, 0)):
        assert wrong(compare(expected, replace(found, model=model))) == {"model_wrong"}


def told_of(found: Found) -> Told:
    names = [json.loads(each.value) for each in found.alerts]
    treated = [each["alert_id"] for each in names if each["arm"] == "treated"]
    return Told(Counter(treated), {name: {name} for name in treated})


def test_a_webhook_may_come_again_but_not_be_lost_nor_come_under_another_id(
    expected: Expected, found: Found
) -> None:
    def differences(change: Callable[[Told], object]) -> Differences:
        told = told_of(found)
        change(told)
        return compare(expected, replace(found, told={"crm": told}))

    name = next(iter(told_of(found).taken))
    again = differences(lambda told: told.taken.update([name]))
    assert (again.none, again.sent_again) == (True, 1)
    lost = differences(lambda told: told.taken.pop(name))
    assert wrong(lost) == {"webhooks_lost"}
    assert lost.notes == [f"webhooks lost at crm: 1, such as {name}"]
    assert wrong(differences(lambda told: told.ids[name].add("x"))) == {"webhooks_wrong"}
    assert wrong(differences(lambda told: told.wrong.append("one held out"))) == {"webhooks_wrong"}


def test_a_receiver_takes_note_of_what_it_took_and_of_what_must_not_come() -> None:
    receiver = Receiver("crm")
    receiver.secret = new_secret(bytes(32))
    try:
        for name, arm, secret in (
            ("a", "treated", receiver.secret),
            ("a", "treated", receiver.secret),
            ("b", "holdout", receiver.secret),
            ("c", "treated", new_secret(bytes(31) + b"x")),
        ):
            body = json.dumps({"data": {"alert_id": name, "arm": arm}}).encode()
            now = time.time_ns() // 1_000_000
            headers = signed_headers([Secret(secret)], name, body, now)
            request = urllib.request.Request(receiver.url, body, dict(headers))
            assert urllib.request.urlopen(request, timeout=10).status == 204
    finally:
        receiver.close()
    assert receiver.told.taken == {"a": 2, "b": 1, "c": 1}
    assert receiver.told.wrong == ["b is of one who is held out", "c is not signed"]
    alerts = [
        json.dumps({"alert_id": name, "arm": arm}).encode()
        for name, arm in (("a", "treated"), ("x", "treated"), ("y", "holdout"))
    ]
    assert untold(alerts, receiver.told) == ["x"]


def test_an_event_on_another_partition_is_a_dead_letter_unless_it_is_moved(
    settings: Settings,
) -> None:
    event = Event(event_id="1", user_id="ada", type="visit", time=DAY)
    home = partition_of(b"ada", PARTITIONS)
    lies = said(encode_event(event), partition=1 - home)
    left = expected_of(settings, [lies])
    assert len(left.letters) == 1
    assert not left.customers[home]
    moved = expected_of(settings, [lies], rekeys=True)
    assert not moved.letters
    assert moved.customers[home]["ada"].events == 1
