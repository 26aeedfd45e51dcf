"""How each field of an event is read from what a shop wrote; None for what is none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from streams.collect.tracking.carried import cut, read_number, scalar
from streams.collect.tracking.identity import read_id

_LONGEST_ID: Final = 200
_LONGEST_TEXT: Final = 4_000
_MOST_STARS: Final = 5


def _id(value: object) -> str | None:
    text = value.strip() if type(value) is str else read_id(value)
    if not text:
        return None
    return text if len(text) <= _LONGEST_ID else cut(text, _LONGEST_ID)


def _text(value: object) -> str | None:
    if isinstance(value, str):
        text = value.strip()
    elif isinstance(value, dict | list) and value:
        text = str(scalar(value))
    else:
        text = read_id(value) or ""
    return cut(text, _LONGEST_TEXT) if text else None


def _currency(value: object) -> str | None:
    # What is no currency stays a property.
    if not isinstance(value, str) or len(value) > _LONGEST_ID:
        return None
    text = value.strip()
    return text.upper() if len(text) == 3 and text.isascii() and text.isalpha() else None


def _quantity(value: object) -> float | None:
    number = read_number(value)
    return None if number is None or number < 0 else number


def _stars(value: object) -> float | None:
    number = read_number(value)
    return None if number is None or not 0 <= number <= _MOST_STARS else number


READERS: Final[dict[str, Callable[[object], Any]]] = {
    "item_id": _id,
    "category": _id,
    "order_id": _id,
    "campaign": _id,
    "price": read_number,
    "quantity": _quantity,
    "amount": read_number,
    "currency": _currency,
    "rating": _stars,
    "text": _text,
    "query": _text,
}
