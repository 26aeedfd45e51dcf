"""What the tracker tells of a visit, in a real browser: each thing once, of the right person."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.browser import Browser
from tests.streams.collect.tracker.street import EXAMPLE, SOURCE, Collector, Shop, name_of
from tests.streams.collect.tracker.visiting import MINUTE, SOON, Visitor, furnish

#: Nothing works that a browser may lack or forbid.
BARE = """
Object.defineProperty(window, "localStorage", { get() { throw Error("forbidden") } });
Object.defineProperty(Crypto.prototype, "randomUUID", { value: undefined });
Object.defineProperty(navigator, "locks", { value: undefined });
"""


def shopping_trip(visitor: Visitor, collector: Collector) -> list[dict[str, Any]]:
    """Go through the example's shop, click by click, and return what was told of it."""
    visitor.shop.page = EXAMPLE.read_text(encoding="utf-8")
    visitor.enter("/?utm_source=news&utm_campaign=spring#top")
    page = visitor.page
    for button in ("#see-tea-1", "#add", "#wish", "#login"):
        page.click(button)
    page.fill("#search input", "mate")
    page.press("#search input", "Enter")
    page.click("[data-go=cart]")
    page.click("#buy")
    page.go_back()
    return collector.wait_for(
        *("page", "Product List Viewed"),
        *("page", "Product Viewed", "Product Added", "Product Added to Wishlist", "identify"),
        *("Products Searched", "page", "Cart Viewed", "Checkout Started", "Order Completed"),
        *("page", "page", "Cart Viewed"),
    )


def without_chance(told: list[dict[str, Any]]) -> str:
    """Return what was told, without what differs between two trips that are alike."""
    document: list[dict[str, Any]] = json.loads(json.dumps(told))
    for message in document:
        for name in ("messageId", "originalTimestamp", "sentAt", "anonymousId"):
            del message[name]
        del message["context"]["sessionId"]
        message.get("properties", {}).pop("order_id", None)
    return json.dumps(document, indent=1)


def test_a_trip_through_the_example_arrives_once_with_all_its_properties(
    browser: Browser, visitor: Visitor, shop: Shop, collector: Collector
) -> None:
    told = shopping_trip(visitor, collector)

    by_name = {name_of(message): message for message in told}
    ware = {"product_id": "tea-1", "name": "Sencha", "category": "green"}
    ware |= {"price": 12.5, "currency": "EUR"}
    assert by_name["Product Viewed"]["properties"] == ware
    assert by_name["Product Added"]["properties"] == {**ware, "quantity": 1, "cart_id": "cart-1"}
    assert by_name["Products Searched"]["properties"] == {"query": "mate"}
    order = by_name["Order Completed"]["properties"]
    assert order["products"] == [{**ware, "quantity": 1}]
    assert order["total"] == 12.5
    identified = by_name["identify"]
    assert (identified["userId"], identified["traits"]) == ("ada", {"tier": "gold"})

    assert {message["anonymousId"] for message in told} == {told[0]["anonymousId"]}
    assert [message.get("userId") for message in told] == [None] * 6 + ["ada"] * 9
    assert len({message["context"]["sessionId"] for message in told}) == 1
    assert told[0]["context"]["campaign"] == {"name": "spring", "source": "news"}
    assert all(message["originalTimestamp"] <= message["sentAt"] for message in told)
    sent = [message["messageId"] for batch in collector.batches for message in batch.messages]
    assert len(sent) == len(set(sent)) == len(told)
    assert {(batch.path, batch.key) for batch in collector.batches} == {("/v1/batch", "example")}
    assert visitor.context.cookies() == []
    assert visitor.complaints() == []

    # What is served does the same as its source.
    collector.batches.clear()
    shop.script = SOURCE.read_bytes()
    with browser.visitor() as context:
        again = shopping_trip(Visitor(context, shop), collector)
    assert without_chance(again) == without_chance(told)


