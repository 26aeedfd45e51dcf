"""What a customer did, as it comes over the wire: one frozen type, decoded once at the edge.

An `Event` is what storefronts publish on ``clickstream``. From `decode_event` on, the type is
trusted and never checked again. Two promises to the people who publish:

- an event type that nobody has heard of is welcome; it is counted as `Kind.OTHER`;
- a field that nobody has heard of is kept in ``properties``, within bounds.
"""

from __future__ import annotations

import re
from datetime import datetime
from enum import IntEnum
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from features.timeline import Millis, from_datetime

SCHEMA_VERSION: Final = 1
MAX_EVENT_BYTES: Final = 32 * 1024
MAX_PROPERTIES: Final = 64
MAX_TRAITS: Final = 32
MAX_KEY: Final = 100

Id = Annotated[str, Meta(min_length=1, max_length=200)]
Name = Annotated[str, Meta(min_length=1, max_length=100)]
Text = Annotated[str, Meta(max_length=4_000)]
Money = Annotated[float, Meta(ge=-1e9, le=1e9)]
Key = Annotated[str, Meta(min_length=1, max_length=MAX_KEY)]
#: Beyond 64 bits, hardly anybody who reads the event again could hold the number.
Whole = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Value = Annotated[str, Meta(max_length=1_000)] | Whole | float | bool | None
#: The end of 2099, in milliseconds.
LATEST: Final = 4_102_444_800_000
EpochMillis = Annotated[int, Meta(ge=0, le=LATEST)]


