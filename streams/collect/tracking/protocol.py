"""The Segment tracking protocol: what a request's body holds, read leniently.

Rules, as the stock SDKs need them:

- A request is refused as a whole only when it cannot be read at all; one bad message in a batch
  is refused by itself, and its neighbours pass.
- A field of a type that makes no sense is as if it were absent.
- The context of a batch is that of each of its messages, which may override parts of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from features import Millis
from streams.collect.tracking.skew import read_time
from streams.collect.tracking.surroundings import Surroundings, merged, picked, surroundings

#: Messages in one request. Segment documents 2,500, and real clients send more; a body of
#: nothing but brackets must still not fill memory.
MAX_MESSAGES: Final = 10_000
CALLS: Final = ("track", "identify", "page", "screen", "group", "alias")
_CALLS: Final = frozenset(CALLS)
#: Messages of so few bytes, all of them plain, make no event that is too large.
_SURELY_FITS: Final = 6_000


class BadRequest(ValueError):
    """The whole request is refused, with 400.

    Parameters
    ----------
    code
        For programs; stable.
    message
        For people: what is wrong.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


# What JSON holds can hold no circle, and these are many: the collector of circles passes them by.
class Message(msgspec.Struct, rename="camel", gc=False):
    """What is read of a message; any field may be of any type."""

    type: Any = None
    event: Any = None
    message_id: Any = None
    user_id: Any = None
    anonymous_id: Any = None
    previous_id: Any = None
    group_id: Any = None
    name: Any = None
    category: Any = None
    properties: Any = None
    traits: Any = None
    timestamp: Any = None
    original_timestamp: Any = None
    sent_at: Any = None
    write_key: Any = None
    context: Surroundings | None = None


class _Odd(Message, gc=False):
    """A message whose context is not as it should be."""

    context: Any = None


class _Batch(msgspec.Struct, rename="camel"):
    batch: list[msgspec.Raw]
    context: msgspec.Raw = msgspec.Raw()
    sent_at: Any = None
    write_key: Any = None


class Item(msgspec.Struct, frozen=True, gc=False):
    """One message of a request.

    Parameters
    ----------
    index
        Its place in the request.
    call
        ``track``, ``identify``, ``page``, ``screen``, ``group`` or ``alias``; anything else is
        refused when it is translated.
    message
        What it says.
    around
        Its context, with that of the batch behind it.
    raw
        Its bytes, a view of the request's body.
    small
        Whether no event that is made of it can be too large.
    """

    index: int
    call: str
    message: Message
    around: Surroundings | None
    raw: msgspec.Raw
    small: bool = False


class Refused(msgspec.Struct, frozen=True):
    """A message that cannot be read: its place, why (for programs, for people), its bytes."""

    index: int
    code: str
    message: str
    raw: bytes


@dataclass
class Request:
    """What a request holds.

    Parameters
    ----------
    write_key
        Who says they are the source: of the header, else of the body, else of the query.
    sent_at
        When the device says that it sent the request.
    items
        The messages.
    refused
        Those that cannot be read.
    """

    write_key: str | None
    sent_at: Millis | None
    items: list[Item] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)


_batches: Final = msgspec.json.Decoder(_Batch)
_messages: Final = msgspec.json.Decoder(Message)
_odd: Final = msgspec.json.Decoder(_Odd)
#: What the decoder raises for what is no JSON, or not of the right shape.
_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
#: An escape of JSON; both halves of a pair, or whatever follows the backslash.
_ESCAPE: Final = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[dD][89a-fA-F][0-9a-fA-F]{2}|.)",
    re.DOTALL,
)
#: ``\ud83d`` without its other half.
_HALF: Final = 6


