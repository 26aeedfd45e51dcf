"""What turns events into alerts: the topics, the workers, the learner."""

from __future__ import annotations

from typing import Final

from streams.cli.entry import Entry

#: In the order in which somebody meets them.
COMMANDS: Final = {
    "topics": Entry("streams.cli.running.topics:topics", "Create the topics, or list them."),
    "worker": Entry("streams.cli.running.worker:worker", "Turn events into alerts."),
    "learner": Entry("streams.cli.running.worker:learner", "Learn from labels; publish the model."),
}

__all__ = ["COMMANDS"]
