"""The real protocol behind the door: what is set of consent holds for dead letters, too."""

from __future__ import annotations

import json
from typing import Any

import pytest

from features import decode_event, linked_customer
from streams.collect.speaking import segment
from streams.collect.taken import Taken
from streams.deadletters import HEADER
from streams.settings import load_settings

NOW = 1_795_000_000_000
GOOD = {"type": "track", "event": "Order Completed", "userId": "ada", "messageId": "m1"}
NAMELESS = {"type": "track", "userId": "ada", "messageId": "m2"}
AGREED = {"context": {"consent": {"categoryPreferences": {"analytics": True}}}}


def taken(*messages: Any, objecting: bool = False, **options: str) -> Taken:
    """Return what becomes of a batch."""
    named = {f"collect.{name}": value for name, value in options.items()}
    protocol = segment(load_settings(environ={}, options=named).settings)
    request = protocol.read("batch", json.dumps({"batch": messages}).encode(), None, None)
    return protocol.take(request, "web", NOW, objecting)


def letters(found: Taken) -> list[str]:
    """Return why dead letters were refused."""
    return [
        json.loads(dict(record.headers)[HEADER])["reason"]
        for record in found.records
        if record.topic == "dead_letters"
    ]


def test_what_cannot_be_used_is_a_dead_letter_with_its_reason_in_words() -> None:
    found = taken(GOOD, NAMELESS, {"type": "track", "event": "x"}, 7)
    assert found.events == 1
    assert sorted(letters(found)) == [
        "Expected `object`, got `int`",
        "a track call must name its event",
        "there must be a userId or an anonymousId",
    ]


def test_what_nobody_agreed_to_is_neither_an_event_nor_a_dead_letter() -> None:
    found = taken(GOOD, NAMELESS, 7, consent="analytics", unasked="false")
    assert found.records == []
    assert sum(found.refused.values()) == 3
    agreed = taken(GOOD | AGREED, NAMELESS | AGREED, consent="analytics", unasked="false")
    assert (agreed.events, len(letters(agreed))) == (1, 1)


@pytest.mark.parametrize("way", ["without_consent", "opted_out"])
def test_who_may_not_be_known_is_counted_and_leaves_no_name_anywhere(way: str) -> None:
    words = {"consent": "analytics", "unasked": "false"} if way == "without_consent" else {}
    found = taken(
        *(GOOD, NAMELESS, {"type": "identify", "userId": "ada", "messageId": "m3"}, 7),
        objecting=way == "opted_out",
        **{way: "anonymise", **words},
    )
    [record] = found.records
    assert decode_event(record.value).type == "purchase"
    assert b"ada" not in repr(found.records).encode()


def test_amounts_that_name_no_currency_are_in_the_shops() -> None:
    found = taken({**GOOD, "properties": {"total": 5}}, currency="EUR")
    assert decode_event(found.records[0].value).currency == "EUR"


def test_who_says_who_they_are_is_told_to_the_visitors_partition_too() -> None:
    who = {"userId": "ada", "anonymousId": "5f3c", "messageId": "m3"}
    found = taken({"type": "identify", **who}, consent="analytics")
    said = {record.key: decode_event(record.value) for record in found.records}
    named = {key: linked_customer(event) for key, event in said.items()}
    assert named == {b"ada": None, b"anon:5f3c": "ada"}
    objecting = taken({"type": "identify", **who}, objecting=True)
    assert (objecting.records, objecting.refused) == ([], {"consent_missing": 1})
