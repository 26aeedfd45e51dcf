"""How a collector is set, in the words and units that it works with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from features import SECOND, Millis

#: Most bytes of an address and of all headers together. Browsers cut addresses long before.
MOST_URL: Final = 8 * 1024
MOST_HEADERS: Final = 32 * 1024
#: Most events of one request in our own schema.
MOST_EVENTS: Final = 10_000


@dataclass(frozen=True)
class Limits:
    """What a collector takes, and what it answers when it cannot.

    Parameters
    ----------
    body
        Most bytes of a body, as sent and decompressed.
    read
        How long a body may take to arrive.
    requests, size
        Most requests, and bytes of them, under way at once.
    retry
        Least time after which whoever was turned away should come back.
    open
        Whether whoever shows no key is let in, as source ``open``.
    origins
        From which web sites browsers may send; ``*`` is any.
    url
        Address at which browsers find this collector; empty: as they called it.
    """

    body: int = 8 * 1024 * 1024
    read: Millis = 10 * SECOND
    requests: int = 512
    size: int = 64 * 1024 * 1024
    retry: Millis = 30 * SECOND
    open: bool = False
    origins: tuple[str, ...] = ("*",)
    url: str = ""
