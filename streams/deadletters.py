"""Messages that could not be used: kept byte for byte, with why and from where."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Final

import msgspec
from msgspec import Meta

#: The header of a dead letter that carries a `DeadLetter` as JSON.
HEADER: Final = "ebb_dead_letter"
#: The header of a message that was sent again: the id of the dead letter that it was.
REDRIVEN: Final = "ebb_redriven"
#: Bytes of key and value that a topic surely takes; the plan gives it 2 MiB a batch.
LARGEST: Final = 1_500_000
#: Begins the "topic" of what came over HTTP and never lay in one; no topic's name holds a slash.
DOOR: Final = "collect/"
#: A topic's name has at most 249 characters; the rest is two numbers.
_LONGEST_ID: Final = 300


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """Why a message was refused, carried in the header ``ebb_dead_letter``.

    The message's own key and value stay what they were, so that it can be sent again as it is.

    Parameters
    ----------
    reason
        What is wrong, in words.
    field
        Path of the field; empty when the whole message could not be read.
    topic, partition, offset
        Where the message lies. What came over HTTP lies nowhere else: its topic is
        ``collect/SOURCE``, its partition the place in its request, its offset a hash of it.
    timestamp
        The message's own Kafka timestamp, in milliseconds, or when it came over HTTP.
    cut
        Bytes of the message's value, when that is too large to be kept: the letter has no value
        then, and the message itself is where it lay, as long as its topic keeps it. 0 otherwise.
    redriven
        Id of the dead letter that this message was before ``ebb dlq redrive`` sent it again;
        empty for one that was never sent again.
    """

    reason: str
    field: str
    topic: str
    partition: int
    offset: int
    timestamp: int
    cut: int = 0
    redriven: Annotated[str, Meta(max_length=_LONGEST_ID)] = ""
    v: Annotated[int, Meta(ge=1, le=1)] = 1

    @property
    def letter_id(self) -> str:
        """Deterministic id: one message has one dead letter."""
        return f"{self.topic}-{self.partition}-{self.offset}"


def fitting(
    letter: DeadLetter, key: bytes | None, value: bytes | None
) -> tuple[DeadLetter, bytes | None, bytes | None]:
    """Return a letter with the message's key and value as far as the topic takes them.

    A topic's limit is on compressed batches, so a message may be larger than any topic would
    take it uncompressed: of such a one, the letter says only where it lies.
    """
    if len(key or b"") + len(value or b"") > LARGEST:
        letter = msgspec.structs.replace(letter, cut=len(value or b""))
        value = None
        key = key if key is None or len(key) < LARGEST else None
    return letter, key, value


def redriven_from(headers: Iterable[tuple[str, bytes | None]]) -> str:
    """Return the id of the dead letter that a message once was; empty if it never was one.

    Parameters
    ----------
    headers
        The message's headers. Any producer may write them: what cannot be an id is ignored.

    Examples
    --------
    >>> redriven_from([("ebb_redriven", b"clickstream-3-17")]), redriven_from([])
    ('clickstream-3-17', '')
    """
    for name, value in headers:
        if name == REDRIVEN and value and len(value) <= _LONGEST_ID:
            text = value.decode("ascii", "replace")
            return text if text.isascii() and text.isprintable() else ""
    return ""
