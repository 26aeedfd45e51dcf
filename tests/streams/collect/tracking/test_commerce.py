"""Every event of the e-commerce specification, by all its names, and what it is to us."""

from __future__ import annotations

import json
from typing import Any

import pytest

from features import KINDS, CustomerState, Definition, Kind
from features.timeline import DAY
from streams.collect.tracking import Source
from tests.streams.collect.tracking.speaking import P_REST, P, event, events, fields, message, sent

PRODUCTS = [
    {"product_id": "a", "sku": "s-a", "category": "Games", "price": 19.0, "quantity": 1},
    {"product_id": "b", "sku": "s-b", "category": "Games", "price": 3.0, "quantity": 2},
    {"product_id": "c", "sku": "s-c", "category": "Games"},
]
LISTED = {"product_count": 3, "products": '[["a",1,19.0],["b",2,3.0],["c",1,null]]'}
ORDER = {
    "order_id": "50314b8e9bcf000000000000",
    "affiliation": "Google Store",
    "total": 27.5,
    "revenue": 25.0,
    "shipping": 3,
    "tax": 2,
    "discount": 2.5,
    "coupon": "hasbros",
    "currency": "USD",
    "products": PRODUCTS,
}
ORDER_FIELDS = {
    "order_id": ORDER["order_id"],
    "amount": 27.5,
    "quantity": 4.0,
    "category": "Games",
    "currency": "USD",
}
ORDER_REST = LISTED | {
    name: ORDER[name]
    for name in ("affiliation", "revenue", "shipping", "tax", "discount", "coupon")
}
P_FIELDS = {"item_id": P["product_id"], "category": "Games", "price": 19.5, "quantity": 2}
COUPON = {"order_id": "o-1", "cart_id": "c-1", "coupon_id": "k-1", "coupon_name": "may"}
STEP = {"checkout_id": "50", "step": 2, "shipping_method": "Fedex", "payment_method": "Visa"}
WISH = {"wishlist_id": "w-1", "wishlist_name": "Loved"}

