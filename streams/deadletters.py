"""Messages that could not be used: kept byte for byte, with why and from where."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

#: The header of a dead letter that carries a `DeadLetter` as JSON.
HEADER: Final = "ebb_dead_letter"


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
        Where the message lies.
    timestamp
        The message's own Kafka timestamp, in milliseconds.
    """

    reason: str
    field: str
    topic: str
    partition: int
    offset: int
    timestamp: int
    v: Annotated[int, Meta(ge=1, le=1)] = 1

    @property
    def letter_id(self) -> str:
        """Deterministic id: one message has one dead letter."""
        return f"{self.topic}-{self.partition}-{self.offset}"