def test_pages_are_told_of_without_what_may_be_secret_in_their_addresses(
    visitor: Visitor, shop: Shop, collector: Collector
) -> None:
    visitor.enter("/first?token=secret")
    visitor.run("history.replaceState({}, '', '?sort=price')")
    visitor.run("history.pushState({}, '', '/second?token=secret')")
    visitor.run("history.pushState({}, '', '#reviews')")
    visitor.run("history.back(); ebb.track('Looked')")
    collector.wait_for("page", "page", "Looked")
    visitor.run("history.back()")

    pages = collector.wait_for("page", "page", "Looked", "page")
    assert "secret" not in json.dumps(pages)
    assert [
        (page["context"]["page"]["path"], page["context"]["page"]["referrer"]) for page in pages
    ] == [
        ("/first", ""),
        ("/second", f"{shop.url}/first"),
        ("/second", f"{shop.url}/first"),
        ("/first", f"{shop.url}/second"),
    ]
    assert pages[1]["properties"] == {
        "path": "/second",
        "referrer": f"{shop.url}/first",
        "title": "A shop",
        "url": f"{shop.url}/second",
    }


def test_a_page_that_is_shown_again_from_memory_is_told_of_again(
    visitor: Visitor, collector: Collector
) -> None:
    visitor.enter()
    visitor.run("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    collector.wait_for("page", "page")


def test_a_page_that_is_only_prepared_is_told_of_when_it_is_seen(
    visitor: Visitor, collector: Collector
) -> None:
    visitor.context.add_init_script("Object.defineProperty(document, 'prerendering', {value: 1})")
    visitor.page.goto(visitor.shop.url)
    visitor.run("ebb.track('Early')")
    assert visitor.stored() == {}
    visitor.run("document.dispatchEvent(new Event('prerenderingchange'))")
    collector.wait_for("page", "Early")


def test_pages_are_told_of_by_the_shop_alone_if_it_wants(
    visitor: Visitor, shop: Shop, collector: Collector
) -> None:
    furnish(shop, collector, 'data-auto="false"')
    visitor.enter()
    visitor.run("history.pushState({}, '', '/second'); ebb.page('Sale', { floor: 2 })")
    visitor.run("ebb.page({ floor: 3 })")

    named, bare = collector.wait_for("page", "page")
    assert (named["name"], named["properties"]["floor"]) == ("Sale", 2)
    assert ("name" in bare, bare["properties"]["floor"]) == (False, 3)


@pytest.mark.parametrize(
    "calls",
    [
        "ebb.productViewed({ product_id: 7 }); ebb.identify(12)",
        "ebb.push(['track', 'Product Viewed', { product_id: 7 }]); ebb.push(['identify', 12])",
    ],
)
def test_what_is_called_before_the_tracker_has_come_is_kept(
    calls: str, visitor: Visitor, shop: Shop, collector: Collector
) -> None:
    stub = "" if "push" not in calls else "<script>window.ebb = window.ebb || []</script>"
    words = {"before": stub} if stub else {}
    furnish(shop, collector, **words)
    shop.page = shop.page.replace(
        "<script async", f"<script>const early = ebb; {calls}</script><script async"
    )
    visitor.enter()
    # Whoever keeps what stood there before is heard, too.
    visitor.run("early.push(['track', 'Late'])")

    told = collector.wait_for("page", "Product Viewed", "identify", "Late")
    assert told[1]["properties"] == {"product_id": 7}
    assert [message.get("userId") for message in told] == [None, None, "12", "12"]


def test_people_who_share_a_device_are_not_taken_for_one(
    visitor: Visitor, collector: Collector
) -> None:
    visitor.enter()
    visitor.run("ebb.identify('ada', { tier: 'gold' }); ebb.track('A'); ebb.identify('ada')")
    visitor.run("ebb.identify({ tier: 'silver' }); ebb.identify('grace'); ebb.track('B')")
    visitor.run("ebb.reset(); ebb.track('C'); ebb.alias('joan'); ebb.track('D')")

    told = collector.wait_for(
        *("page", "identify", "A", "identify", "identify", "identify", "B", "C", "alias", "D")
    )
    who = [message.get("userId") for message in told]
    assert who == [None, *["ada"] * 4, *["grace"] * 2, None, "joan", "joan"]
    devices = [message["anonymousId"] for message in told]
    assert devices == [devices[0]] * 5 + [devices[5]] * 2 + [devices[7]] * 3
    assert len(set(devices)) == 3
    assert told[4]["traits"] == {"tier": "silver"}
    assert told[8]["previousId"] == devices[7]
    assert len({message["context"]["sessionId"] for message in told}) == 3


def test_a_visit_ends_after_half_an_hour_of_silence(visitor: Visitor, collector: Collector) -> None:
    visitor.stop_the_clock()
    visitor.enter()
    for number, silence in enumerate((30 * MINUTE, 30 * MINUTE + 1), start=1):
        visitor.wait(SOON)
        collector.wait(lambda n=number: len(collector.accepted()) == n)
        # The answer must have come, too: so much time would end what is under way.
        visitor.until_all_is_sent()
        visitor.wait(silence - SOON)
        visitor.enter("/next")
    visitor.wait(SOON)

    first, second, third = collector.wait_for("page", "page", "page")
    visits = [page["context"]["sessionId"] for page in (first, second, third)]
    assert visits[0] == visits[1] != visits[2]


def test_an_order_is_one_however_often_its_page_is_opened(
    visitor: Visitor, collector: Collector
) -> None:
    visitor.enter()
    visitor.run("ebb.orderCompleted({ order_id: 'o 1' }); ebb.orderCompleted({ order_id: 2 })")
    visitor.run("ebb.track('Order Completed', { order_id: 'o 1' }); ebb.orderCompleted()")
    visitor.run(f"ebb.orderCompleted({{ order_id: '{'long' * 40}' }})")
    collector.wait(lambda: sum(len(batch.messages) for batch in collector.batches) == 6)

    ids = [m["messageId"] for batch in collector.batches for m in batch.messages]
    assert ids[1:4] == ["purchase:o%201", "purchase:2", "purchase:o%201"]
    assert len(set(ids[4:])) == 2
    assert max(map(len, ids)) <= 100


def test_a_shop_goes_on_whatever_it_calls(visitor: Visitor, collector: Collector) -> None:
    visitor.enter()
    visitor.run(
        """
        const circle = {}; circle.circle = circle;
        ebb.track("Circle", circle);
        ebb.track("Big", { text: "x".repeat(40000) });
        ebb.push(["unheard", 1], ["track", "Pushed"]);
        ebb.consent(null);
        ebb.identify(null);
        ebb.page(null, undefined);
        Object.defineProperty(document, "title", { get() { throw Error("odd") } });
        ebb.track("Untitled");
        """
    )
    collector.wait_for("page", "Pushed", "identify", "page")
    assert len(visitor.complaints()) == 4


def test_it_works_where_the_browser_forbids_and_lacks_things(
    visitor: Visitor, collector: Collector
) -> None:
    collector.answers = [500]
    visitor.context.add_init_script(BARE)
    visitor.enter()
    visitor.run("ebb.track('A'); ebb.track('B')")

    told = collector.wait_for("page", "A", "B")
    assert len({message["anonymousId"] for message in told}) == 1
    assert len({message["messageId"] for message in told}) == 3
    assert visitor.complaints() == []


def test_a_page_that_has_the_tracker_twice_is_told_of_once(
    visitor: Visitor, shop: Shop, collector: Collector
) -> None:
    at = shop.page.index("<script async")
    shop.page += shop.page[at:]
    visitor.enter()
    visitor.page.wait_for_load_state("load")
    visitor.run("ebb.track('Done')")
    collector.wait_for("page", "Done")
