"""What is done about a risk, and whether it helped: policies, and their effect."""

from __future__ import annotations

from typing import Final

from streams.cli.entry import Entry

#: In the order in which somebody meets them.
COMMANDS: Final = {
    "policy": Entry(
        "streams.cli.deciding.policy:policy", "Check a policy file; try another policy."
    ),
    "effect": Entry("streams.cli.deciding.effect:effect", "Tell whether acting on alerts helped."),
}

__all__ = ["COMMANDS"]
