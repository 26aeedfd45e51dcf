"""A trip through a shop: the calls that a storefront makes, and what each must become."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from msgspec.structs import asdict

from features import DEVICE_ZONE, Event

#: The first calls are a visitor's; then they say who they are.
LOGIN: Final = 8
#: What nobody may find in Kafka: parts of the pages' addresses, of traits, of a browser.
SECRETS: Final = (b"hush", b"ada@shop.example", b"Mozilla", b"http:", b"https:")
#: Where browsers come from, and what their shop's page is asked for with.
REFERRER: Final = "https://search.example/?q=hush"
QUERY: Final = "utm_campaign=spring&utm_source=news&utm_medium=email&token=hush"

Fields = dict[str, Any]


@dataclass(frozen=True)
class Call:
    """A call, in the players' words, and the events that it must become.

    ``becomes`` holds the fields of each event that are not empty, without who and when.
    """

    step: int
    told: Fields
    becomes: tuple[Fields, ...]

    def by(self, user: str, anonymous: str) -> Fields:
        """Return the call as a server makes it: it is asked who somebody is every time."""
        visitor, customer = {"anonymous": anonymous}, {"user": user}
        if self.step <= LOGIN:
            return self.told | visitor
        return self.told | customer | (visitor if self.told["call"] == "identify" else {})


def _track(event: str, properties: Fields, *becomes: Fields) -> tuple[Fields, tuple[Fields, ...]]:
    return {"call": "track", "event": event, "properties": properties}, becomes


def _page(category: str, name: str) -> tuple[Fields, tuple[Fields, ...]]:
    became = {"type": "page_viewed", "category": category, "properties": {"name": name}}
    told = {"call": "page", "category": category, "name": name, "properties": {}}
    return told, (became,)


BOOT: Final = {
    "product_id": "b-1",
    "sku": "BOOT-38",
    "category": "Boots",
    "name": "Gummistiefel für Regen",
    "price": 59.9,
    "quantity": 2,
    "currency": "EUR",
}
_SEEN: Final = {
    "item_id": "b-1",
    "category": "Boots",
    "price": 59.9,
    "quantity": 2.0,
    "currency": "EUR",
    "properties": {"sku": "BOOT-38", "name": "Gummistiefel für Regen"},
}
#: As the SDKs' users write it: a list of products, and sums.
ORDER: Final = {
    "order_id": "o-12",
    "total": 129.75,
    "revenue": 119.8,
    "currency": "EUR",
    "coupon": "RAIN",
    "products": [
        {"product_id": "b-1", "price": 59.9, "quantity": 2, "category": "Boots"},
        {"product_id": "s-7", "price": 4.95, "quantity": 1, "category": "Socks"},
    ],
}
_LINES: Final = {"product_count": 2, "products": '[["b-1",2,59.9],["s-7",1,4.95]]'}
_ORDERED: Final = {
    "order_id": "o-12",
    "amount": 129.75,
    "currency": "EUR",
    "quantity": 3.0,
    "properties": {"revenue": 119.8, "coupon": "RAIN", **_LINES},
}
_SOCKS: Final = {"item_id": "s-7", "item_name": "Socks", "price": 4.95, "quantity": 1}

_SCRIPT: Final = (
    _page("Shop", "Home"),
    _track(
        "Products Searched", {"query": "rain boots"}, {"type": "searched", "query": "rain boots"}
    ),
    _track(
        "Product List Viewed",
        {"list_id": "l-1", "category": "Boots"},
        {"type": "product_list_viewed", "category": "Boots", "properties": {"list_id": "l-1"}},
    ),
    _track("Product Clicked", BOOT, {"type": "product_clicked", **_SEEN}),
    _track("Product Viewed", BOOT, {"type": "product_viewed", **_SEEN}),
    _track(
        "Promotion Viewed",
        {"promotion_id": "p-1", "position": 3},
        {"type": "promotion_viewed", "properties": {"promotion_id": "p-1", "position": 3}},
    ),
    _track(
        "Size Guide opened!",
        {"table": {"eu": 38, "uk": 5.5}, "tags": ["rain", "sale"], "fits": True},
        {
            "type": "size_guide_opened",
            "properties": {
                "table.eu": 38,
                "table.uk": 5.5,
                "tags": '["rain","sale"]',
                "fits": True,
            },
        },
    ),
    _track("Product Added", BOOT, {"type": "product_added", **_SEEN}),
    (
        {
            "call": "identify",
            "traits": {"plan": "gold", "orders": 3, "email": "ada@shop.example"},
        },
        ({"type": "identified", "traits": {"plan": "gold", "orders": 3}},),
    ),
    (
        {"call": "alias", "previous": "till-77"},
        ({"type": "alias", "properties": {"previous_id": "till-77"}},),
    ),
    (
        {"call": "group", "group": "club-3", "traits": {"tier": "silver"}},
        ({"type": "group", "properties": {"group_id": "club-3", "tier": "silver"}},),
    ),
    _track(
        "Signed In", {"method": "code"}, {"type": "logged_in", "properties": {"method": "code"}}
    ),
    _track(
        "add_to_cart",
        {"currency": "EUR", "value": 64.85, "items": [{**_SOCKS}, {**_SOCKS, "item_id": "s-8"}]},
        *(
            {
                "type": "product_added",
                "item_id": item,
                "price": 4.95,
                "quantity": 1.0,
                "currency": "EUR",
                "properties": {"name": "Socks"},
            }
            for item in ("s-7", "s-8")
        ),
    ),
    _track("Product Removed", BOOT, {"type": "product_removed", **_SEEN}),
    _track("Product Added to Wishlist", BOOT, {"type": "wishlist_added", **_SEEN}),
    _track("Cart Viewed", ORDER, {"type": "cart_viewed", **_ORDERED}),
    _track(
        "Coupon Applied",
        {"order_id": "o-12", "coupon_id": "RAIN", "discount": 5},
        {
            "type": "coupon_applied",
            "order_id": "o-12",
            "properties": {"coupon_id": "RAIN", "discount": 5},
        },
    ),
    _track("Checkout Started", ORDER, {"type": "checkout_started", **_ORDERED}),
    _track(
        "Payment Info Entered",
        {"order_id": "o-12", "step": 2},
        {"type": "payment_info_entered", "order_id": "o-12", "properties": {"step": 2}},
    ),
    _track("Order Completed", ORDER, {"type": "purchase", **_ORDERED}),
    _track("Order Refunded", ORDER, {"type": "refund", **_ORDERED}),
    _track(
        "Product Reviewed",
        {"product_id": "b-1", "rating": "4", "review_body": "Hält dicht 👢"},
        {"type": "review", "item_id": "b-1", "rating": 4.0, "text": "Hält dicht 👢"},
    ),
    _track(
        "Email Link Clicked",
        {"campaign_name": "autumn"},
        {"type": "message_clicked", "campaign": "autumn"},
    ),
    _page("Shop", "Thanks"),
)


def _numbered(step: int, told: Fields, becomes: Iterable[Fields]) -> Call:
    """Mark a call, so that what became of it is known again; an alias has no place for a mark."""
    if told["call"] == "alias":
        return Call(step, told, tuple(becomes))
    place = "traits" if "traits" in told else "properties"
    kept = "traits" if told["call"] == "identify" else "properties"
    marked = {**told, place: {**told[place], "mark": step}}
    return Call(
        step,
        marked,
        tuple({**each, kept: {**each.get(kept, {}), "mark": step}} for each in becomes),
    )


TRIP: Final = tuple(_numbered(step, *each) for step, each in enumerate(_SCRIPT, start=1))
_ALIAS: Final = next(call.step for call in TRIP if call.told["call"] == "alias")
#: Events that become of the first calls.
EVENTS: Final = tuple(sum(len(c.becomes) for c in TRIP[:n]) for n in range(len(TRIP) + 1))


def step_of(event: Event) -> int | None:
    """Return of which call of the trip an event became; None if of none."""
    if event.type == "alias":
        return _ALIAS
    found = event.traits.get("mark", event.properties.get("mark"))
    return found if isinstance(found, int) else None


def fields_of(event: Event) -> Fields:
    """Return the fields of an event that are not empty, without who and when."""
    others = ("v", "event_id", "user_id", "time", "session_id")
    fields = {name: value for name, value in asdict(event).items() if value not in (None, {})}
    # Who somebody was is a matter of its own.
    fields["properties"] = {
        name: value for name, value in event.properties.items() if name != "anonymous_id"
    }
    # And so is the clock of whoever runs the tests.
    fields["traits"] = {name: value for name, value in event.traits.items() if name != DEVICE_ZONE}
    fields = {name: value for name, value in fields.items() if value != {}}
    return {name: value for name, value in fields.items() if name not in others}


def seen_by(call: Call, around: Mapping[str, Any], page: Mapping[str, Any]) -> list[Fields]:
    """Return what a call must become where a browser tells of its page, too.

    Parameters
    ----------
    call
        A call of the trip.
    around
        Properties that every event gets; the campaign is a field.
    page
        Properties that a page view gets beside them.
    """
    found = []
    for each in call.becomes:
        properties = dict(each.get("properties", {}))
        fields = {name: value for name, value in around.items() if name == "campaign"}
        properties |= {name: value for name, value in around.items() if name != "campaign"}
        if call.told["call"] == "page":
            properties |= page
        fields |= each
        found.append(fields | ({"properties": properties} if properties else {}))
    return found