#: Names that mean the same, the properties, and what an event of them says.
TABLE: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (
        "Products Searched | Searched Products | products_searched",
        {"query": "blue roses"},
        {"type": "searched", "query": "blue roses"},
    ),
    (
        "Products Searched",
        {"query": {"text": "roses", "colour": "blue"}},
        {"type": "searched", "query": '{"text":"roses","colour":"blue"}'},
    ),
    (
        "Product List Viewed | Viewed Product Category | Viewed Product List",
        {"list_id": "hot", "category": "Games", "products": PRODUCTS},
        {
            "type": "product_list_viewed",
            "category": "Games",
            "properties": LISTED | {"list_id": "hot"},
        },
    ),
    (
        "Product List Filtered | Filtered Product List",
        {
            "list_id": "hot",
            "category": "Games",
            "filters": [{"type": "price", "value": "under-25"}],
            "sorts": [{"type": "price", "value": "desc"}],
            "products": PRODUCTS[:1],
        },
        {
            "type": "product_list_filtered",
            "category": "Games",
            "item_id": "a",
            "properties": {
                "list_id": "hot",
                "filters": '[{"type":"price","value":"under-25"}]',
                "sorts": '[{"type":"price","value":"desc"}]',
                "product_count": 1,
                "products": '[["a",1,19.0]]',
            },
        },
    ),
    *(
        (
            names,
            {"promotion_id": "p-1", "creative": "top", "name": "75% off", "position": "home"},
            {
                "type": kind,
                "properties": {
                    "promotion_id": "p-1",
                    "creative": "top",
                    "name": "75% off",
                    "position": "home",
                },
            },
        )
        for names, kind in [
            ("Promotion Viewed | Viewed Promotion", "promotion_viewed"),
            ("Promotion Clicked | Clicked Promotion", "promotion_clicked"),
        ]
    ),
    (
        "Product Clicked | Clicked Product",
        P,
        {"type": "product_clicked", **P_FIELDS, "properties": P_REST},
    ),
    (
        "Product Viewed | Viewed Product | product_viewed | PRODUCT VIEWED | productViewed",
        P | {"currency": "usd", "value": 39.0},
        {
            "type": "product_viewed",
            **P_FIELDS,
            "currency": "USD",
            "amount": 39.0,
            "properties": P_REST,
        },
    ),
    (
        "Product Added | Added Product | product added | ProductAdded",
        P | {"cart_id": "c-1"},
        {"type": "product_added", **P_FIELDS, "properties": P_REST | {"cart_id": "c-1"}},
    ),
    (
        "Product Removed | Removed Product | product-removed",
        P | {"cart_id": "c-1"},
        {"type": "product_removed", **P_FIELDS, "properties": P_REST | {"cart_id": "c-1"}},
    ),
    (
        "Cart Viewed | Viewed Cart",
        {"cart_id": "c-1", "products": PRODUCTS},
        {
            "type": "cart_viewed",
            "quantity": 4.0,
            "amount": 25.0,
            "category": "Games",
            "properties": LISTED | {"cart_id": "c-1"},
        },
    ),
    (
        "Checkout Started | Started Checkout",
        {"value": 20, **ORDER},
        {
            "type": "checkout_started",
            **ORDER_FIELDS,
            "properties": ORDER_REST | {"value": 20},
        },
    ),
    *(
        (name, STEP, {"type": kind, "properties": STEP})
        for name, kind in [
            ("Checkout Step Viewed | Viewed Checkout Step", "checkout_step_viewed"),
            ("Checkout Step Completed | Completed Checkout Step", "checkout_step_completed"),
        ]
    ),
    (
        "Payment Info Entered | Entered Payment Info",
        STEP | {"order_id": "o-1"},
        {"type": "payment_info_entered", "order_id": "o-1", "properties": STEP},
    ),
    (
        "Order Completed | Completed Order | order_completed",
        {"checkout_id": "fks", "subtotal": 22.5, **ORDER},
        {
            "type": "purchase",
            **ORDER_FIELDS,
            "properties": ORDER_REST | {"checkout_id": "fks", "subtotal": 22.5},
        },
    ),
    (
        "Order Updated | Updated Order",
        ORDER,
        {"type": "order_updated", **ORDER_FIELDS, "properties": ORDER_REST},
    ),
    (
        "Order Cancelled | Cancelled Order | Order Canceled",
        ORDER,
        {"type": "order_cancelled", **ORDER_FIELDS, "properties": ORDER_REST},
    ),
    (
        "Order Refunded | Refunded Order",
        {"order_id": "o-1", "total": 30, "currency": "USD", "products": PRODUCTS[:1]},
        {
            "type": "refund",
            "order_id": "o-1",
            "amount": 30,
            "currency": "USD",
            "item_id": "a",
            "category": "Games",
            "quantity": 1.0,
            "properties": {"product_count": 1, "products": '[["a",1,19.0]]'},
        },
    ),
    *(
        (
            f"Coupon {verb} | {verb} Coupon",
            COUPON | {"discount": 23.3, "reason": "why"},
            {
                "type": f"coupon_{verb.lower()}",
                "order_id": "o-1",
                "properties": {
                    "cart_id": "c-1",
                    "coupon_id": "k-1",
                    "coupon_name": "may",
                    "discount": 23.3,
                    "reason": "why",
                },
            },
        )
        for verb in ("Entered", "Applied", "Denied", "Removed")
    ),
    (
        "Product Added to Wishlist | Added Product to Wishlist",
        P | WISH,
        {"type": "wishlist_added", **P_FIELDS, "properties": P_REST | WISH},
    ),
    (
        "Product Removed from Wishlist | Removed Product from Wishlist",
        P | WISH,
        {"type": "wishlist_removed", **P_FIELDS, "properties": P_REST | WISH},
    ),
    (
        "Wishlist Product Added to Cart",
        P | WISH | {"cart_id": "c-1"},
        {"type": "product_added", **P_FIELDS, "properties": P_REST | WISH | {"cart_id": "c-1"}},
    ),
    (
        "Product Shared | Shared Product",
        {"share_via": "email", "share_message": "Look!", "recipient": "friend@example.com", **P},
        {
            "type": "product_shared",
            **P_FIELDS,
            "properties": P_REST
            | {"share_via": "email", "share_message": "Look!", "recipient": "friend@example.com"},
        },
    ),
    (
        "Cart Shared | Shared Cart",
        {"share_via": "email", "cart_id": "c-1", "products": [{"product_id": "a"}]},
        {
            "type": "cart_shared",
            "item_id": "a",
            "properties": {
                "share_via": "email",
                "cart_id": "c-1",
                "product_count": 1,
                "products": '[["a",1,null]]',
            },
        },
    ),
    (
        "Product Reviewed | Reviewed Product",
        {"product_id": "a", "review_id": "r-1", "review_body": "Broke at once", "rating": "2"},
        {
            "type": "review",
            "item_id": "a",
            "text": "Broke at once",
            "rating": 2.0,
            "properties": {"review_id": "r-1"},
        },
    ),
    # -- GA4 ------------------------------------------------------------------------------------
    (
        "search | view_search_results",
        {"search_term": "roses"},
        {"type": "searched", "query": "roses"},
    ),
    (
        "view_item",
        {
            "currency": "EUR",
            "value": 30.03,
            "items": [
                {
                    "item_id": "sku-1",
                    "item_name": "Tee",
                    "item_brand": "B",
                    "item_category": "Apparel",
                    "item_variant": "green",
                    "price": 10.01,
                    "quantity": 3,
                    "index": 0,
                }
            ],
        },
        {
            "type": "product_viewed",
            "item_id": "sku-1",
            "category": "Apparel",
            "price": 10.01,
            "quantity": 3,
            "amount": 30.03,
            "currency": "EUR",
            "properties": {"name": "Tee", "brand": "B", "variant": "green", "index": 0},
        },
    ),
    *(
        (
            name,
            {"items": [{"item_id": "sku-1", "price": 5}]},
            {"type": kind, "item_id": "sku-1", "price": 5},
        )
        for name, kind in [
            ("add_to_cart | AddToCart", "product_added"),
            ("remove_from_cart", "product_removed"),
            ("add_to_wishlist", "wishlist_added"),
            ("select_item", "product_clicked"),
        ]
    ),
    (
        "begin_checkout",
        {"currency": "EUR", "value": 7, "items": [{"item_id": "sku-1"}]},
        {
            "type": "checkout_started",
            "amount": 7,
            "currency": "EUR",
            "item_id": "sku-1",
            "quantity": 1.0,
            "properties": {"product_count": 1, "products": '[["sku-1",1,null]]'},
        },
    ),
    (
        "purchase | Purchase",
        {
            "transaction_id": "t-1",
            "value": 30,
            "tax": 4,
            "shipping": 3,
            "currency": "EUR",
            "items": [{"item_id": "x", "price": 10, "quantity": 3}],
        },
        {
            "type": "purchase",
            "order_id": "t-1",
            "amount": 30,
            "currency": "EUR",
            "item_id": "x",
            "quantity": 3.0,
            "properties": {
                "tax": 4,
                "shipping": 3,
                "product_count": 1,
                "products": '[["x",3,10]]',
            },
        },
    ),
    (
        "refund",
        {"transaction_id": "t-1", "value": 30, "currency": "EUR"},
        {"type": "refund", "order_id": "t-1", "amount": 30, "currency": "EUR"},
    ),
]


