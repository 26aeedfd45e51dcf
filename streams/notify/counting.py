"""What a process that sends webhooks counts, as Prometheus reads it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

from features import SECOND, Millis
from streams.notify.endpoint import Standing

_MEANINGS: Final = {
    "waiting": "Messages that wait, or are under way.",
    "oldest_seconds": "How long the one that waits longest has waited.",
    "dead": "Messages that were given up and are kept.",
    "active": "Whether it is sent to at full speed: 1; 0 if it is slow or disabled.",
}


class Counts:
    """Counts alerts and attempts.

    Examples
    --------
    >>> counts = Counts()
    >>> counts.read("queued", 2)
    >>> counts.told("crm", "delivered")
    >>> text = counts.text({"crm": Standing(waiting=1, oldest=1_000)}, now=4_000)
    >>> for line in text.splitlines():
    ...     if not line.startswith("#"):
    ...         print(line)
    ebb_notify_alerts_total{result="queued"} 2
    ebb_notify_attempts_total{endpoint="crm",result="delivered"} 1
    ebb_notify_waiting{endpoint="crm"} 1
    ebb_notify_oldest_seconds{endpoint="crm"} 3
    ebb_notify_dead{endpoint="crm"} 0
    ebb_notify_active{endpoint="crm"} 1
    """

    def __init__(self) -> None:
        self._alerts: Counter[str] = Counter()
        self._attempts: Counter[tuple[str, str]] = Counter()

    def read(self, result: str, number: int = 1) -> None:
        """Count alerts that were read: ``queued``, ``held_out``, ``expired``, ``invalid``."""
        self._alerts[result] += number

    def told(self, name: str, result: str) -> None:
        """Count what became of an attempt: ``delivered``, ``again``, ``dead``, ``gone``."""
        self._attempts[name, result] += 1

    def text(self, standings: Mapping[str, Standing], now: Millis) -> str:
        """Return all of it in Prometheus' text format.

        Parameters
        ----------
        standings
            How the endpoints stand; the same in each process.
        now
            The time.
        """
        lines = [
            "# HELP ebb_notify_alerts_total Alerts read, by what became of them.",
            "# TYPE ebb_notify_alerts_total counter",
        ]
        for result, number in sorted(self._alerts.items()):
            lines.append(f'ebb_notify_alerts_total{{result="{result}"}} {number}')
        lines += [
            "# HELP ebb_notify_attempts_total Attempts of this process, by endpoint and result.",
            "# TYPE ebb_notify_attempts_total counter",
        ]
        for (name, result), number in sorted(self._attempts.items()):
            labels = f'endpoint="{name}",result="{result}"'
            lines.append(f"ebb_notify_attempts_total{{{labels}}} {number}")
        gauges = {name: _gauges(standing, now) for name, standing in standings.items()}
        for gauge, meaning in _MEANINGS.items():
            lines += [f"# HELP ebb_notify_{gauge} {meaning}", f"# TYPE ebb_notify_{gauge} gauge"]
            for name, values in gauges.items():
                lines.append(f'ebb_notify_{gauge}{{endpoint="{name}"}} {values[gauge]:g}')
        return "\n".join(lines) + "\n"


def _gauges(standing: Standing, now: Millis) -> dict[str, float]:
    return {
        "waiting": standing.waiting,
        "oldest_seconds": max(now - standing.oldest, 0) / SECOND if standing.oldest else 0,
        "dead": standing.dead,
        "active": standing.state == "active",
    }
