"""What tells others of alerts: the sender of webhooks, and the endpoints it sends to."""

from __future__ import annotations

from typing import Final

from streams.cli.entry import Entry

#: In the order in which somebody meets them.
COMMANDS: Final = {
    "notify": Entry("streams.cli.notifying.notify:notify", "Send alerts as webhooks."),
    "endpoints": Entry(
        "streams.cli.notifying.endpoints:endpoints", "Add, list, test, rotate, remove endpoints."
    ),
}

__all__ = ["COMMANDS"]
