"""What looks at the live system, and changes nothing but dead letters that are sent again."""

from __future__ import annotations

from typing import Final

from streams.cli.entry import Entry

#: In the order in which somebody meets them.
COMMANDS: Final = {
    "status": Entry("streams.cli.watching.status:status", "Show lag, watermarks and counts."),
    "inspect": Entry("streams.cli.watching.inspecting:inspect", "Explain one customer."),
    "why": Entry("streams.cli.watching.why:why", "Say why somebody was contacted, or was not."),
    "alerts": Entry("streams.cli.watching.alerts:alerts", "Read the alerts that were published."),
    "events": Entry(
        "streams.cli.watching.events:events", "Read what arrived, and what was refused."
    ),
    "verify": Entry("streams.cli.watching.verify:verify", "Hold the state in Redis to the log."),
    "dlq": Entry("streams.cli.watching.dlq:dlq", "Read dead letters; send them again."),
}

__all__ = ["COMMANDS"]
