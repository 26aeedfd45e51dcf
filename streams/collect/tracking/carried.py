"""What an event carries beside its fields: the shop's own properties, made to fit.

An event's properties are at most 64 scalars. So what is nested becomes flat, with dots between
the names (``address.city``), lists become JSON in a text, what is too long is cut and ends in
``…``, and where there are too many the last ones go, and ``properties_left_out`` says how many.
Lists of products have a form of their own, `Lines`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final, TypeAlias

import msgspec

from streams.collect.tracking.identity import read_id

Scalars: TypeAlias = dict[str, str | int | float | bool | None]

#: Bounds of `features.Event`.
MAX_PROPERTIES: Final = 64
MAX_TRAITS: Final = 32
LONGEST_NAME: Final = 100
LONGEST_TEXT: Final = 1_000
LEFT_OUT: Final = "properties_left_out"
CUT: Final = "\N{HORIZONTAL ELLIPSIS}"
_WHOLE: Final = 2**63
#: Deeper than that, what is nested becomes JSON.
_DEEPEST: Final = 4
#: Texts that the list of products may fill.
_MOST_TEXTS: Final = 8
_encode: Final = msgspec.json.Encoder().encode


def flat(values: Mapping[str, Any], most: int, without: Collection[str] = ()) -> Scalars:
    """Return values as the scalars that an event can carry.

    Parameters
    ----------
    values
        As JSON holds them.
    most
        How many there may be.
    without
        Names that are left out, at the top or at any place below.

    Examples
    --------
    >>> flat({"size": {"eu": 42, "us": 9.5}, "tags": ["new", 1], "gift": True, "none": None}, 64)
    {'size.eu': 42, 'size.us': 9.5, 'tags': '["new",1]', 'gift': True}
    >>> flat({"a": 1, "b": 2, "c": 3}, 2)
    {'a': 1, 'properties_left_out': 2}
    """
    found: Scalars = {}
    left = _add(found, values, "", most, without, _DEEPEST)
    if left:
        while len(found) >= most:
            found.popitem()
            left += 1
        found[LEFT_OUT] = left
    return found


def _add(
    found: Scalars,
    values: Mapping[str, Any],
    above: str,
    most: int,
    without: Collection[str],
    deeper: int,
) -> int:
    """Add values; return how many found no place."""
    left = 0
    for name, value in values.items():
        kind = type(value)
        if value is None or not name or (without and name in without):
            continue
        name = above + name
        if kind is dict and deeper:
            left += _add(found, value, f"{name}.", most, without, deeper - 1)
            continue
        if len(name) > LONGEST_NAME:
            name = name[: LONGEST_NAME - 1] + CUT
        if name not in found:
            if len(found) >= most:
                left += 1
                continue
            found[name] = scalar(value)
    return left


def scalar(value: Any) -> str | int | float | bool | None:
    """Return a value as one scalar within bounds.

    Examples
    --------
    >>> scalar([1, {"a": None}]), scalar(2**70), scalar(1.5), len(scalar("x" * 2_000))
    ('[1,{"a":null}]', '1180591620717411303424', 1.5, 1000)
    """
    kind = type(value)
    if kind is str:
        return cut(value, LONGEST_TEXT)
    if kind is int:
        if -_WHOLE <= value < _WHOLE:
            return value  # type: ignore[no-any-return]  # the type was looked at
        return str(value) if value.bit_length() < LONGEST_TEXT else CUT
    if kind is dict or kind is list:
        try:
            return cut(_encode(value).decode(), LONGEST_TEXT)
        except (ValueError, OverflowError, RecursionError):
            return CUT
    return value  # type: ignore[no-any-return]  # a float, a bool or None: JSON has no more


def cut(text: str, most: int) -> str:
    """Return a text of at most ``most`` characters, with a mark where it was cut."""
    return text if len(text) <= most else text[: most - 1] + CUT


class Lines:
    """The products that an event lists.

    Parameters
    ----------
    products
        Its ``products`` or ``items``, as they came.

    Examples
    --------
    >>> lines = Lines([{"sku": "a", "price": 9.5, "quantity": 2}, {"product_id": "b"}, "junk"])
    >>> lines.quantity, lines.value, lines.listed()
    (3.0, 19.0, {'product_count': 2, 'products': '[["a",2,9.5],["b",1,null]]'})
    """

    def __init__(self, products: Iterable[Any]) -> None:
        self.products = [product for product in products if isinstance(product, dict)]
        self._rows = [
            (_product_id(product), _number(product, "quantity"), _number(product, "price"))
            for product in self.products
        ]

    @property
    def quantity(self) -> float | None:
        """How many pieces there are; a product that does not say is one."""
        if not self._rows:
            return None
        return float(sum(1 if quantity is None else quantity for _, quantity, _ in self._rows))

    @property
    def value(self) -> float | None:
        """What they cost together; None where none of them has a price."""
        priced = [
            price * (1 if quantity is None else quantity)
            for _, quantity, price in self._rows
            if price is not None
        ]
        return float(sum(priced)) if priced else None

    def shared(self, *names: str) -> str | None:
        """Return what all products have in common under one of some names, if they do."""
        found = {
            next((text for name in names if (text := read_id(product.get(name)))), None)
            for product in self.products
        }
        return found.pop() if len(found) == 1 else None

    def item_id(self) -> str | None:
        """Return the product, where there is only one."""
        return self._rows[0][0] if len(self._rows) == 1 else None

    def listed(self) -> Scalars:
        """Return the products as properties: how many, and a line ``[id, quantity, price]`` each.

        Of long lists as many whole lines as fit in eight texts: ``products``, ``products.2`` ...
        """
        found: Scalars = {"product_count": len(self._rows)}
        text, room = "", LONGEST_TEXT - 2
        texts: list[str] = []
        for name, quantity, price in self._rows:
            one = 1 if quantity is None else quantity
            line = _encode((name, int(one) if one == int(one) else one, price)).decode()
            if text and len(text) + 1 + len(line) > room:
                texts.append(text)
                text = ""
                if len(texts) == _MOST_TEXTS:
                    break
            text = f"{text},{line}" if text else line
        if text:
            texts.append(text)
        for number, text in enumerate(texts, start=1):
            found["products" if number == 1 else f"products.{number}"] = f"[{text}]"
        return found


_IDS: Final = ("product_id", "productId", "sku", "item_id", "itemId", "id")


def _product_id(product: Mapping[str, Any]) -> str | None:
    found = next((text for name in _IDS if (text := read_id(product.get(name)))), None)
    return found and cut(found, LONGEST_NAME)


def _number(product: Mapping[str, Any], name: str) -> float | None:
    number = read_number(product.get(name))
    return None if number is None or number < 0 else number


def read_number(value: object) -> float | None:
    """Return a number, also when it was written as a text; None for what is none.

    Examples
    --------
    >>> read_number("39.90"), read_number(3), read_number("1_0"), read_number("free")
    (39.9, 3, None, None)
    """
    kind = type(value)
    if kind is float or kind is int:
        number: float = value  # type: ignore[assignment]  # the type was looked at
        return number if -1e9 <= number <= 1e9 else None
    if isinstance(value, str):
        # float() reads "1_000", "nan" and digits of any script; a shop means none of them.
        if not value.isascii() or "_" in value or len(value) > LONGEST_NAME:
            return None
        try:
            number = float(value)
        except ValueError:
            return None
        return number if -1e9 <= number <= 1e9 else None
    return None
