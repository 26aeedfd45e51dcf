"""What a shop may say of an event, and the event that comes of it: checked, and with an id."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from hashlib import blake2b
from typing import Any, Final, TypedDict
from urllib.parse import quote

import msgspec

from features import Event, InvalidEvent, Kind, decode_event, encode_event

Scalar = str | int | float | bool | None
Amount = float | Decimal


class _Needed(TypedDict):
    user_id: str
    type: str
    time: datetime | int


class EventFields(_Needed, total=False):
    """The fields of an `Event` as keyword arguments; ``event_id`` may be left out."""

    event_id: str | None
    session_id: str | None
    item_id: str | None
    category: str | None
    price: Amount | None
    quantity: Amount | None
    amount: Amount | None
    currency: str | None
    order_id: str | None
    query: str | None
    rating: float | None
    text: str | None
    campaign: str | None
    traits: Mapping[str, Scalar]
    properties: Mapping[str, Scalar]
    v: int


#: Stands for the id while the rest of an event is looked at.
_UNNAMED: Final = "?"
_encoder = msgspec.json.Encoder(decimal_format="number")
#: What JavaScript's encodeURIComponent leaves as it is: the tracker makes the same ids.
_PLAIN: Final = "!'()*"
#: The longest id that a tracker may send.
_LONGEST: Final = 100


def worded(fields: Mapping[str, Any]) -> tuple[Event, bytes]:
    """Return the event that fields give, and its message.

    Parameters
    ----------
    fields
        As `EventFields` has them.

    Raises
    ------
    InvalidEvent
        If the workers would refuse it; says which field is wrong, and why.

    Examples
    --------
    >>> event, message = worded(
    ...     {"user_id": "ada", "type": "purchase", "time": 0, "order_id": "o-12",
    ...      "amount": Decimal("39.90")}
    ... )
    >>> event.event_id, event.amount
    ('purchase:o-12', 39.9)
    """
    _check_numbers(fields)
    given = fields.get("event_id")
    try:
        raw = _encoder.encode({**fields, "event_id": _UNNAMED if given is None else given})
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidEvent(str(error)) from None
    event = decode_event(raw)
    # However it was written, it is the same moment, and gives the same id.
    event = msgspec.structs.replace(event, time=event.at)
    if given is None:
        event = msgspec.structs.replace(event, event_id=own_id(event))
    return event, checked(event)


def checked(event: Event) -> bytes:
    """Return the message of an event, if the workers will take it; else raise `InvalidEvent`."""
    _check_numbers({name: getattr(event, name) for name in event.__struct_fields__})
    try:
        message = encode_event(event)
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidEvent(str(error)) from None
    decode_event(message)
    return message


def own_id(event: Event) -> str:
    """Return the id of an event that was given none: the same whenever the same is published.

    An order is bought once, and so is each article of it: ``purchase:ORDER`` or
    ``purchase:ORDER:ARTICLE``, as the tracker names an order. Of anything else it is a hash of all
    that the event says.

    Examples
    --------
    >>> own_id(Event(event_id="?", user_id="ada", type="order_completed", time=0, order_id="o 1"))
    'purchase:o%201'
    """
    if event.kind is Kind.PURCHASE and event.order_id is not None:
        parts = ["purchase", event.order_id, *([event.item_id] if event.item_id else [])]
        name = ":".join(quote(part, safe=_PLAIN) for part in parts)
        if len(name) <= _LONGEST:
            return name
    said = encode_event(msgspec.structs.replace(event, event_id=_UNNAMED))
    return blake2b(said, digest_size=16).hexdigest()


def _check_numbers(fields: Mapping[str, Any]) -> None:
    """Refuse what is no number: JSON has no word for it, and the amount would just be gone."""
    for name, value in _numbers(fields):
        if not math.isfinite(value):
            raise InvalidEvent(f"must be a number, not {value}", name)


def _numbers(fields: Mapping[str, Any]) -> Iterator[tuple[str, float | Decimal]]:
    for name, value in fields.items():
        if isinstance(value, float | Decimal):
            yield name, value
        elif isinstance(value, Mapping):
            yield from _numbers(value)
