"""What lies in ``dead-letters``: letters, and the markers of those that were sent again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from features import Millis
from streams.deadletters import HEADER, REDRIVEN, DeadLetter
from streams.reading import Message

_letters: Final = msgspec.json.Decoder(DeadLetter)


@dataclass(frozen=True)
class Letter:
    """A dead letter as it lies in its topic.

    Parameters
    ----------
    why
        Why the message was refused, and where it lay.
    at
        When it was put into ``dead-letters``, in milliseconds.
    place
        Where in ``dead-letters`` it lies, for people.
    key, value
        The message's own, byte for byte.
    """

    why: DeadLetter
    at: Millis
    place: str
    key: bytes | None
    value: bytes | None

    @property
    def letter_id(self) -> str:
        """Where the message lay, as one word; what people type."""
        return self.why.letter_id

    @property
    def identity(self) -> str:
        """The id and when the message arrived: a topic created anew counts from 0 again."""
        return f"{self.why.letter_id}@{self.why.timestamp}"

    @property
    def order(self) -> tuple[str, int, int]:
        """Where the message stands in its log."""
        return self.why.topic, self.why.partition, self.why.offset

    @property
    def size(self) -> int:
        """Bytes of the message's key and value."""
        return len(self.key or b"") + len(self.value or b"")


class Marker(msgspec.Struct, frozen=True, kw_only=True):
    """Says that a letter was sent again: JSON in the header ``ebb_redriven`` of an empty message.

    Parameters
    ----------
    letter_id, timestamp
        The letter, and the ``timestamp`` of its message.
    topic, partition, offset
        Where the message lies now.
    """

    letter_id: str
    timestamp: int
    topic: str
    partition: int
    offset: int
    v: Annotated[int, Meta(ge=1, le=1)] = 1

    @property
    def identity(self) -> str:
        """That of the letter."""
        return f"{self.letter_id}@{self.timestamp}"

    def encode(self) -> bytes:
        """Return what the header holds."""
        return _encoder.encode(self)


_encoder: Final = msgspec.json.Encoder()
_markers: Final = msgspec.json.Decoder(Marker)


def letter_or_marker(message: Message) -> Letter | Marker | None:
    """Return what a message of ``dead-letters`` is; None for one that is neither.

    Examples
    --------
    >>> letter_or_marker(Message("dead-letters", 0, 7, 0, b"key", b"what is this?"))
    """
    try:
        if (why := message.headers.get(HEADER)) is not None:
            return Letter(
                _letters.decode(why), message.timestamp, message.place, message.key, message.value
            )
        if (sent := message.headers.get(REDRIVEN)) is not None:
            return _markers.decode(sent)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return None
