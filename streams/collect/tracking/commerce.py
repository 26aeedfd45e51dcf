"""What the events of storefronts are called, and which of our types each of them is.

One table, `NAMES`, from every name in use to our type: the e-commerce events of Segment's second
version, their older aliases (the verb first), GA4's, and our own. Names are compared without
regard to case and to what stands between their words, so that "Product Added", "product_added",
"productAdded" and "Added Product" are one. A name that nobody has heard of stays a type of its
own.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, NamedTuple

from features import KINDS, Kind
from streams.collect.tracking.identity import digest
from streams.collect.tracking.readers import READERS

#: Events of Segment's e-commerce specification, to our types.
_SPECIFIED: Final = {
    "products_searched": "searched",
    "product_list_viewed": "product_list_viewed",
    "product_list_filtered": "product_list_filtered",
    "promotion_viewed": "promotion_viewed",
    "promotion_clicked": "promotion_clicked",
    "product_clicked": "product_clicked",
    "product_viewed": "product_viewed",
    "product_added": "product_added",
    "product_removed": "product_removed",
    "cart_viewed": "cart_viewed",
    "checkout_started": "checkout_started",
    "checkout_step_viewed": "checkout_step_viewed",
    "checkout_step_completed": "checkout_step_completed",
    "payment_info_entered": "payment_info_entered",
    "order_completed": "purchase",
    "order_updated": "order_updated",
    "order_refunded": "refund",
    "order_cancelled": "order_cancelled",
    "order_canceled": "order_cancelled",
    "coupon_entered": "coupon_entered",
    "coupon_applied": "coupon_applied",
    "coupon_denied": "coupon_denied",
    "coupon_removed": "coupon_removed",
    "product_shared": "product_shared",
    "cart_shared": "cart_shared",
    "product_reviewed": "review",
}
_WISHLISTS: Final = {
    "product_added_to_wishlist": "wishlist_added",
    "added_product_to_wishlist": "wishlist_added",
    "product_removed_from_wishlist": "wishlist_removed",
    "removed_product_from_wishlist": "wishlist_removed",
    "wishlist_product_added_to_cart": "product_added",
    "added_wishlist_product_to_cart": "product_added",
}
_OLDER: Final = {
    "viewed_product_category": "product_list_viewed",
    "searched_products": "searched",
    "product_searched": "searched",
}
_GA4: Final = {
    "search": "searched",
    "view_search_results": "searched",
    "view_item_list": "product_list_viewed",
    "view_promotion": "promotion_viewed",
    "select_promotion": "promotion_clicked",
    "select_item": "product_clicked",
    "view_item": "product_viewed",
    "add_to_cart": "product_added",
    "remove_from_cart": "product_removed",
    "view_cart": "cart_viewed",
    "begin_checkout": "checkout_started",
    "add_shipping_info": "checkout_step_completed",
    "add_payment_info": "payment_info_entered",
    "add_to_wishlist": "wishlist_added",
    "page_view": "page_viewed",
    "screen_view": "screen_viewed",
    "sign_up": "signed_up",
    "login": "logged_in",
}
#: What shops send beside their sales.
_OTHERS: Final = {
    "signed_in": "logged_in",
    "email_opened": "message_opened",
    "email_link_clicked": "message_clicked",
    "push_notification_tapped": "message_clicked",
}


def _verb_first(name: str) -> str:
    """Return how the first version of the specification wrote a name: ``added_product``."""
    thing, _, verb = name.rpartition("_")
    return f"{verb}_{thing}"


#: Every name that is known, as `slug` writes it, to our type.
NAMES: Final[dict[str, str]] = {
    **{kind: kind for kind in KINDS},
    **{_verb_first(name): kind for name, kind in _SPECIFIED.items()},
    **_SPECIFIED,
    **_WISHLISTS,
    **_OLDER,
    **_GA4,
    **_OTHERS,
}
#: Types that only calls of their own may have: who sends them says who a customer is.
_CALLS: Final = frozenset({"alias", "group", "identified"})
_LONGEST: Final = 100
_REMEMBERED: Final = 200
_CUT: Final = 90
_APART: Final = re.compile(r"[\W_]+")
_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class Place(NamedTuple):
    """Where a property goes.

    Parameters
    ----------
    field
        The field of the event.
    rank
        Of several properties for one field the lowest wins; the others stay properties.
    read
        How it is read.
    name
        The property.
    """

    field: str
    rank: int
    read: Callable[[object], Any]
    name: str


@dataclass(frozen=True)
class Meaning:
    """What an event is to us.

    Parameters
    ----------
    type
        Our type.
    reads
        Where its properties go, by their names.
    each
        Whether it is about each of the products it lists, by itself.
    counts
        Whether the quantity of the event is that of the products it lists.
    """

    type: str
    reads: dict[str, Place]
    each: bool = False
    counts: bool = False


def _places(**fields: str) -> dict[str, Place]:
    """Return where each property goes, from the names of each field, the best first."""
    return {
        name: Place(field, rank, READERS[field], name)
        for field, names in fields.items()
        for rank, name in enumerate(names.split())
    }


_BASE: Final = _places(
    item_id="product_id productId sku item_id itemId",
    price="price",
    quantity="quantity",
    currency="currency",
    category="category product_category item_category",
    order_id="order_id orderId transaction_id",
    amount="amount",
)
# A bare `id` is the product's in an event about a product, and the order's in one about an order.
_PRODUCT: Final = _BASE | _places(
    item_id="product_id productId sku item_id itemId id", amount="amount value"
)
#: What a customer pays is the total; the revenue is without tax and shipping.
_ORDER: Final = _BASE | _places(
    order_id="order_id orderId transaction_id id",
    amount="total revenue value amount subtotal",
)
_CART: Final = _BASE | _places(amount="total value revenue amount subtotal")
_SEARCH: Final = _BASE | _places(query="query search_term search_query search term q")
_REVIEW: Final = _PRODUCT | _places(
    rating="rating stars", text="review_body review_text text body message comment"
)
_COMPLAINT: Final = _BASE | _places(
    rating="rating stars", text="text message body comment description"
)
_MESSAGE: Final = _BASE | _places(campaign="campaign campaign_name campaign_id")
_READS: Final = {
    Kind.CART: _PRODUCT,
    Kind.UNCART: _PRODUCT,
    Kind.WISH: _PRODUCT,
    Kind.CHECKOUT: _CART,
    Kind.PURCHASE: _ORDER,
    Kind.REFUND: _ORDER,
    Kind.CANCEL: _ORDER,
    Kind.SEARCH: _SEARCH,
    Kind.REVIEW: _REVIEW,
    Kind.COMPLAINT: _COMPLAINT,
    Kind.MESSAGE: _MESSAGE,
}
#: Where what is read is not that of the kind.
_READS_OF_TYPES: Final = {
    "product_viewed": _PRODUCT,
    "product_clicked": _PRODUCT,
    "cart_viewed": _CART,
    "cart_shared": _CART,
    "order_updated": _ORDER,
}
_EACH: Final = frozenset(
    {
        "product_viewed",
        "product_clicked",
        "product_added",
        "product_removed",
        "wishlist_added",
        "wishlist_removed",
    }
)
_COUNTED: Final = frozenset({Kind.PURCHASE, Kind.REFUND, Kind.CANCEL, Kind.CHECKOUT})


def _meaning_of(kind: str) -> Meaning:
    what = KINDS.get(kind, Kind.OTHER)
    return Meaning(
        type=kind,
        reads=_READS_OF_TYPES.get(kind) or _READS.get(what, _BASE),
        each=kind in _EACH,
        counts=what in _COUNTED or kind in ("order_updated", "cart_viewed"),
    )


def meaning(name: str) -> Meaning | None:
    """Return what an event of this name is to us.

    Parameters
    ----------
    name
        The ``event`` of a ``track`` call.

    Returns
    -------
    Meaning or None
        None for a name without a single letter or digit.

    Examples
    --------
    >>> [meaning(name).type for name in ("Order Completed", "Completed Order", "PURCHASE")]
    ['purchase', 'purchase', 'purchase']
    >>> meaning("Size Guide opened!").type
    'size_guide_opened'
    """
    # A shop has some hundred names; whoever makes them up must not fill memory.
    return _meaning(name) if len(name) <= _REMEMBERED else _find(name)


def _find(name: str) -> Meaning | None:
    plain = slug(name)
    if plain in NAMES and plain not in _CALLS:
        return _meaning_of(NAMES[plain])
    words = slug(_HUMP.sub("_", name))
    if words in NAMES and words not in _CALLS:
        return _meaning_of(NAMES[words])
    # Humps are the words of a name that has no others; "iPhone 17 seen" has.
    own = words if name.isalnum() else plain
    if not own:
        return None
    return _meaning_of(f"custom_{own}" if own in _CALLS else _short(own))


_meaning: Final = lru_cache(maxsize=2_048)(_find)


def slug(name: str) -> str:
    """Return a name in small letters, its words joined by one underscore each.

    Examples
    --------
    >>> slug("Product Added"), slug(" Order  COMPLETED! "), slug("加入购物车")
    ('product_added', 'order_completed', '加入购物车')
    """
    return _APART.sub("_", unicodedata.normalize("NFKC", name).casefold()).strip("_")


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[:_CUT]}_{digest(name.encode())[:8]}"
