"""The calls, whose they are, and that whatever is sent becomes an event that can be read."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import asdict

from features import decode_event, encode_event, linked_customer
from streams.collect.tracking import REFUSALS, ConsentRules, Source, read_request, translate
from streams.collect.tracking.identity import customer_name, visitor_name
from streams.collect.tracking.protocol import CALLS
from tests.streams.collect.tracking.speaking import NOW, THEN, event, events, fields, message, sent

# -- whose ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("user", "anonymous", "name", "beside"),
    [
        ("ada", None, "ada", None),
        ("ada", "5f3c", "ada", "5f3c"),
        (None, "5f3c", "anon:5f3c", None),
        ("", "5f3c", "anon:5f3c", None),
        ("  ", "5f3c", "anon:5f3c", None),
        ([], 17, "anon:17", None),
        (17, "", "17", None),
        (17.0, None, "17", None),
        ("anon:5f3c", None, "user:anon:5f3c", None),
        ("hidden:07", None, "user:hidden:07", None),
        ("user:anon:5f3c", None, "user:user:anon:5f3c", None),
        ("user:ada", None, "user:ada", None),
    ],
)
def test_an_event_is_the_customers_and_before_the_login_the_visitors(
    user: object, anonymous: object, name: str, beside: str | None
) -> None:
    found = event(message(event="x", userId=user, anonymousId=anonymous))
    assert found.user_id == name
    assert found.properties.get("anonymous_id") == beside


@pytest.mark.parametrize("user", [None, "", [], {}, True, 10**30])
def test_an_event_of_nobody_is_refused(user: object) -> None:
    assert sent(message(event="x", userId=user)).refused == "user_missing"


ID = st.text(st.sampled_from("anonhiddeuser:_7"), min_size=1) | st.text(min_size=1)
ID |= st.sampled_from(["anon:", "hidden:", "user:", "user:anon:", "user:user:hidden:"]).flatmap(
    lambda start: st.text(max_size=3).map(lambda end: start + end)
)


@given(ID, ID)
def test_no_two_people_share_a_name(one: str, two: str) -> None:
    assert (customer_name(one) == customer_name(two)) == (one == two)
    assert (visitor_name(one) == visitor_name(two)) == (one == two)
    assert customer_name(one) != visitor_name(two)
    assert not customer_name(one).startswith("hidden:")


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=150, max_size=400))
def test_ids_that_are_too_long_stay_apart(name: str) -> None:
    assert len(customer_name(name)) <= 200
    assert len(visitor_name(name)) <= 200
    assert customer_name(name + "x") != customer_name(name + "y")


def test_only_the_collector_says_who_is_who() -> None:
    properties = {"anonymous_id": "of somebody else", "previous_id": "mallory", "other": 1}
    assert event(message(event="x", properties=properties)).properties == {"other": 1}
    found = event(message(event="x", properties=properties, anonymousId="5f3c"))
    assert found.properties == {"other": 1, "anonymous_id": "5f3c"}
    page = event({"type": "page", "userId": "ada", "properties": properties})
    assert page.properties == {"other": 1}


# -- the calls -----------------------------------------------------------------------------------


def test_identify_tells_the_traits_and_not_who_it_is() -> None:
    traits = {
        "plan": "gold",
        "age": 41,
        "email": "ada@example.com",
        "address": {"city": "Paris"},
        "company": {"name": "Engines", "size": 2},
        "tags": ["a", "b"],
    }
    found = event({"type": "identify", "userId": "ada", "traits": traits})
    assert fields(found) == {
        "type": "identified",
        "traits": {"plan": "gold", "age": 41, "company.size": 2, "tags": '["a","b"]'},
    }
    keeping = Source(withheld=frozenset())
    everything = event({"type": "identify", "userId": "ada", "traits": traits}, keeping).traits
    assert everything["email"] == "ada@example.com"
    assert everything["address.city"] == "Paris"


def test_traits_may_be_in_the_context_and_only_identify_reads_them() -> None:
    content = {"userId": "ada", "context": {"traits": {"plan": "gold", "tier": 1}}}
    both = {**content, "type": "identify", "traits": {"tier": 2}}
    assert event(both).traits == {"plan": "gold", "tier": 2}
    assert event({**content, "type": "track", "event": "x"}).traits == {}


def test_alias_tells_who_the_customer_was_before() -> None:
    content = {"type": "alias", "userId": "ada", "previousId": "5f3c", "anonymousId": "77"}
    found, _ = events(content)
    assert found.user_id == "ada"
    assert fields(found) == {
        "type": "alias",
        "properties": {"previous_id": "5f3c", "anonymous_id": "77"},
    }


@pytest.mark.parametrize(
    ("content", "visitor"),
    [
        ({"type": "identify", "anonymousId": "5f3c", "traits": {"plan": "gold"}}, "anon:5f3c"),
        ({"type": "identify", "anonymousId": 17}, "anon:17"),
        ({"type": "alias", "previousId": "5f3c"}, "anon:5f3c"),
        ({"type": "alias", "previousId": "5f3c", "anonymousId": "77"}, "anon:5f3c"),
    ],
)
@pytest.mark.parametrize(("user", "name"), [("ada", "ada"), ("anon:7", "user:anon:7")])
def test_who_says_who_they_are_is_linked_with_the_visitor_that_they_were(
    content: dict[str, Any], visitor: str, user: str, name: str
) -> None:
    said, link = events(message(**content, userId=user, messageId="m-7"))
    assert (said.event_id, said.user_id) == ("m-7", name)
    assert (link.event_id, link.user_id, link.time) == ("m-7/link", visitor, said.time)
    assert fields(link) == {"type": "identified", "properties": {"identified_as": name}}
    assert linked_customer(link) == name
    assert linked_customer(said) is None


@pytest.mark.parametrize(
    "content",
    [
        {"type": "identify", "userId": "ada"},
        {"type": "identify", "anonymousId": "5f3c"},
        {"type": "track", "event": "identified", "userId": "ada", "anonymousId": "5f3c"},
        {"type": "page", "userId": "ada", "anonymousId": "5f3c"},
        {"type": "group", "userId": "ada", "anonymousId": "5f3c"},
    ],
)
def test_nothing_else_links_anybody(content: dict[str, Any]) -> None:
    event(content)


@pytest.mark.parametrize("call", ["track", "page", "screen", "group", "identify"])
def test_no_event_of_a_storefronts_own_says_who_a_visitor_is(call: str) -> None:
    named = {"identified_as": "ada", "plan": "gold"}
    content = {"type": call, "event": "Identified", "anonymousId": "5f3c", "groupId": "g"}
    found = event({**content, "properties": named, "traits": named})
    assert "identified_as" not in found.properties
    assert linked_customer(found) is None


@pytest.mark.parametrize("content", [{"userId": "ada"}, {"previousId": "x", "anonymousId": "y"}])
def test_an_alias_of_nobody_is_refused(content: dict[str, Any]) -> None:
    assert sent({"type": "alias", **content}).refused == "previous_missing"


def test_group_tells_the_group_and_what_is_known_of_it() -> None:
    content = {
        "type": "group",
        "userId": "ada",
        "groupId": 7,
        "traits": {"plan": "b2b", "name": "X"},
    }
    assert fields(event(content)) == {
        "type": "group",
        "properties": {"plan": "b2b", "group_id": "7"},
    }


def test_a_page_tells_its_name_and_path_and_not_what_an_address_may_hold() -> None:
    content = {
        "type": "page",
        "userId": "ada",
        "name": "Shoes",
        "category": "Catalogue",
        "properties": {
            "path": "/shoes",
            "title": "Shoes!",
            "url": "https://shop.example/shoes?token=secret",
            "search": "?token=secret",
            "referrer": "https://www.google.com/search?q=secret",
            "tab_url": "https://shop.example/shoes?token=secret#secret",
            "initial_referrer": "https://www.google.com/search?q=secret",
            "colour": "red",
        },
    }
    assert fields(event(content)) == {
        "type": "page_viewed",
        "category": "Catalogue",
        "properties": {
            "path": "/shoes",
            "title": "Shoes!",
            "colour": "red",
            "name": "Shoes",
            "referrer_host": "www.google.com",
        },
    }


def test_a_screen_is_a_visit_of_an_app() -> None:
    found = event({"type": "screen", "userId": "ada", "name": "Home", "properties": {"tab": 2}})
    assert fields(found) == {"type": "screen_viewed", "properties": {"tab": 2, "name": "Home"}}


@pytest.mark.parametrize("call", ["", "TRACKING", None, 7])
def test_a_call_that_nobody_knows_is_refused_by_itself(call: object) -> None:
    body = json.dumps({"batch": [{"type": call, "userId": "ada", "event": "x"}]}).encode()
    [item] = read_request("batch", body).items
    assert translate(item, Source(), NOW).refused == "unknown_call"


def test_every_refusal_is_explained() -> None:
    assert all(REFUSALS.values())


# -- what is kept of the context -----------------------------------------------------------------

CONTEXT = {
    "ip": "192.0.2.1",
    "userAgent": "Mozilla/5.0 secret",
    "userAgentData": {"brands": ["secret"]},
    "locale": "de-AT",
    "timezone": "Europe/Vienna",
    "device": {"id": "secret", "advertisingId": "secret"},
    "location": {"city": "Wien"},
    "library": {"name": "analytics.js"},
    "traits": {"email": "secret"},
    "page": {
        "path": "/shoes",
        "url": "https://shop.example/shoes?secret",
        "search": "?secret",
        "title": "secret",
        "referrer": "https://user:secret@News.example:8080/secret?secret#secret",
    },
    "campaign": {"name": "spring", "source": "news", "medium": "email", "term": "secret"},
}


def test_of_the_context_only_a_short_list_is_kept() -> None:
    found = event(message(event="x", context=CONTEXT))
    assert fields(found) == {
        "type": "x",
        "campaign": "spring",
        "properties": {
            "path": "/shoes",
            "referrer_host": "news.example",
            "campaign_source": "news",
            "campaign_medium": "email",
        },
    }


def test_what_the_call_says_itself_is_nearer_than_the_context() -> None:
    content = message(event="Email Opened", context=CONTEXT)
    content["properties"] = {"campaign_name": "own", "path": "/own", "campaign_source": "own"}
    found = event(content)
    assert (found.type, found.campaign) == ("message_opened", "own")
    assert (found.properties["path"], found.properties["campaign_source"]) == ("/own", "own")


# -- ids and times -------------------------------------------------------------------------------


@pytest.mark.parametrize("message_id", ["m-7", "x" * 100, 12])
def test_the_message_id_is_the_events(message_id: object) -> None:
    assert event(message(event="x", messageId=message_id)).event_id == str(message_id)


def test_ids_that_no_event_can_carry_are_told_by_their_digest() -> None:
    ids = ["x" * 101, "x" * 102, "a\nb", "ab", "a\x00b"]
    found = {event(message(event="x", messageId=one)).event_id for one in ids}
    assert len(found) == len(ids)
    assert all(len(one) <= 100 for one in found)


def test_a_retry_of_the_same_content_is_the_same_event() -> None:
    def one(**other: Any) -> str:
        content = message(event="x", messageId=None, sentAt="2026-01-01T00:00:00Z", writeKey="k")
        return event(content | other).event_id

    assert one() == one() == one(sentAt="2026-01-01T00:10:00Z") == one(writeKey="other")
    different = [one(event="y"), one(userId="bob"), one(properties={}), one(timestamp="2025-01-01")]
    assert len({one(), *different}) == 5


@pytest.mark.parametrize("junk", [b"1e999", b"[" * 900 + b"]" * 900, b'"\\ud800"'])
def test_a_message_with_something_that_nobody_can_read_has_an_id_all_the_same(junk: bytes) -> None:
    body = b'{"event": "x", "userId": "ada", "junk": ' + junk + b"}"
    first, second = (
        translate(read_request("track", body).items[0], Source(), NOW).events for _ in range(2)
    )
    assert first == second


def test_the_same_words_of_another_call_are_another_event() -> None:
    content = {"userId": "ada", "event": "x"}
    body = json.dumps(content).encode()
    ids = {
        translate(read_request(call, body).items[0], Source(), NOW).events[0].event_id
        for call in ("track", "page", "screen")
    }
    assert len(ids) == 3


@pytest.mark.parametrize(
    ("times", "at"),
    [
        ({}, NOW),
        ({"timestamp": THEN}, NOW - 60_000),
        ({"originalTimestamp": THEN}, NOW - 60_000),
        ({"timestamp": THEN, "originalTimestamp": "2026-01-01"}, NOW - 60_000),
        ({"timestamp": "junk", "originalTimestamp": THEN}, NOW - 60_000),
        # A clock that is an hour fast.
        ({"timestamp": "2026-01-01T00:59:00Z", "sentAt": "2026-01-01T01:00:00Z"}, NOW - 60_000),
        ({"originalTimestamp": 1767229140, "sentAt": 1767229200000}, NOW - 60_000),
    ],
)
def test_the_time_is_the_devices_corrected(times: dict[str, Any], at: int) -> None:
    assert event({"type": "track", "userId": "ada", "event": "x", **times}).at == at


def test_the_time_at_which_a_batch_was_sent_goes_before_that_of_a_message() -> None:
    content = message(event="x", sentAt="2026-01-01T05:00:00Z")
    body = json.dumps({"batch": [content], "sentAt": "2026-01-01T00:00:00Z"}).encode()
    request = read_request("batch", body)
    [found] = translate(request.items[0], Source(), NOW, request.sent_at).events
    assert found.at == NOW - 60_000


# -- bounds --------------------------------------------------------------------------------------


def test_what_is_nested_becomes_flat_and_what_is_long_is_cut() -> None:
    properties = {
        "size": {"eu": 42, "us": {"men": 9.5}},
        "list": [1, {"a": None}],
        "long": "x" * 2_000,
        "n" * 150: 1,
        "none": None,
        "": 5,
        "huge": 2**80,
    }
    found = event(message(event="x", properties=properties)).properties
    assert found == {
        "size.eu": 42,
        "size.us.men": 9.5,
        "list": '[1,{"a":null}]',
        "long": "x" * 999 + "…",
        "n" * 99 + "…": 1,
        "huge": str(2**80),
    }


def test_too_many_properties_are_left_out_and_counted() -> None:
    properties = {f"p{number}": number for number in range(100)}
    content = message(event="x", properties=properties, anonymousId="a", context=CONTEXT)
    found = event(content).properties
    assert len(found) <= 64
    own = [name for name in found if name[0] == "p" and name[1:].isdigit()]
    assert found["properties_left_out"] == 100 - len(own)
    assert own == list(properties)[: len(own)]


def test_a_message_that_is_too_large_for_an_event_gives_up_its_longest_values() -> None:
    properties = {f"p{number}": "\u20ac" * 900 for number in range(40)} | {"total": 5, "small": 1}
    content = message(event="Order Completed", anonymousId="a", properties=properties)
    found = event(content)
    assert (found.amount, found.properties["small"], found.properties["anonymous_id"]) == (
        5,
        1,
        "a",
    )
    left = found.properties["properties_left_out"]
    assert isinstance(left, int)
    assert len(found.properties) == 40 - left + 3


def test_a_small_message_whose_names_are_repeated_is_not_too_large_either() -> None:
    smile = "\U0001f600"
    nested = {smile * 95: {f"{number}": smile * 22 for number in range(56)}}
    outer = {"page": {"path": smile * 1_000}, "campaign": {"source": smile * 1_000}}
    content = json.dumps(message(event="x", properties=nested), ensure_ascii=False).encode()
    assert len(content) < 6_000
    around = json.dumps(outer, ensure_ascii=False).encode()
    body = b'{"context":' + around + b',"batch":[' + content + b"]}"
    [found] = translate(read_request("batch", body).items[0], Source(), NOW).events
    assert decode_event(encode_event(found)).properties["properties_left_out"]


def test_a_megabyte_of_products_is_still_a_purchase() -> None:
    products = [{"product_id": "\x01" * 100, "name": "x" * 900} for _ in range(1_000)]
    content = message(event="Order Completed", properties={"total": 5, "products": products})
    found = event(content)
    assert (found.amount, found.quantity) == (5, 1_000)


NASTY: list[Any] = [
    *(None, True, False, 0, -1, 7, 2**80, 1e308, -0.5, "", " ", "x", "7", "EUR", "\x00", "…"),
    *("x" * 6_000, '\x01"\\' * 2_000, "\U0001f600" * 2_000, THEN, "0001-01-01", "9999-12-31"),
    *([], {}, [[]], [None], [{}, 7, {"id": "\x01" * 300, "price": "9", "quantity": -1}]),
    *([{"item_id": f"{number}"} for number in range(3)], [{"sku": "€" * 99}] * 500),
    {"a": {"b": {"c": {"d": {"e": {"f": ["deep"]}}}}}, "": {"": 1}},
    {"\x01" * 95: {f"{number}": "v" for number in range(64)}},
    {"\U0001f600" * 95: {f"{number}": ['"'] for number in range(64)}},
    {f"p{number}": '\x01"' * 500 for number in range(70)},
    {"path": "\x01" * 2_000, "referrer": "http://[", "name": "\U0001f600" * 900, "source": "x"},
]
NAMES = ["products", "items", "price", "quantity", "total", "query", "rating", "text", "path"]
NAMES += ["anonymous_id", "review_body", "currency", "id", "category", "a.b", "", "\x01" * 150]
JSON = st.sampled_from(NASTY)
OBJECT = st.dictionaries(st.sampled_from(NAMES), JSON, max_size=6) | JSON
MESSAGE = st.fixed_dictionaries(
    {"userId": st.just("ada") | JSON, "type": st.sampled_from(CALLS)},
    optional={
        "event": st.sampled_from(["Order Completed", "add_to_cart", "Product Reviewed", "search"])
        | JSON,
        "properties": OBJECT,
        "traits": OBJECT,
        "context": st.fixed_dictionaries(
            {}, optional={name: JSON for name in ("page", "campaign", "consent", "sessionId")}
        )
        | JSON,
        **{
            name: JSON
            for name in ("messageId", "anonymousId", "previousId", "groupId", "name", "category")
        },
        **{name: JSON for name in ("timestamp", "originalTimestamp", "sentAt")},
    },
)
SOURCES = [Source(), Source(currency="EUR", consent=ConsentRules(("a",), "anonymise", False))]


@settings(max_examples=200)
@given(MESSAGE, st.sampled_from(SOURCES), st.booleans())
def test_whatever_is_sent_becomes_events_that_can_be_read_or_a_refusal(
    content: dict[str, Any], source: Source, opted_out: bool
) -> None:
    body = json.dumps({"batch": [content]}).encode()
    request = read_request("batch", body)
    for item in request.items:
        found = translate(item, source, NOW, request.sent_at, opted_out)
        assert bool(found.events) != (found.refused in REFUSALS)
        assert found == translate(item, source, NOW, request.sent_at, opted_out)
        for one in found.events:
            assert asdict(decode_event(encode_event(one))) == asdict(one)
