"""What lets events in over HTTP: the collector, and the keys of who may send."""

from __future__ import annotations

from typing import Final

from streams.cli.entry import Entry

#: In the order in which somebody meets them.
COMMANDS: Final = {
    "collect": Entry("streams.cli.collecting.collect:collect", "Take events over HTTP."),
    "keys": Entry("streams.cli.collecting.keys:keys", "Make, list, rotate and revoke write keys."),
}

__all__ = ["COMMANDS"]