def read_request(
    path: str, body: bytes, headers_key: str | None = None, query_key: str | None = None
) -> Request:
    """Read the body of a request.

    Parameters
    ----------
    path
        The call: one of `CALLS`, or ``batch``.
    body
        The body, decompressed and bounded by whoever read it.
    headers_key, query_key
        The write key of the ``Authorization`` header, and of the query.

    Raises
    ------
    BadRequest
        If the body is not JSON, not of the right shape, or holds more than `MAX_MESSAGES`.

    Examples
    --------
    >>> request = read_request("batch", b'{"writeKey":"k","batch":[{"type":"track"},7]}')
    >>> request.write_key, request.items[0].call, request.refused[0].code
    ('k', 'track', 'invalid_message')
    """
    if path == "batch":
        return _read_batch(_legible(body), headers_key, query_key)
    if path not in _CALLS:
        raise BadRequest("unknown_call", f"there is no call {path[:40]!r}")
    body = _legible(body)
    try:
        message = _message(body)
    except _UNREADABLE as error:
        raise _bad(error) from None
    request = Request(_key(headers_key, message.write_key, query_key), read_time(message.sent_at))
    small = len(body) < _SURELY_FITS and _is_plain(body)
    request.items.append(Item(0, path, message, message.context, msgspec.Raw(body), small))
    return request


def _read_batch(body: bytes, headers_key: str | None, query_key: str | None) -> Request:
    try:
        batch = _batches.decode(body)
    except _UNREADABLE as error:
        raise _bad(error) from None
    count = len(batch.batch)
    if count > MAX_MESSAGES:
        raise BadRequest("too_many_messages", f"{count} messages are more than {MAX_MESSAGES}")
    try:
        around = surroundings(batch.context)
    except _UNREADABLE as error:
        # It may hold a no to everything, so it cannot be passed over.
        raise BadRequest("invalid_context", _reason(error)) from None
    request = Request(_key(headers_key, batch.write_key, query_key), read_time(batch.sent_at))
    plain = _is_plain(body)
    for index, raw in enumerate(batch.batch):
        try:
            message = _message(raw)
        except _UNREADABLE as error:
            refused = Refused(index, "invalid_message", _reason(error), bytes(raw))
            request.refused.append(refused)
            continue
        call = message.type
        call = call.strip().lower() if isinstance(call, str) else ""
        own = message.context
        small = len(raw) < _SURELY_FITS and (plain or _is_plain(bytes(raw)))
        request.items.append(Item(index, call, message, merged(own, around), raw, small))
    return request


def _is_plain(content: bytes) -> bool:
    """Return whether what is made of some content can only become a little larger than it."""
    # Names of what is nested are repeated, and then escapes and other scripts would multiply.
    return content.isascii() and b"\\" not in content


def _message(raw: bytes | msgspec.Raw) -> Message:
    try:
        return _messages.decode(raw)
    except msgspec.ValidationError:
        odd = _odd.decode(raw)
        parts = odd.context if isinstance(odd.context, dict) else {}
        odd.context = picked(parts)
        return odd


def _key(*keys: object) -> str | None:
    """Return the first key that is one."""
    for key in keys:
        if isinstance(key, str) and key.strip():
            return key.strip()
    return None


def _legible(body: bytes) -> bytes:
    """Mend what browsers do to text: a byte order mark, broken UTF-8, an emoji cut in half."""
    body = body.removeprefix(b"\xef\xbb\xbf")
    try:
        if not body.isascii():
            body.decode()
    except UnicodeDecodeError:
        body = body.decode(errors="replace").encode()
    # Looking for one byte is many times quicker than looking for three.
    if b"\\" in body and (b"\\ud" in body or b"\\uD" in body):
        return _ESCAPE.sub(_whole, body)
    return body


def _whole(escape: re.Match[bytes]) -> bytes:
    found = escape[0]
    return b"\\ufffd" if len(found) == _HALF else found


def _bad(error: Exception) -> BadRequest:
    code = "invalid_body" if isinstance(error, msgspec.ValidationError) else "invalid_json"
    return BadRequest(code, _reason(error))


def _reason(error: Exception) -> str:
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)
