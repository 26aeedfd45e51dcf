"""The addresses of the Segment protocol, and which call each of them is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

#: The calls of the protocol, and the letters that browsers write for them; the usual ones first,
#: since addresses are tried in this order.
CALLS: Final[Mapping[str, str]] = {
    "batch": "b",
    "track": "t",
    "identify": "i",
    "page": "p",
    "screen": "s",
    "group": "g",
    "alias": "a",
}
#: Every address at which events are taken, and which call it is.
EVENT_PATHS: Final[Mapping[str, str]] = {
    **{f"/v1/{call}": call for call in CALLS},
    **{f"/v1/{letter}": call for call, letter in CALLS.items()},
    **{f"/{letter}": call for call, letter in CALLS.items()},
    "/beacon/v1/batch": "batch",
}
