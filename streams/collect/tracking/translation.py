"""From one message of an SDK to our events: what the whole room is about.

Rules:

- One message is one event; one about several products (GA4) is an event for each.
- ``messageId`` is the event's id, so that a retry is known as one. A message without one has an
  id derived from its content, all but when it was sent: the same content is the same event.
- Who is logged in is the customer; the visitor that they were comes along as the property
  ``anonymous_id``.
- Who says who they are (``identify`` with both ids, ``alias``) also brings about an event of the
  visitor that names the customer, by which what the visitor did becomes the customer's.
- Of the context only the campaign, the page's path and the host that referred to it are kept, and
  with the customer the time zone and what was agreed to, if somebody wants to know it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import msgspec

from features import LINK_TYPE, LINKED_TO, Event, Millis
from streams.collect.tracking.carried import MAX_TRAITS, cut, flat
from streams.collect.tracking.commerce import meaning
from streams.collect.tracking.consent import ConsentRules, Standing, preferences, without_identity
from streams.collect.tracking.fields import MOST_OWN, Fields, fitting, read_fields
from streams.collect.tracking.identity import (
    LONGEST_MESSAGE,
    LONGEST_USER,
    LONGEST_VISITOR,
    customer_name,
    digest,
    fitted,
    read_id,
    visitor_name,
)
from streams.collect.tracking.protocol import Item, Message
from streams.collect.tracking.skew import event_time, read_time
from streams.collect.tracking.surroundings import Surroundings, host_of, short_text, surround
from streams.collect.tracking.telling import tell, told

#: Traits that name or find a person. The shop knows them by the customer's id; nothing here does.
DIRECT_IDENTIFIERS: Final = frozenset(
    {
        *("address", "avatar", "birthday", "email", "name", "phone", "username"),
        *("firstName", "firstname", "first_name", "lastName", "lastname", "last_name"),
    }
)
#: Why a message becomes no event: for programs, and in words.
REFUSALS: Final[Mapping[str, str]] = {
    "unknown_call": "the type must be track, identify, page, screen, group or alias",
    "user_missing": "there must be a userId or an anonymousId",
    "event_missing": "a track call must name its event",
    "previous_missing": "an alias call must name its previousId",
    "consent_missing": "the customer has not agreed to be known",
}


@dataclass(frozen=True)
class Source:
    """What is agreed with one source of events.

    Parameters
    ----------
    name
        What people call it.
    consent
        What it needs before it may know its customers.
    currency
        ISO 4217, of amounts that name none.
    withheld
        Names of traits that are never stored: by default those that name or find a person.
    withheld_properties
        Names of properties that are never stored.
    zones
        Whether the time zone of devices is kept with customers.
    categories
        Of the consent banner, those of which it is kept whether a customer agreed.
    """

    name: str = ""
    consent: ConsentRules = field(default_factory=ConsentRules)
    currency: str | None = None
    withheld: frozenset[str] = DIRECT_IDENTIFIERS
    withheld_properties: frozenset[str] = frozenset()
    zones: bool = True
    categories: tuple[str, ...] = ()


class Translated(NamedTuple):
    """What a message became: events, or the reason (one of `REFUSALS`) why there are none."""

    events: list[Event]
    refused: str | None = None


class _Refusal(Exception):
    """Why a message becomes no event."""


def _agreed(around: Surroundings) -> object:
    """Return what somebody agreed to, in whichever way it is told."""
    if around.consent is None:
        return preferences(around.consent_management)
    return around.consent


def may_keep(item: Item | None, source: Source, opted_out: bool) -> bool:
    """Return whether a message that became no event may be kept to be looked at.

    Parameters
    ----------
    item
        The message; None when it could not be read, and so does not say what was agreed to.
    source
        Who sent it.
    opted_out
        Whether the browser sent ``DNT: 1`` or ``Sec-GPC: 1``.

    Examples
    --------
    >>> may_keep(None, Source(consent=ConsentRules(required=("analytics",), unknown=False)), False)
    False
    """
    around = None if item is None else item.around
    agreed = _agreed(around or _NOTHING)
    return source.consent.standing(agreed, opted_out) is Standing.KEEP


def translate(
    item: Item,
    source: Source,
    received_at: Millis,
    sent_at: Millis | None = None,
    opted_out: bool = False,
) -> Translated:
    """Return the events that a message is.

    Parameters
    ----------
    item
        The message, as `read_request` found it.
    source
        Who sent it, and what is agreed with them.
    received_at
        When the request came.
    sent_at
        When the device says that it sent the request; None where only the message says so.
    opted_out
        Whether the browser sent ``DNT: 1`` or ``Sec-GPC: 1``.

    Returns
    -------
    Translated
        Events that pass `features.decode_event`, or a refusal; never an exception.

    Examples
    --------
    >>> from streams.collect.tracking.protocol import read_request
    >>> request = read_request("track", b'''{"userId": "ada", "messageId": "m-1",
    ...     "event": "Order Completed", "timestamp": "2026-01-01T00:00:00Z",
    ...     "properties": {"order_id": "o-12", "total": 39.9, "currency": "EUR",
    ...         "products": [{"sku": "a", "quantity": 2}, {"sku": "b"}]}}''')
    >>> [event] = translate(request.items[0], Source(), received_at=1_767_225_600_000).events
    >>> event.type, event.amount, event.quantity, event.properties["products"]
    ('purchase', 39.9, 3.0, '[["a",2,null],["b",1,null]]')
    """
    message = item.message
    try:
        read = _CALLS.get(item.call)
        if read is None:
            raise _Refusal("unknown_call")
        around = item.around or _NOTHING
        agreed = _agreed(around)
        standing = source.consent.standing(agreed, opted_out)
        if standing is Standing.REFUSE:
            raise _Refusal("consent_missing")
        user_id, visitor = _who(message)
        found = read(message, around, source)
    except _Refusal as refusal:
        return Translated([], str(refusal))
    if sent_at is None:
        sent_at = read_time(message.sent_at)
    at = event_time(received_at, sent_at, _original(message))
    message_id = read_id(message.message_id)
    event_id = fitted(message_id, LONGEST_MESSAGE) if message_id else _content_id(item)
    zone = around.timezone if source.zones else None
    asked = zone is not None or source.categories
    if asked and (traits := told(item.call, zone, agreed, source.categories)):
        tell(found[0], traits)
    events = []
    for number, fields in enumerate(found, start=1):
        fields["event_id"] = event_id if len(found) == 1 else f"{event_id}/{number}"
        fields["user_id"] = user_id
        fields["time"] = at
        surround(fields, around)
        if visitor is not None:
            fields.setdefault("properties", {})["anonymous_id"] = visitor
        if source.currency and "currency" not in fields and _MONEY & fields.keys():
            fields["currency"] = source.currency
        event = Event(**fields)
        events.append(event if item.small else fitting(event))
    if standing is Standing.ANONYMISE:
        if item.call in _ABOUT_IDENTITY:
            return Translated([], "consent_missing")
        events = [without_identity(event) for event in events]
    elif (known := _known_as(item, visitor)) is not None:
        events.append(_link(known, events[0]))
    return Translated(events)


def _known_as(item: Item, visitor: str | None) -> str | None:
    """Return the visitor of whom a message says which customer they are; None for no such."""
    if item.call == "alias":
        previous = read_id(item.message.previous_id)
        return previous and visitor_name(previous)
    return visitor_name(visitor) if visitor is not None and item.call == "identify" else None


def _link(visitor: str, said: Event) -> Event:
    """Return the event of a visitor that names the customer; its id follows from the message's."""
    return Event(
        event_id=f"{said.event_id}/link",
        user_id=visitor,
        type=LINK_TYPE,
        time=said.time,
        properties={LINKED_TO: said.user_id},
    )