class Event(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """Something a customer did, at an event time.

    Parameters
    ----------
    event_id
        Unique for what happened; a retry carries the same one and is not counted twice.
    user_id
        Who did it; also the Kafka key, so that one customer's events stay in order.
    type
        What happened: ``page_viewed``, ``product_viewed``, ``searched``, ``product_added``,
        ``checkout_started``, ``purchase``, ``refund``, ``complaint``, ``review``, and so on.
        `KINDS` lists those with a meaning; any other is counted as `Kind.OTHER`.
        ``unsubscribed`` and ``subscribed`` say whether the customer wants messages, over the
        channel that the property ``channel`` names or over all.
    time
        When it happened: ISO 8601 with a zone, or integer milliseconds since 1970 (UTC).
    session_id, item_id, category, order_id, query, text, campaign
        What e-commerce events carry, where it applies.
    price, quantity, amount
        Price of one unit, how many, and the value of the whole event in ``currency``.
        Without ``amount`` the value is ``price * quantity``.
    currency
        ISO 4217; amounts are taken as they are and never converted.
    rating
        From 1 (bad) to 5 (good).
    traits
        What the shop knows about the customer (tier, age band, ...). Kept with the customer;
        part of the model only where the settings name them.
    properties
        Everything else, at most 64 scalars.
    v
        Version of this schema.

    Examples
    --------
    >>> event = decode_event(
    ...     b'{"event_id":"e1","user_id":"ada","type":"purchase",'
    ...     b'"time":"2026-01-01T00:00:00Z","price":9.5,"quantity":2,"gift":true}'
    ... )
    >>> event.at, event.kind.name, event.value, event.properties
    (1767225600000, 'PURCHASE', 19.0, {'gift': True})
    """

    event_id: Id
    user_id: Id
    type: Name
    time: Annotated[datetime, Meta(tz=True)] | EpochMillis
    session_id: Id | None = None
    item_id: Id | None = None
    category: Id | None = None
    price: Money | None = None
    quantity: Annotated[float, Meta(ge=0, le=1e9)] | None = None
    amount: Money | None = None
    currency: Annotated[str, Meta(min_length=3, max_length=3)] | None = None
    order_id: Id | None = None
    query: Text | None = None
    rating: Annotated[float, Meta(ge=0, le=5)] | None = None
    text: Text | None = None
    campaign: Id | None = None
    traits: Annotated[dict[Key, Value], Meta(max_length=MAX_TRAITS)] = {}
    properties: Annotated[dict[Key, Value], Meta(max_length=MAX_PROPERTIES)] = {}
    v: Annotated[int, Meta(ge=1, le=SCHEMA_VERSION)] = SCHEMA_VERSION

    @property
    def at(self) -> Millis:
        """Event time in milliseconds."""
        time = self.time
        return time if isinstance(time, int) else from_datetime(time)

    @property
    def kind(self) -> Kind:
        """What this type means to the features."""
        return KINDS.get(self.type, _OTHER)

    @property
    def value(self) -> float:
        """What the event is worth, in its currency; 0 when it carries no money."""
        if self.amount is not None:
            return self.amount
        if self.price is None:
            return 0.0
        return self.price * (1.0 if self.quantity is None else self.quantity)


class Kind(IntEnum):
    """The few things that an event type can mean to a shop. Stored as numbers: append only."""

    OTHER = 0
    VISIT = 1
    VIEW = 2
    SEARCH = 3
    CART = 4
    UNCART = 5
    CHECKOUT = 6
    PURCHASE = 7
    REFUND = 8
    CANCEL = 9
    COMPLAINT = 10
    REVIEW = 11
    WISH = 12
    COUPON = 13
    MESSAGE = 14
    ACCOUNT = 15


_OTHER: Final = Kind.OTHER
#: Event type to meaning. To teach the product a new type, add a line here.
KINDS: Final[dict[str, Kind]] = {
    "page_viewed": Kind.VISIT,
    "screen_viewed": Kind.VISIT,
    "promotion_viewed": Kind.VISIT,
    "promotion_clicked": Kind.VISIT,
    "visit": Kind.VISIT,
    "product_viewed": Kind.VIEW,
    "product_clicked": Kind.VIEW,
    "product_list_viewed": Kind.VIEW,
    "product_list_filtered": Kind.VIEW,
    "searched": Kind.SEARCH,
    "product_added": Kind.CART,
    "product_removed": Kind.UNCART,
    "cart_viewed": Kind.VIEW,
    "checkout_started": Kind.CHECKOUT,
    "checkout_step_viewed": Kind.CHECKOUT,
    "checkout_step_completed": Kind.CHECKOUT,
    "payment_info_entered": Kind.CHECKOUT,
    "purchase": Kind.PURCHASE,
    "order_completed": Kind.PURCHASE,
    "refund": Kind.REFUND,
    "order_refunded": Kind.REFUND,
    "return": Kind.REFUND,
    "order_cancelled": Kind.CANCEL,
    "complaint": Kind.COMPLAINT,
    "review": Kind.REVIEW,
    "product_reviewed": Kind.REVIEW,
    "rating": Kind.REVIEW,
    "wishlist_added": Kind.WISH,
    "wishlist_removed": Kind.WISH,
    "product_shared": Kind.WISH,
    "coupon": Kind.COUPON,
    "coupon_entered": Kind.COUPON,
    "coupon_applied": Kind.COUPON,
    "coupon_denied": Kind.COUPON,
    "coupon_removed": Kind.COUPON,
    "message_opened": Kind.MESSAGE,
    "message_clicked": Kind.MESSAGE,
    "signed_up": Kind.ACCOUNT,
    "logged_in": Kind.ACCOUNT,
    "identified": Kind.ACCOUNT,
}

#: A review at or below this many stars is a distress event.
LOW_RATING: Final = 2.0
_DISTRESS = frozenset({Kind.REFUND, Kind.CANCEL, Kind.COMPLAINT})


def is_distress(kind: Kind, rating: float | None) -> bool:
    """Whether the event says that something went wrong for the customer.

    Examples
    --------
    >>> is_distress(Kind.COMPLAINT, None), is_distress(Kind.REVIEW, 1.0)
    (True, True)
    >>> is_distress(Kind.REVIEW, 4.0), is_distress(Kind.PURCHASE, None)
    (False, False)
    """
    return kind in _DISTRESS or (rating is not None and rating <= LOW_RATING)


class InvalidEvent(ValueError):
    """The bytes are not an event; says which field is wrong and why.

    Parameters
    ----------
    reason
        What is wrong, in words.
    field
        Path of the field, such as ``price``; empty when the whole message cannot be read.
    """

    def __init__(self, reason: str, field: str = "") -> None:
        super().__init__(f"{field}: {reason}" if field else reason)
        self.reason = reason
        self.field = field


class _Strict(Event, frozen=True, forbid_unknown_fields=True):
    """An event with no unknown fields: one pass of the decoder is enough."""


_FIELDS: Final = frozenset(Event.__struct_fields__)
_strict = msgspec.json.Decoder(_Strict)
_loose = msgspec.json.Decoder(Event)
_anything = msgspec.json.Decoder(dict[str, msgspec.Raw])
_value: Final[msgspec.json.Decoder[str | int | float | bool | None]] = msgspec.json.Decoder(Value)
_encoder = msgspec.json.Encoder()

_ESCAPE: Final = ord("\\")
_CONTROL: Final = re.compile(r"[\x00-\x1f]")
_MISSING: Final = re.compile(r"Object missing required field `(\w+)`")
#: Characters of a sender's own field name that are quoted in an error.
_QUOTED: Final = 60


def decode_event(raw: bytes | None) -> Event:
    """Decode and validate one message of ``clickstream``.

    Parameters
    ----------
    raw
        The message's value, UTF-8 JSON, at most 32 KiB.

    Returns
    -------
    Event
        Valid by its schema; unknown scalar fields moved into ``properties``.

    Raises
    ------
    InvalidEvent
        With the reason and the field, for the dead-letter topic.

    Examples
    --------
    >>> decode_event(b'{"event_id":"e1","user_id":"ada","type":"purchase","time":"yesterday"}')
    Traceback (most recent call last):
    ...
    features.events.InvalidEvent: time: Invalid RFC3339 encoded datetime
    """
    if not raw:
        raise InvalidEvent("the message is empty")
    if len(raw) > MAX_EVENT_BYTES:
        raise InvalidEvent(f"{len(raw)} bytes are more than the {MAX_EVENT_BYTES} of an event")
    try:
        event: Event = _strict.decode(raw)
    except msgspec.ValidationError as error:
        if "unknown field" not in str(error):
            raise _invalid(error) from None
        event = _with_unknown_fields(raw)
    except _UNREADABLE as error:
        raise _unreadable(error) from None
    # A number is within its bounds by its type; a written date is held to the same ones, since
    # nobody's clock shows the year 9999.
    time = event.time
    if not isinstance(time, int) and not 0 <= from_datetime(time) <= LATEST:
        raise InvalidEvent("the time must lie between 1970 and 2100", "time")
    # JSON can carry a control character by an escape only, and most events have none.
    if _ESCAPE in raw:
        _check_legible(event)
    return event


def _check_legible(event: Event) -> None:
    """Refuse control characters in what becomes keys, lines of logs and other people's columns."""
    for field in ("event_id", "user_id", "type"):
        if _CONTROL.search(getattr(event, field)):
            raise InvalidEvent("must hold no control characters", field)


def _with_unknown_fields(raw: bytes) -> Event:
    try:
        event = _loose.decode(raw)
        everything = _anything.decode(raw)
    except msgspec.ValidationError as error:
        raise _invalid(error) from None
    except _UNREADABLE as error:
        raise _unreadable(error) from None
    unknown = sorted(everything.keys() - _FIELDS)
    count = len(event.properties.keys() | unknown)
    if count > MAX_PROPERTIES:
        raise InvalidEvent(f"{count} properties are more than {MAX_PROPERTIES}", "properties")
    merged = {name: _scalar(name, everything[name]) for name in unknown}
    return msgspec.structs.replace(event, properties=merged | event.properties)


def _scalar(name: str, raw: msgspec.Raw) -> str | int | float | bool | None:
    """Return the value of a field that nobody has heard of."""
    try:
        if not 1 <= len(name) <= MAX_KEY:
            reason = f"the name of a field must have 1 to {MAX_KEY} characters"
            raise InvalidEvent(reason, _quoted(name))
        return _value.decode(raw)
    except msgspec.ValidationError as error:
        reason = f"an unknown field must be a short scalar: {_invalid(error).reason}"
        raise InvalidEvent(reason, _quoted(name)) from None
    except _UNREADABLE as error:
        raise InvalidEvent(_unreadable(error).reason, _quoted(name)) from None


def _quoted(name: str) -> str:
    """Return a sender's own name of a field so that it can stand in a line of a log."""
    signs = name[:_QUOTED]
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in signs)


#: What the decoder raises for bytes that are not JSON at all.
_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def _unreadable(error: Exception) -> InvalidEvent:
    if isinstance(error, RecursionError):
        return InvalidEvent("the JSON is nested too deeply")
    return InvalidEvent(str(error))


def _invalid(error: msgspec.ValidationError) -> InvalidEvent:
    # The path is that of a value, "$.properties[...]", or "key` in `$.properties".
    reason, _, path = str(error).partition(" - at `")
    field = path.partition("$")[2].rstrip("`").removeprefix(".")
    if not field and (missing := _MISSING.fullmatch(reason)):
        field = missing[1]
    return InvalidEvent(reason, field)


def encode_event(event: Event) -> bytes:
    """Encode an event as the JSON that `decode_event` reads.

    Examples
    --------
    >>> encode_event(Event(event_id="e1", user_id="ada", type="purchase", time=0))
    b'{"event_id":"e1","user_id":"ada","type":"purchase","time":0}'
    """
    return _encoder.encode(event)
