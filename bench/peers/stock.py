"""Faust as its documentation sets it up."""

from __future__ import annotations

import faust

from bench.peers.running import Job


def stock_app(task: Job) -> faust.App:
    """Return an app with Faust's defaults, which reads the topic from its beginning."""
    return faust.App(
        task.group,
        broker=f"kafka://{task.kafka}",
        consumer_auto_offset_reset="earliest",
        topic_partitions=task.partitions,
        topic_disable_leader=True,
        store="memory://",
        datadir=str(task.folder / "faust"),
        web_enabled=False,
    )