def _who(message: Message) -> tuple[str, str | None]:
    """Return whose event it is, and which visitor they were where both are told."""
    user_id, anonymous_id = read_id(message.user_id), read_id(message.anonymous_id)
    if user_id is None:
        if anonymous_id is None:
            raise _Refusal("user_missing")
        return visitor_name(anonymous_id), None
    return customer_name(user_id), anonymous_id and fitted(anonymous_id, LONGEST_VISITOR)


def _original(message: Message) -> Millis | None:
    # Where both are told, as by RudderStack's Node SDK, the second is when the call was made, and
    # the first is when the shop says that it happened.
    told = read_time(message.timestamp)
    return read_time(message.original_timestamp) if told is None else told


def _content_id(item: Item) -> str:
    """Return an id for a message that has none: the same for the same content."""
    try:
        content = msgspec.json.decode(item.raw)
        for name in ("sentAt", "writeKey"):
            content.pop(name, None)
        canonical = msgspec.json.encode(content, order="deterministic")
    except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError):
        # Something in it that nothing else reads; its bytes are a content, too.
        canonical = bytes(item.raw)
    return f"content-{digest(item.call.encode() + canonical)}"


# -- the calls ----------------------------------------------------------------------------------


def _track(message: Message, _: Surroundings, source: Source) -> list[Fields]:
    name = read_id(message.event)
    if name is None or (what := meaning(name)) is None:
        raise _Refusal("event_missing")
    return read_fields(what, _dict(message.properties), source.withheld_properties)


