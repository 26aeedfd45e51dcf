"""The door for storefronts: what their SDKs send, and what it is to us."""

from streams.collect.consent import ConsentRules
from streams.collect.identity import customer_name, visitor_name
from streams.collect.protocol import BadRequest, Item, Refused, Request, read_request
from streams.collect.translation import (
    DIRECT_IDENTIFIERS,
    REFUSALS,
    Source,
    Translated,
    translate,
)

__all__ = [
    "DIRECT_IDENTIFIERS",
    "REFUSALS",
    "BadRequest",
    "ConsentRules",
    "Item",
    "Refused",
    "Request",
    "Source",
    "Translated",
    "customer_name",
    "read_request",
    "translate",
    "visitor_name",
]
