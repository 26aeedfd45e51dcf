"""From a request to records: the one place where protocol, translation and topics meet."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from features import Event, InvalidEvent, Millis, decode_event, encode_event
from streams.collect.gathering import Record
from streams.collect.listed import Listed, take_listed
from streams.collect.taken import Taken
from streams.deadletters import DOOR, HEADER, DeadLetter, fitting

_encode: Final = msgspec.json.Encoder().encode
_OFFSET: Final = 6  # bytes of a hash that stand for an offset


@dataclass(frozen=True)
class Segment:
    """The protocol that storefronts speak already.

    Parameters
    ----------
    read
        ``read_request`` of the protocol: path, body, key of the header, key of the query.
    translate
        ``translate`` of the translation: item, source, received at, sent at, and whether the
        browser asks not to be tracked.
    source
        Makes the translation's idea of a source from a name.
    refused
        The exception of a request that cannot be read at all; has ``code`` and ``message``.
    keeps
        Whether a message that cannot be used may be kept as a dead letter: item (None if it
        cannot be read), source, and whether the browser asks not to be tracked. What somebody did
        not consent to is counted and forgotten.
    words
        Reasons of refusal in words.
    """

    read: Callable[[str, bytes, str | None, str | None], Any]
    translate: Callable[[Any, Any, Millis, Millis | None, bool], Any]
    source: Callable[[str], Any]
    refused: type[Exception]
    keeps: Callable[[Any, Any, bool], bool] = lambda item, source, opted_out: True
    words: Mapping[str, str] = field(default_factory=dict)

    def take(
        self, request: Any, source: str, received_at: Millis, opted_out: bool = False
    ) -> Taken:
        """Return the records of a request that was read.

        What cannot be used goes to the dead letters, so that its neighbours come through: the
        SDKs do not send a refused batch again.

        Parameters
        ----------
        request
            As ``read`` returned it.
        source
            Name of the source whose key was shown.
        received_at
            When it came, in milliseconds.
        opted_out
            Whether the browser asks not to be tracked (Do Not Track, Global Privacy Control).
        """
        taken = Taken(source=source)
        whence = self.source(source)
        for refused in request.refused:
            if not self.keeps(None, whence, opted_out):
                taken.refused[refused.code] += 1
                continue
            _bury(
                taken,
                source,
                received_at,
                refused.index,
                refused.code,
                refused.message,
                refused.raw,
            )
        for item in request.items:
            translated = self.translate(item, whence, received_at, request.sent_at, opted_out)
            reason = translated.refused
            if reason is not None and not self.keeps(item, whence, opted_out):
                taken.refused[reason] += 1
            elif reason is not None:
                words = self.words.get(reason, reason)
                _bury(taken, source, received_at, item.index, reason, words, bytes(item.raw))
            for event in translated.events:
                _add(taken, source, received_at, item.index, event)
        return taken


def _add(taken: Taken, source: str, received_at: Millis, index: int, event: Event) -> None:
    value = encode_event(event)
    try:
        # What leaves this door is accepted by every worker.
        decode_event(value)
    except InvalidEvent as error:
        _bury(taken, source, received_at, index, "invalid_event", error.reason, value, error.field)
        return
    taken.events += 1
    taken.records.append(Record("clickstream", event.user_id.encode(), value, taken.headers))


def _bury(
    taken: Taken,
    source: str,
    received_at: Millis,
    index: int,
    code: str,
    reason: str,
    raw: bytes,
    where: str = "",
) -> None:
    """Add a dead letter."""
    letter = DeadLetter(
        reason=reason,
        field=where,
        topic=f"{DOOR}{source}",
        partition=index,
        offset=int.from_bytes(hashlib.sha256(raw).digest()[:_OFFSET], "big"),
        timestamp=received_at,
    )
    letter, key, value = fitting(letter, None, raw)
    # A client refuses to send what has neither key nor value.
    key = b"" if value is None and key is None else key
    headers = [(HEADER, _encode(letter)), *taken.headers]
    taken.records.append(Record("dead_letters", key, value, headers))
    taken.refused[code] += 1


#: Fields of an event that are whole numbers, in a body that is worth a second look.
_WHOLE: Final = ("time", "v")
_LARGEST: Final = 32 * 1024


def take_events(body: bytes, source: str, most: int) -> Taken:
    """Return the records of a body in our own schema.

    Of a list, valid events are taken and the others reported by their place: whoever sends our
    own schema reads the answer. An event that comes alone is taken or refused.

    Parameters
    ----------
    body
        One event, a list of them, or ``{"events": [...]}``.
    source
        Name of the source whose key was shown.
    most
        Most events of one request.

    Raises
    ------
    NotEvents
        If the body is none of these; says what it is.
    InvalidEvent
        If it is one event, which cannot be used.

    Examples
    --------
    >>> taken = take_events(b'[{"event_id":"e1","user_id":"ada","type":"visit","time":0}, 7]',
    ...     "web", 10)
    >>> taken.events, taken.unusable[0].index, taken.unusable[0].code
    (1, 1, 'invalid_event')
    """
    return take_listed(EVENTS, body, source, most)


def _decoded(raw: bytes) -> Event:
    """Return an event; ``1767225600000.0`` is a time, too, as JSON Schema and many senders see it.

    Raises
    ------
    InvalidEvent
        If it cannot be used.
    """
    try:
        return decode_event(raw)
    except InvalidEvent as error:
        if error.field not in _WHOLE or len(raw) > _LARGEST:
            raise
        fields = msgspec.json.decode(raw)
        for name in _WHOLE:
            value = fields.get(name)
            if isinstance(value, float) and value.is_integer():
                fields[name] = int(value)
        return decode_event(_encode(fields))


def _take(taken: Taken, event: Event) -> None:
    taken.events += 1
    key = event.user_id.encode()
    taken.records.append(Record("clickstream", key, encode_event(event), taken.headers))


EVENTS: Final = Listed("events", _decoded, _take, InvalidEvent, "invalid_event")
