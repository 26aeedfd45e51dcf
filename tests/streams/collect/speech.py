"""A stand-in for the Segment protocol: what the door needs of it, and no more."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from features import Event, Millis
from streams.collect.taking import Segment


class Bad(ValueError):
    """The whole request cannot be read."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code)
        self.code = code
        self.message = message


@dataclass
class Item:
    """A message."""

    index: int
    said: dict[str, Any]

    @property
    def raw(self) -> bytes:
        return json.dumps(self.said).encode()


@dataclass
class RefusedItem:
    """A message that cannot be read."""

    index: int
    code: str
    message: str
    raw: bytes


@dataclass
class Request:
    """What was sent."""

    write_key: str | None
    sent_at: Millis | None
    items: list[Item] = field(default_factory=list)
    refused: list[RefusedItem] = field(default_factory=list)


@dataclass
class Translated:
    """What became of a message."""

    events: list[Event]
    refused: str | None = None


def read(path: str, body: bytes, header: str | None, query: str | None) -> Request:
    try:
        said = json.loads(body)
    except ValueError as error:
        raise Bad("invalid_json", str(error)) from None
    if not isinstance(said, dict):
        raise Bad("invalid_body", "not an object")
    items = said.get("batch", []) if path == "batch" else [said]
    request = Request(header or said.get("writeKey") or query, None)
    for index, item in enumerate(items):
        if isinstance(item, dict):
            request.items.append(Item(index, item))
        else:
            raw = json.dumps(item).encode()
            request.refused.append(RefusedItem(index, "invalid_message", "not an object", raw))
    return request


def translate(
    item: Item, source: str, received_at: Millis, sent_at: Millis | None, opted_out: bool
) -> Translated:
    said = item.said
    if opted_out:
        return Translated([], "no_consent")
    if not said.get("userId"):
        return Translated([], "no_identity")
    event = Event(
        event_id=said.get("messageId", "m"),
        user_id=said["userId"],
        type=said.get("event", "visit"),
        time=received_at,
        text=said.get("text"),
    )
    return Translated([event])


def keeps(item: Item | None, source: str, opted_out: bool) -> bool:
    return not opted_out


SEGMENT = Segment(read, translate, str, Bad, keeps)
