"""A shopper in a browser: what they click arrives in Kafka, once, and is known of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from features import DEVICE_ZONE, Event, decode_event
from streams.demo import Storefront, free_port
from tests.browser import PHONE, Browser
from tests.e2e.corner import Corner
from tests.servers import wait_for

pytestmark = pytest.mark.e2e

SENCHA = {"item_id": "tea-1", "category": "green", "price": 12.5}
#: What the trip below is in clickstream: who did what, in this order.
VISITOR = ["page_viewed", "product_list_viewed", "page_viewed", "product_viewed"]
CUSTOMER = ["identified", "product_added", "searched", "page_viewed", "product_viewed"]
CUSTOMER += ["product_added", "page_viewed", "cart_viewed", "checkout_started", "purchase"]
CUSTOMER += ["page_viewed"]


@pytest.fixture
def street(corner: Corner) -> Iterator[tuple[Corner, Storefront]]:
    """A shop's page, with a collector and a worker behind it."""
    key = json.loads(corner.run("keys", "create", "web", "--json"))["key"]
    address = f"http://127.0.0.1:{(port := free_port())}"
    corner.worker()
    corner.processes.ebb("collect", "--port", str(port))
    wait_for("the collector is ready", lambda: answers(f"{address}/readyz"), 30)
    with Storefront(address, key) as shop:
        yield corner, shop


def answers(address: str) -> bool:
    try:
        with urlopen(address, timeout=5) as answer:
            return bool(answer.status == 200)
    except URLError:
        return False


def shopping_trip(browser: Browser, address: str) -> list[str]:
    """Go through the shop as a visitor, log in, and buy; return the errors of the page."""
    width, height = PHONE
    with browser.visitor(viewport={"width": width, "height": height}) as context:
        page = context.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"{address}?utm_campaign=spring&utm_source=news")
        page.wait_for_function("() => window.ebb && !Array.isArray(ebb)", polling="raf")
        assert page.evaluate("document.documentElement.scrollWidth") == width
        page.click("#see-tea-1")
        page.fill("#who", "grace")
        page.click("#login")
        page.click("#add")
        page.fill("#search input", "mate")
        page.press("#search input", "Enter")
        page.click("#see-tea-3")
        page.click("#add")
        page.click("[data-go=cart]")
        page.click("#buy")
        # It knows of an event's arrival by the collector's answer.
        page.wait_for_function(
            "() => !Object.keys(localStorage).some((name) => name.startsWith('ebb.q.'))"
        )
        assert "ebb inspect grace" in page.inner_text("#inspect")
        return errors


def of(events: list[Event], user_id: str) -> list[Event]:
    """Return what somebody did, in the order in which they did it."""
    return [event for event in events if event.user_id == user_id]


def test_a_trip_through_the_shop_becomes_events_and_features(
    street: tuple[Corner, Storefront], browser: Browser
) -> None:
    corner, shop = street
    assert shopping_trip(browser, shop.url) == []

    events = [decode_event(said.value) for said in corner.read("clickstream")]
    told = [event for event in events if not event.user_id.startswith("anon:")]
    assert [event.type for event in told] == CUSTOMER
    assert {event.user_id for event in told} == {"grace"}
    assert len({event.event_id for event in events}) == len(events)
    anonymous = {event.properties["anonymous_id"] for event in told}
    (visitor,) = (f"anon:{each}" for each in anonymous)
    assert [event.type for event in of(events, visitor)][: len(VISITOR)] == VISITOR
    assert len({event.session_id for event in told}) == 1
    assert of(events, visitor)[0].campaign == "spring"

    added = next(event for event in told if event.type == "product_added")
    assert {name: getattr(added, name) for name in SENCHA} == SENCHA
    assert (added.quantity, added.currency) == (1, "EUR")
    order = next(event for event in told if event.type == "purchase")
    assert (order.amount, order.currency, order.quantity) == (18.75, "EUR", 2)
    assert order.event_id == f"purchase:{order.order_id}"
    assert [line[0] for line in json.loads(str(order.properties["products"]))] == ["tea-1", "tea-3"]
    assert next(event.query for event in told if event.type == "searched") == "mate"
    # Where the browser is in some place, its clock is told as well.
    assert told[0].traits.keys() - {DEVICE_ZONE} == {"tier"}
    assert told[0].traits["tier"] == "gold"

    def offsets() -> int:
        return sum(max(mark.offset, 0) for mark in corner.marks())

    wait_for("every event is applied", lambda: offsets() >= len(events), 30)
    known = known_of(corner, "grace")
    assert known["events"] >= len(CUSTOMER)
    features = known["features"]
    # At least: what they looked at before they had logged in may become theirs as well.
    assert features["views_7d"] >= 2
    assert features["searches_30d"] == 1
    assert features["carts_30d"] == 2
    assert (features["orders"], features["spent"]) == (1, 18.75)
    assert features["order_mean"] == features["order_last"] == 18.75
    assert features["cart_abandons"] == features["checkout_abandons"] == 0


def known_of(corner: Corner, customer: str) -> dict[str, Any]:
    return dict(json.loads(corner.run("inspect", customer, "--json")))
