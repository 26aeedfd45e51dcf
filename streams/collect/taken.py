"""What became of a request: what is published of it, and what its sender is told."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

import msgspec

from streams.collect.gathering import Record

#: The header of a record that names the source it came from.
SOURCE: Final = "ebb_source"


class Unusable(msgspec.Struct, frozen=True, omit_defaults=True):
    """An event that was not taken, as its sender is told.

    Parameters
    ----------
    index
        Its place in the request, from 0.
    code
        What kind of mistake it is.
    message
        What is wrong, in words.
    field
        Path of the field; absent when the whole event cannot be read.
    """

    index: int
    code: str
    message: str
    field: str = ""


@dataclass
class Taken:
    """What became of a request.

    Parameters
    ----------
    records
        To be published, dead letters included.
    events, outcomes
        How many of them are events, and how many outcomes.
    source
        Whose key was shown.
    refused
        How many were refused, by why.
    unusable
        Those that the sender is told about.
    """

    records: list[Record] = field(default_factory=list)
    events: int = 0
    outcomes: int = 0
    source: str = ""
    refused: Counter[str] = field(default_factory=Counter)
    unusable: list[Unusable] = field(default_factory=list)
    #: Of every event's record.
    headers: list[tuple[str, bytes]] = field(init=False)

    def __post_init__(self) -> None:
        self.headers = [(SOURCE, self.source.encode())]
