"""Who may be known, who may be counted, and who neither."""

from __future__ import annotations

from typing import Any

import pytest

from features import HOUR
from streams.collect.tracking import ConsentRules, Source
from streams.collect.tracking.consent import Standing
from tests.streams.collect.tracking.speaking import NOW, P, event, events, message, sent

KEEP, ANONYMISE, REFUSE = Standing.KEEP, Standing.ANONYMISE, Standing.REFUSE
STRICT = Source(consent=ConsentRules(required=("analytics", "crm")))
VEILED = Source(consent=ConsentRules(required=("analytics",), without="anonymise"))


def granted(**categories: object) -> dict[str, Any]:
    return {"categoryPreferences": categories}


@pytest.mark.parametrize(
    ("consent", "standing"),
    [
        (granted(analytics=True, crm=True), KEEP),
        (granted(analytics=True, crm=True, ads=False), KEEP),
        (granted(analytics=True, crm=False), REFUSE),
        (granted(analytics=True), REFUSE),
        (granted(), REFUSE),
        # Only a plain yes is one.
        (granted(analytics="true", crm=1), REFUSE),
        ({"categoryPreferences": ["analytics", "crm"]}, REFUSE),
        ("yes", REFUSE),
        ([], REFUSE),
        # Nobody asked.
        (None, KEEP),
        ({}, KEEP),
        ({"categoryPreferences": None}, KEEP),
    ],
)
def test_every_category_that_is_needed_must_be_granted(consent: object, standing: Standing) -> None:
    assert STRICT.consent.standing(consent) is standing


@pytest.mark.parametrize(
    ("management", "refused"),
    [
        ({"allowedConsentIds": ["crm", "analytics"], "deniedConsentIds": ["ads"]}, None),
        ({"allowedConsentIds": ["crm", "analytics"]}, None),
        (
            {"allowedConsentIds": ["crm", "analytics"], "deniedConsentIds": ["crm"]},
            "consent_missing",
        ),
        ({"allowedConsentIds": ["crm"], "deniedConsentIds": ["analytics"]}, "consent_missing"),
        ({"deniedConsentIds": ["ads"]}, "consent_missing"),
        ({"allowedConsentIds": {"crm": 1, "analytics": 1}}, "consent_missing"),
        ("yes", "consent_missing"),
        ({"allowedConsentIds": [], "deniedConsentIds": []}, None),
        ({}, None),
        (None, None),
    ],
)
def test_consent_may_be_told_as_rudderstack_does(management: object, refused: str | None) -> None:
    content = message(event="x", context={"consentManagement": management})
    assert sent(content, STRICT).refused == refused


def test_consent_that_was_told_in_both_ways_is_that_of_the_specification() -> None:
    allowed = {"allowedConsentIds": ["crm", "analytics"]}
    context = {"consent": granted(), "consentManagement": allowed}
    assert sent(message(event="x", context=context), STRICT).refused == "consent_missing"


def test_what_nobody_was_asked_can_count_as_a_no() -> None:
    rules = ConsentRules(required=("analytics",), unknown=False)
    assert rules.standing(None) is REFUSE
    assert rules.standing({}) is REFUSE
    assert rules.standing(granted(analytics=True)) is KEEP


def test_without_rules_nothing_is_asked() -> None:
    assert ConsentRules().standing(granted()) is KEEP


@pytest.mark.parametrize(
    ("opted_out", "without", "consent", "standing"),
    [
        ("keep", "refuse", granted(analytics=True), KEEP),
        ("anonymise", "refuse", granted(analytics=True), ANONYMISE),
        ("refuse", "anonymise", granted(analytics=True), REFUSE),
        ("anonymise", "refuse", granted(), REFUSE),
        ("refuse", "anonymise", granted(), REFUSE),
        ("keep", "anonymise", granted(), ANONYMISE),
    ],
)
def test_the_browser_may_object_and_the_stricter_answer_holds(
    opted_out: Any, without: Any, consent: object, standing: Standing
) -> None:
    rules = ConsentRules(required=("analytics",), without=without, opted_out=opted_out)
    assert rules.standing(consent, opted_out=True) is standing


def test_an_objection_of_the_browser_hides_its_user_unless_the_source_says_otherwise() -> None:
    assert event(message(event="x"), opted_out=True).user_id.startswith("hidden:")
    kept = Source(consent=ConsentRules(opted_out="keep"))
    assert event(message(event="x"), kept, opted_out=True).user_id == "ada"
    refused = Source(consent=ConsentRules(opted_out="refuse"))
    assert sent(message(event="x"), refused, opted_out=True).refused == "consent_missing"


def test_an_event_without_consent_is_refused_as_a_whole() -> None:
    content = message(event="Order Completed", context={"consent": granted(analytics=True)})
    assert sent(content, STRICT) == ([], "consent_missing")


REVIEW = message(
    event="Product Reviewed",
    messageId="ada-7",
    anonymousId="device-ada",
    properties=P
    | {
        "order_id": "order-ada",
        "review_body": "Ada Lovelace was here",
        "rating": 1,
        "email": "ada@example.com",
    },
    context={
        "consent": granted(analytics=False),
        "sessionId": "session-ada",
        "campaign": {"name": "for-ada", "source": "ada"},
        "page": {"path": "/users/ada", "referrer": "https://ada.example"},
        "traits": {"email": "ada@example.com"},
        "ip": "ada::1",
        "userAgent": "ada",
    },
)


def test_without_identity_nothing_is_left_that_names_anybody() -> None:
    from features import encode_event

    found = event(REVIEW, VEILED)
    assert b"ada" not in encode_event(found).lower()
    assert (found.type, found.item_id, found.price, found.rating) == (
        "review",
        P["product_id"],
        19.5,
        1,
    )
    assert (found.properties, found.traits) == ({}, {})
    assert found.at == NOW - HOUR


def test_without_identity_a_repeat_is_still_one_and_others_scatter() -> None:
    assert event(REVIEW, VEILED) == event(REVIEW, VEILED)
    context = {"consent": granted()}
    names = {
        event(message(event="x", messageId=f"m-{number}", context=context), VEILED).user_id
        for number in range(2_000)
    }
    assert names == {f"hidden:{number:02}" for number in range(64)}


def test_each_product_of_a_hidden_call_has_an_id_of_its_own() -> None:
    items = [{"item_id": "a"}, {"item_id": "b"}]
    context = {"consent": granted()}
    content = message(event="add_to_cart", properties={"items": items}, context=context)
    assert len({found.event_id for found in events(content, VEILED)}) == 2


@pytest.mark.parametrize("call", ["identify", "alias", "group"])
def test_of_calls_that_say_who_somebody_is_nothing_is_left(call: str) -> None:
    content = {
        "type": call,
        "userId": "ada",
        "previousId": "x",
        "groupId": "g",
        "context": {"consent": granted()},
    }
    assert sent(content, VEILED) == ([], "consent_missing")
