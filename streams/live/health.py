"""The health page of a process: alive, and whether it has its partitions and its servers."""

from __future__ import annotations

from typing import Any, Final

from streams.live.serving import ChunkApp

#: Seconds without an answer to a fetch after which Kafka is said to be away.
_SILENT: Final = 10.0


def add_health(app: ChunkApp) -> None:
    """Serve ``/health`` and ``/live`` on the app's port.

    ``/health`` says 200 when it works, 503 with the reasons when it waits: for readiness.
    ``/live`` says 200 as long as the process answers: whoever waits for Redis need not be killed.

    Parameters
    ----------
    app
        Of which the assigned partitions, their cursors and what is wrong are looked at.
    """

    @app.page("/health")
    async def health(view: Any, request: Any) -> Any:
        consumer = app.consumer
        # Before it has joined its group it holds nothing, and cannot be asked what it is assigned.
        joined = app.consumer_generation_id > 0
        held = set(consumer.cursors) if joined else set()
        waiting = sorted(consumer.partitions() - held) if joined else []
        reasons = _reasons(app, joined=joined, waiting=bool(waiting))
        body = {"ready": not reasons, "held": sorted(held), "waiting": waiting, "reasons": reasons}
        return view.json(body, status=503 if reasons else 200)

    @app.page("/live")
    async def live(view: Any, request: Any) -> Any:
        return view.json({"live": True})


def _reasons(app: ChunkApp, *, joined: bool, waiting: bool) -> list[str]:
    """Return why the process does not work just now, in words."""
    if not joined:
        return ["it has not joined its group yet"]
    reasons = list(app.trouble.values())
    heard = app.consumer.heard()
    if heard is not None and heard > _SILENT:
        reasons.append(f"Kafka has not answered for {heard:.0f} s")
    if app.rebalancing:
        reasons.append("partitions are being dealt out anew")
    if waiting:
        reasons.append("a partition is not open yet")
    if app.consumer.torn():
        reasons.append(f"one of the topics {', '.join(app.reader.topics)} is not there")
    if app.relay.trouble:
        reasons.append(app.relay.trouble)
    if app.clock is not None and app.clock.trouble:
        reasons.append(app.clock.trouble)
    return reasons
