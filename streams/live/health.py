"""The health page of a process: alive, and whether it has its partitions and its servers."""

from __future__ import annotations

from typing import Any

from streams.live.chunks import ChunkApp


def add_health(app: ChunkApp) -> None:
    """Serve ``/health`` on the app's port: 200 when it works, 503 when it waits.

    Parameters
    ----------
    app
        Of which the assigned partitions and their cursors are looked at.
    """

    @app.page("/health")
    async def health(view: Any, request: Any) -> Any:
        consumer = app.consumer
        # Before it has joined its group it holds nothing, and cannot be asked what it is assigned.
        joined = app.consumer_generation_id > 0
        assigned = (
            {f"{tp.topic}-{tp.partition}" for tp in consumer.assignment()} if joined else set()
        )
        held = {f"{tp.topic}-{tp.partition}" for tp in consumer.cursors}
        waiting = sorted(assigned - held)
        ready = joined and not waiting and not app.rebalancing
        return view.json(
            {"ready": ready, "held": sorted(held), "waiting": waiting},
            status=200 if ready else 503,
        )