@pytest.mark.parametrize(
    ("name", "properties", "says"),
    [
        pytest.param(name, properties, says, id=f"{name}-{number}")
        for number, (names, properties, says) in enumerate(TABLE)
        for name in names.split(" | ")
    ],
)
def test_every_event_of_a_shop_becomes_ours_with_all_that_it_says(
    name: str, properties: dict[str, Any], says: dict[str, Any]
) -> None:
    assert fields(event(message(event=name, properties=properties))) == says


def test_every_type_of_ours_is_known_by_its_own_name_and_keeps_its_meaning() -> None:
    said = {name: event(message(event=name)).kind for name in KINDS if name != "identified"}
    assert said == {name: kind for name, kind in KINDS.items() if name != "identified"}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Size Guide Opened", "size_guide_opened"),
        ("sizeGuideOpened", "size_guide_opened"),
        ("iPhone 17 seen", "iphone_17_seen"),
        ("加入购物车", "加入购物车"),
        ("Ünïted", "ünïted"),
        (" 42 ", "42"),
        (42, "42"),
        # Who is who is said by calls of their own.
        ("alias", "custom_alias"),
        ("Identified", "custom_identified"),
    ],
)
def test_an_event_that_nobody_has_heard_of_is_a_type_of_its_own(name: object, kind: str) -> None:
    found = event(message(event=name, properties={"price": 3, "step": "one", "value": "high"}))
    assert (found.type, found.kind, found.price) == (kind, Kind.OTHER, 3)
    assert found.properties == {"step": "one", "value": "high"}


def test_long_names_stay_apart_though_they_are_cut() -> None:
    one, two = (event(message(event="x" * 200 + end)).type for end in "ab")
    assert len(one) <= 100
    assert one != two


@pytest.mark.parametrize("name", [None, "", "  ", "!?", [], {}, True])
def test_a_track_call_without_a_name_is_refused(name: object) -> None:
    assert sent(message(event=name)).refused == "event_missing"


@pytest.mark.parametrize(
    ("given", "taken", "left"),
    [
        ({"total": 9, "revenue": 8, "value": 7}, 9, {"revenue": 8, "value": 7}),
        ({"value": 7, "revenue": "8.50"}, 8.5, {"value": 7}),
        ({"value": 7, "subtotal": 6}, 7, {"subtotal": 6}),
        ({"subtotal": 6}, 6, {}),
        ({"total": "free", "value": 7}, 7, {"total": "free"}),
        ({"total": None, "value": 7}, 7, {}),
        ({"total": 1e12, "value": 7}, 7, {"total": 1e12}),
    ],
)
def test_what_an_order_is_worth_is_what_the_customer_paid(
    given: dict[str, Any], taken: float, left: dict[str, Any]
) -> None:
    found = event(message(event="Order Completed", properties=given))
    assert (found.amount, found.properties) == (taken, left)


