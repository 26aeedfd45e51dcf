"""A body with one thing of our own schemas, or a list of them: taken, or told where it is wrong.

Of a list, what is valid is taken and the rest reported by its place: whoever sends our own schemas
reads the answer. What comes alone is taken or refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

import msgspec

from features import InvalidEvent
from models.deciding import InvalidOutcome
from streams.collect.taken import Taken, Unusable

T = TypeVar("T")
_raw: Final = msgspec.json.Decoder(msgspec.Raw)
_list: Final = msgspec.json.Decoder(list[msgspec.Raw])
_fields: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


class NotEvents(ValueError):
    """The body is none of what may come: one thing, a list, or an object with a list of them."""


@dataclass(frozen=True)
class Listed(Generic[T]):
    """What may be listed.

    Parameters
    ----------
    name
        What they are called, also in ``{"events": [...]}``.
    decode
        Reads one.
    take
        Adds one to what is published.
    invalid
        What ``decode`` raises.
    code
        What its sender is told then.
    """

    name: str
    decode: Callable[[bytes], T]
    take: Callable[[Taken, T], None]
    invalid: type[InvalidEvent] | type[InvalidOutcome]
    code: str


def take_listed(listed: Listed[T], body: bytes, source: str, most: int) -> Taken:
    """Return the records of a body.

    Parameters
    ----------
    listed
        What may be in it.
    body
        As it came.
    source
        Name of the source whose key was shown.
    most
        Most of them in one request.

    Raises
    ------
    NotEvents
        If the body is nothing of that; says what it is.
    InvalidEvent, InvalidOutcome
        If it is one, which cannot be used.
    """
    taken = Taken(source=source)
    raws = pieces(body, listed.name)
    if raws is None:
        listed.take(taken, listed.decode(body))
        return taken
    if len(raws) > most:
        raise NotEvents(f"{len(raws)} {listed.name} are more than {most}, the most of one request")
    for index, raw in enumerate(raws):
        try:
            found = listed.decode(bytes(raw))
        except listed.invalid as error:
            taken.unusable.append(Unusable(index, listed.code, error.reason, error.field))
            taken.refused[listed.code] += 1
        else:
            listed.take(taken, found)
    return taken


def pieces(body: bytes, name: str) -> list[msgspec.Raw] | None:
    """Return what a list holds, unread; None if the body is no list, nor has one by that name.

    Raises
    ------
    NotEvents
        If it is neither an object nor a list.
    """
    try:
        start = body.lstrip()[:1]
        if start == b"[":
            return _list.decode(body)
        if start != b"{":
            _raw.decode(body)
            raise NotEvents("the body is neither an object nor a list")
        several = _fields.decode(body).get(name)
        if several is not None and bytes(several).startswith(b"["):
            return _list.decode(several)
    except msgspec.ValidationError as error:
        raise NotEvents(str(error)) from None
    return None
