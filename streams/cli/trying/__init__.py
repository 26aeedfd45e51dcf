"""What shows Ebbtide to a newcomer, on one machine: the demo, a check of the set-up, the lists."""

from __future__ import annotations

from typing import Final

from streams.cli.entry import Entry

#: In the order in which somebody meets them.
COMMANDS: Final = {
    "demo": Entry("streams.cli.trying.demo:demo", "Watch a simulated shop; needs no servers."),
    "doctor": Entry(
        "streams.cli.trying.doctor:doctor", "Check servers and settings; say the cure."
    ),
    "features": Entry("streams.cli.trying.features:features", "List what is known of a customer."),
    "models": Entry("streams.cli.trying.models:models", "List the models that can judge."),
    "schema": Entry("streams.cli.trying.schema:schema", "Print the JSON Schemas of the messages."),
}

__all__ = ["COMMANDS"]
