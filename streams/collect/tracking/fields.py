"""From the properties of a call to the fields of an event, and what is left of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final, TypeAlias

import msgspec

from features import LINKED_TO, Event, encode_event
from streams.collect.tracking.carried import (
    CUT,
    LEFT_OUT,
    LONGEST_NAME,
    LONGEST_TEXT,
    MAX_PROPERTIES,
    Lines,
    Scalars,
    cut,
    flat,
)
from streams.collect.tracking.commerce import Meaning, Place
from streams.collect.tracking.identity import LONGEST_USER, read_id

Fields: TypeAlias = dict[str, Any]

#: Names that only the collector writes: they say who is who.
OURS: Final = frozenset({"anonymous_id", "previous_id", LINKED_TO, LEFT_OUT})
_LISTS: Final = ("products", "items")
_NOT_THEIRS: Final = OURS.union(_LISTS)
#: As GA4 names what a product has; Segment's names are ours.
_RENAMED: Final = {"item_name": "name", "item_brand": "brand", "item_variant": "variant"}
#: More products than that in one call are a list, whatever the call says.
_MOST_EACH: Final = 20
_PLAIN: Final = 2**53
#: Properties that a call may fill; the others are the collector's to add.
MOST_OWN: Final = MAX_PROPERTIES - 8
#: `features.Event`: 32 KiB. Room is left for what the collector adds.
_MOST_BYTES: Final = 31 * 1024


def read_fields(
    meaning: Meaning, properties: Mapping[str, Any], without: Collection[str]
) -> list[Fields]:
    """Return the fields of the events that one call is about; mostly of one.

    An order is one event, however many products it lists: features count orders and visits by
    events, and its total is known while the sum of its lines is not. Seeing a product or putting
    it into the cart is an event for each product, since the features count products.

    Parameters
    ----------
    meaning
        What the call is to us.
    properties
        As they came.
    without
        Names that must not be kept.
    """
    lines = _lines(properties) if "products" in properties or "items" in properties else None
    if lines is None or not lines.products:
        return [_fields(meaning, properties, None, without)]
    own = any(read_id(properties.get(name)) for name in ("product_id", "sku"))
    if meaning.each and not own and len(lines.products) <= _MOST_EACH:
        around = {name: properties[name] for name in properties if name not in _LISTS}
        if len(lines.products) > 1:
            # It is of all of them together.
            around.pop("value", None)
        return [
            _fields(meaning, {**around, **_named_as_ours(product)}, None, without)
            for product in lines.products
        ]
    return [_fields(meaning, properties, lines, without)]


def _lines(properties: Mapping[str, Any]) -> Lines | None:
    for name in _LISTS:
        if isinstance(products := properties.get(name), list):
            return Lines(products)
    return None


def _named_as_ours(product: Mapping[str, Any]) -> dict[str, Any]:
    return {_RENAMED.get(name, name): value for name, value in product.items()}


def _fields(
    meaning: Meaning, properties: Mapping[str, Any], lines: Lines | None, without: Collection[str]
) -> Fields:
    fields: Fields = {"type": meaning.type}
    kept: Scalars = {} if lines is None else lines.listed()
    odd: dict[str, Any] = {}
    taken: dict[str, Place] = {}
    places = meaning.reads
    for name, value in properties.items():
        if name in places:
            place = places[name]
            read = place.read(value)
            if read is not None:
                before = taken.get(place.field)
                if before is None or place.rank < before.rank:
                    taken[place.field] = place
                    fields[place.field] = read
                    if before is None:
                        continue
                    name = before.name
                    value = properties[name]
        elif name in _NOT_THEIRS and (name in OURS or lines is not None):
            continue
        # Most values are plain, and need none of the care that nested and long ones do.
        kind = type(value)
        if kind is str:
            plain = len(value) <= LONGEST_TEXT
        elif kind is int:
            plain = -_PLAIN <= value <= _PLAIN
        else:
            plain = kind is float or kind is bool
        if plain and 0 < len(name) <= LONGEST_NAME:
            kept[name] = value
        elif value is not None:
            odd[name] = value
    if lines is not None:
        _take_lines(fields, meaning, lines)
    if odd or len(kept) > MOST_OWN or (without and not kept.keys().isdisjoint(without)):
        kept = flat({**kept, **odd}, MOST_OWN, without)
    fields["properties"] = kept
    return fields


def _take_lines(fields: Fields, meaning: Meaning, lines: Lines) -> None:
    """Fill from the products what the event itself does not say."""
    if (item := lines.item_id()) is not None:
        fields.setdefault("item_id", item)
    if category := lines.shared("category", "item_category"):
        fields.setdefault("category", cut(category, LONGEST_USER))
    if meaning.counts:
        fields.setdefault("quantity", min(lines.quantity or 0, 1e9))
        if "price" not in fields and (value := lines.value) is not None:
            fields.setdefault("amount", min(value, 1e9))


def fitting(event: Event) -> Event:
    """Return an event that is not too large for one: its longest values go first.

    Examples
    --------
    >>> large = {f"p{number}": "x" * 1_000 for number in range(40)}
    >>> event = fitting(Event(event_id="m", user_id="ada", type="t", time=0, properties=large))
    >>> len(event.properties), event.properties["properties_left_out"]
    (32, 9)
    """
    while (over := len(encode_event(event)) - _MOST_BYTES) > 0:
        event = _smaller(event, over)
    return event


def _half(text: str | None) -> str | None:
    return text and text[: len(text) // 2] + CUT


def _smaller(event: Event, over: int) -> Event:
    """Return an event that is smaller by ``over`` bytes, or has nothing left to let go."""
    name = next(
        (name for name in ("properties", "traits") if getattr(event, name).keys() - OURS), ""
    )
    if not name:
        return msgspec.structs.replace(event, text=_half(event.text), query=_half(event.query))
    values = dict(getattr(event, name))
    known = values.pop(LEFT_OUT, 0)
    left = known if isinstance(known, int) else 0
    sizes = {key: len(msgspec.json.encode({key: value})) for key, value in values.items()}
    for key in sorted(sizes, key=lambda key: -sizes[key]):
        if over <= 0:
            break
        if key not in OURS:
            del values[key]
            over -= sizes[key]
            left += 1
    values[LEFT_OUT] = left
    return msgspec.structs.replace(event, **{name: values})