def test_an_order_without_a_total_is_worth_its_products() -> None:
    found = event(message(event="Order Completed", properties={"products": PRODUCTS}))
    assert (found.value, found.quantity) == (25.0, 4.0)


def test_an_order_of_one_product_of_the_first_specification_keeps_both_ids() -> None:
    products = [{"id": "p-1", "sku": "s-1", "price": 4, "quantity": 2}]
    found = event(message(event="Completed Order", properties={"id": "o-1", "products": products}))
    assert (found.order_id, found.item_id, found.quantity) == ("o-1", "s-1", 2)


@pytest.mark.parametrize(
    ("given", "item", "left"),
    [
        ({"product_id": 7, "sku": "s", "id": "i"}, "7", {"sku": "s", "id": "i"}),
        ({"id": "i", "sku": "s"}, "s", {"id": "i"}),
        ({"sku": "", "id": 12.0}, "12", {"sku": ""}),
        ({"productId": "p"}, "p", {}),
    ],
)
def test_a_product_is_known_by_the_best_of_its_ids(
    given: dict[str, Any], item: str, left: dict[str, Any]
) -> None:
    found = event(message(event="Product Viewed", properties=given))
    assert (found.item_id, found.properties) == (item, left)


@pytest.mark.parametrize(
    ("rating", "stars", "left"),
    [
        ("4", 4, {}),
        ("4.5", 4.5, {}),
        (0, 0, {}),
        ("87", None, {"rating": "87"}),
        ("great", None, {"rating": "great"}),
        (True, None, {"rating": True}),
        ("nan", None, {"rating": "nan"}),
        ("-1", None, {"rating": "-1"}),
    ],
)
def test_a_rating_that_is_no_number_of_stars_is_kept_and_not_counted(
    rating: object, stars: float | None, left: dict[str, Any]
) -> None:
    found = event(message(event="Product Reviewed", properties={"rating": rating}))
    assert (found.rating, found.properties) == (stars, left)


@pytest.mark.parametrize(
    ("currency", "taken"), [("eur", "EUR"), (" EUR ", "EUR"), ("€", "CHF"), (None, "CHF")]
)
def test_a_currency_is_three_letters_or_that_of_the_source(currency: str, taken: str) -> None:
    source = Source(currency="CHF")
    properties = {"total": 5, "currency": currency}
    assert event(message(event="Order Completed", properties=properties), source).currency == taken
    assert event(message(event="Size Guide Opened"), source).currency is None


# -- several products in one call ----------------------------------------------------------------


def test_a_call_about_several_products_is_an_event_for_each() -> None:
    items = [{"item_id": f"i-{number}", "price": 2.0, "quantity": number} for number in (1, 2)]
    properties = {"value": 6.0, "currency": "EUR", "cart_id": "c", "items": items}
    found = events(message(event="add_to_cart", properties=properties))
    assert [(e.event_id, e.item_id, e.value, e.currency) for e in found] == [
        ("m-1/1", "i-1", 2.0, "EUR"),
        ("m-1/2", "i-2", 4.0, "EUR"),
    ]
    assert all(e.properties == {"cart_id": "c"} for e in found)


def test_a_call_about_very_many_products_is_one_event_that_lists_them() -> None:
    items = [{"item_id": f"i-{number}"} for number in range(21)]
    found = event(message(event="add_to_cart", properties={"items": items}))
    assert found.properties["product_count"] == 21


def test_a_product_that_lists_others_beside_it_is_one_event() -> None:
    also = [{"product_id": "b"}, {"product_id": "c"}]
    found = event(message(event="Product Viewed", properties={"product_id": "a", "products": also}))
    assert (found.item_id, found.properties["product_count"]) == ("a", 2)


def test_an_order_is_one_order_with_all_its_money_and_pieces_in_the_features() -> None:
    shop = Definition(horizon=30 * DAY, active=90 * DAY)
    ada = CustomerState(shop)
    order = message(event="Order Completed", properties=ORDER)
    again = message(event="purchase", messageId="m-2", properties={**ORDER, "order_id": "o-2"})
    for content in (order, again):
        for one in events(content):
            ada.apply(one)
    assert (ada.money.orders, ada.money.spent, ada.money.quantity) == (2, 55.0, 8.0)
    assert ada.kinds[Kind.PURCHASE] == 2


def test_a_long_order_lists_whole_lines_as_long_as_there_is_room() -> None:
    products = [{"product_id": f"product-{number:04}", "price": 9.99} for number in range(600)]
    found = event(message(event="Order Completed", properties={"total": 1, "products": products}))
    texts = [value for name, value in found.properties.items() if name.startswith("products")]
    lines = [line for text in texts for line in json.loads(str(text))]
    assert len(texts) == 8
    assert lines == [[f"product-{number:04}", 1, 9.99] for number in range(len(lines))]
    assert found.properties["product_count"] == 600
    assert found.quantity == 600
