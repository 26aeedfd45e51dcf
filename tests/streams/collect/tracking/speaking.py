"""Messages as SDKs send them, and what becomes of one."""

from __future__ import annotations

import json
from typing import Any

from msgspec.structs import asdict

from features import Event, decode_event, encode_event
from streams.collect.tracking import Source, Translated, read_request, translate

#: 2026-01-01T00:00:00Z
NOW = 1_767_225_600_000
THEN = "2025-12-31T23:59:00.000Z"
P = {
    "product_id": "507f1f77bcf86cd799439011",
    "sku": "45790-32",
    "category": "Games",
    "name": "Monopoly: 3rd Edition",
    "brand": "Hasbro",
    "variant": "200 pieces",
    "price": 19.5,
    "quantity": 2,
    "coupon": "MAYDEALS",
    "position": 3,
    "url": "https://www.example.com/product/path",
    "image_url": "https://www.example.com/product/path.jpg",
}
#: What is left of P as properties.
P_REST = {name: P[name] for name in ("sku", "name", "brand", "variant", "coupon", "position")} | {
    "url": P["url"],
    "image_url": P["image_url"],
}


def message(**fields: Any) -> dict[str, Any]:
    """Return a track call of ada, with some fields other than usual."""
    usual = {"type": "track", "messageId": "m-1", "userId": "ada", "timestamp": THEN}
    return {**usual, **fields}


def sent(content: dict[str, Any], source: Source | None = None, **keywords: Any) -> Translated:
    """Return what a message becomes that came by itself."""
    path = content.get("type", "track")
    request = read_request(path, json.dumps(content).encode())
    assert request.refused == []
    return translate(request.items[0], source or Source(), NOW, request.sent_at, **keywords)


def events(content: dict[str, Any], source: Source | None = None, **keywords: Any) -> list[Event]:
    """Return the events of a message, which every reader of the topic would accept."""
    found = sent(content, source, **keywords)
    assert found.refused is None
    for event in found.events:
        assert asdict(decode_event(encode_event(event))) == asdict(event)
    return found.events


def event(content: dict[str, Any], source: Source | None = None, **keywords: Any) -> Event:
    """Return the one event of a message."""
    [one] = events(content, source, **keywords)
    return one


def fields(of: Event) -> dict[str, Any]:
    """Return what an event says, without whose, which and when."""
    content = json.loads(encode_event(of))
    for name in ("event_id", "user_id", "time"):
        del content[name]
    return content
