"""What storefronts send by the Segment protocol and GA4's names, and what it is to us."""

from streams.collect.tracking.consent import ConsentRules
from streams.collect.tracking.identity import customer_name, visitor_name
from streams.collect.tracking.protocol import BadRequest, Item, Refused, Request, read_request
from streams.collect.tracking.translation import (
    DIRECT_IDENTIFIERS,
    REFUSALS,
    Source,
    Translated,
    may_keep,
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
    "may_keep",
    "read_request",
    "translate",
    "visitor_name",
]
