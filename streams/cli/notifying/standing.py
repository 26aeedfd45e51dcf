"""How an endpoint stands, for people and for scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from features import DAY, HOUR, MINUTE, SECOND, Millis, format_duration, to_iso

if TYPE_CHECKING:
    from streams.notify import Endpoint, Standing


def told(standing: Standing, now: Millis) -> list[str]:
    """Return the lines that say how an endpoint stands."""
    lines = []
    if standing.disabled:
        lines.append(standing.disabled)
    # What waits for the end of quiet hours does so from then on.
    late = 0 < standing.oldest <= now
    oldest = f", the oldest for {_ago(standing.oldest, now)}" if late else ""
    lines.append(
        f"{standing.waiting:,} waiting{oldest}; {standing.delivered:,} delivered;"
        f" {standing.dead:,} dead"
        + (f", {standing.forgotten:,} more forgotten" if standing.forgotten else "")
    )
    if standing.last_success:
        lines.append(f"last success {_ago(standing.last_success, now)} ago")
    if standing.last_failure:
        lines.append(f"last failure {_ago(standing.last_failure, now)} ago: {standing.last_error}")
    if standing.slow_until > now:
        lines.append(f"left in peace for {_ago(now, standing.slow_until)} more")
    return lines


def _ago(then: Millis, now: Millis) -> str:
    """Return how long ago something was, in the largest unit that there are two of."""
    span = max(now - then, SECOND)
    unit = next((unit for unit in (DAY, HOUR, MINUTE) if span >= 2 * unit), SECOND)
    return format_duration(span // unit * unit)


def as_dict(endpoint: Endpoint, standing: Standing) -> dict[str, Any]:
    """Return an endpoint and how it stands, without its secrets."""

    def at(moment: Millis) -> str | None:
        return to_iso(moment) if moment else None

    return {
        "name": endpoint.name,
        "url": endpoint.shown_url,
        "types": list(endpoint.types),
        "added": at(endpoint.created),
        "secrets": len(endpoint.secrets),
        "state": standing.state,
        "disabled": standing.disabled or None,
        "slow_until": at(standing.slow_until),
        "waiting": standing.waiting,
        "oldest": at(standing.oldest),
        "delivered": standing.delivered,
        "failed": standing.failed,
        "dead": standing.dead,
        "forgotten": standing.forgotten,
        "last_success": at(standing.last_success),
        "last_failure": at(standing.last_failure),
        "last_error": standing.last_error or None,
    }
