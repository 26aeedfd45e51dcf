"""The health page of a process: alive, and whether it has its partitions and its servers."""

from __future__ import annotations

from typing import Any, Final

from features import SECOND, to_iso
from streams.live.rules import InForce
from streams.live.serving import ChunkApp

#: Seconds without an answer to a fetch after which Kafka is said to be away.
_SILENT: Final = 10.0


def add_health(app: ChunkApp) -> None:
    """Serve ``/health``, ``/live`` and ``/metrics`` on the app's port.

    ``/health`` says 200 when it works, 503 with the reasons when it waits: for readiness. A policy
    file that is wrong by now is told there, and keeps nobody from working by the one before.
    ``/live`` says 200 as long as the process answers: whoever waits for Redis need not be killed.

    Parameters
    ----------
    app
        Of which the assigned partitions, their cursors and what is wrong are looked at.
    """

    @app.page("/health")
    async def health(view: Any, request: Any) -> Any:
        consumer = app.consumer
        joined = app.in_group
        held = set(consumer.cursors) if joined else set()
        waiting = sorted(consumer.partitions() - held) if joined else []
        reasons = _reasons(app, joined=joined, waiting=bool(waiting))
        body = {"ready": not reasons, "held": sorted(held), "waiting": waiting, "reasons": reasons}
        if app.rules is not None and app.rules.in_force.policy:
            body["policy"] = as_dict(app.rules.in_force)
        return view.json(body, status=503 if reasons else 200)

    @app.page("/metrics")
    async def metrics(view: Any, request: Any) -> Any:
        held = len(app.consumer.cursors) if app.in_group else 0
        in_force = InForce() if app.rules is None else app.rules.in_force
        return view.text(metrics_of(held, in_force), content_type="text/plain")

    @app.page("/live")
    async def live(view: Any, request: Any) -> Any:
        return view.json({"live": True})


def as_dict(in_force: InForce) -> dict[str, Any]:
    """Return by which version of the policy file is decided, as plain data.

    Examples
    --------
    >>> as_dict(InForce("6e34", 0))
    {'version': '6e34', 'since': '1970-01-01T00:00:00Z', 'wrong': [], 'wrong_since': None}
    """
    wrong_since = in_force.wrong_since
    return {
        "version": in_force.policy,
        "since": to_iso(in_force.since),
        "wrong": list(in_force.wrong),
        "wrong_since": None if wrong_since is None else to_iso(wrong_since),
    }


def metrics_of(held: int, in_force: InForce) -> str:
    """Return what Prometheus reads of a process.

    Parameters
    ----------
    held
        How many partitions it holds.
    in_force
        By which version of the policy file it decides; one without a name if by none.

    Examples
    --------
    >>> text = metrics_of(4, InForce("6e34", 5_000, ("line 3, when: ...",), 9_000, 2))
    >>> for line in text.splitlines():
    ...     if not line.startswith("#"):
    ...         print(line)
    ebb_worker_partitions 4
    ebb_policy_info{version="6e34"} 1
    ebb_policy_since_seconds 5
    ebb_policy_wrong 1
    ebb_policy_reloads_total 2
    """
    known = [("ebb_worker_partitions", "gauge", "Partitions that it holds.", held)]
    if in_force.policy:
        info = f'ebb_policy_info{{version="{in_force.policy}"}}'
        known += [
            (info, "gauge", "The version of the policy file that it decides by.", 1),
            (
                "ebb_policy_since_seconds",
                "gauge",
                "When it took that version up.",
                in_force.since // SECOND,
            ),
            (
                "ebb_policy_wrong",
                "gauge",
                "Faults of the file as it lies there, which is not decided by then.",
                len(in_force.wrong),
            ),
            (
                "ebb_policy_reloads_total",
                "counter",
                "How often it took up another version.",
                in_force.reloads,
            ),
        ]
    lines = []
    for name, kind, meaning, value in known:
        bare = name.partition("{")[0]
        lines += [f"# HELP {bare} {meaning}", f"# TYPE {bare} {kind}", f"{name} {value}"]
    return "\n".join(lines) + "\n"


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