#: Of a page's address only the path is kept: queries hold searches, tokens and e-mail addresses.
#: RudderStack's web SDK tells two more addresses, query and all.
_OF_ADDRESSES: Final = frozenset(
    {"url", "search", "referrer", "referrer_host", "tab_url", "initial_referrer"}
)


def _page(message: Message, _: Surroundings, source: Source) -> list[Fields]:
    return [_seen("page_viewed", message, source)]


def _screen(message: Message, _: Surroundings, source: Source) -> list[Fields]:
    return [_seen("screen_viewed", message, source)]


def _seen(kind: str, message: Message, source: Source) -> Fields:
    given = _dict(message.properties)
    rest = {name: value for name, value in given.items() if name not in _NOT_OF_PAGES}
    if name := short_text(message.name):
        rest["name"] = name
    if host := host_of(given.get("referrer")):
        rest["referrer_host"] = host
    fields: Fields = {"type": kind}
    if category := read_id(message.category) or read_id(given.get("category")):
        fields["category"] = cut(category, LONGEST_USER)
    fields["properties"] = flat(rest, MOST_OWN, source.withheld_properties)
    return fields


def _identify(message: Message, around: Surroundings, source: Source) -> list[Fields]:
    # Some SDKs of RudderStack tell the traits in the context only.
    traits = {**_dict(around.traits), **_dict(message.traits)}
    return [{"type": "identified", "traits": flat(traits, MAX_TRAITS, source.withheld)}]


def _group(message: Message, _: Surroundings, source: Source) -> list[Fields]:
    rest = flat(_dict(message.traits), MOST_OWN, source.withheld | {"group_id"} | _OURS)
    if group := read_id(message.group_id):
        rest["group_id"] = cut(group, LONGEST_USER)
    return [{"type": "group", "properties": rest}]


def _alias(message: Message, _: Surroundings, __: Source) -> list[Fields]:
    previous = read_id(message.previous_id)
    if previous is None or read_id(message.user_id) is None:
        raise _Refusal("previous_missing")
    return [{"type": "alias", "properties": {"previous_id": fitted(previous, LONGEST_VISITOR)}}]


_OURS: Final = frozenset({"anonymous_id", "previous_id", LINKED_TO})
_NOT_OF_PAGES: Final = _OF_ADDRESSES | _OURS | {"category"}
#: Calls that are about nothing but who somebody is.
_ABOUT_IDENTITY: Final = frozenset({"identify", "group", "alias"})
_NOTHING: Final = Surroundings()
_MONEY: Final = frozenset({"amount", "price"})


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


_CALLS: Final[Mapping[str, Callable[[Message, Surroundings, Source], list[Fields]]]] = {
    "track": _track,
    "identify": _identify,
    "page": _page,
    "screen": _screen,
    "group": _group,
    "alias": _alias,
}
