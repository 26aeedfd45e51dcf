"""What a collector counts, as Prometheus reads it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

#: Upper bounds of the waits for Kafka that are told apart, in seconds.
BOUNDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
#: Most reasons that are told apart.
_MOST: Final = 200


class Counts:
    """Counts requests, events and refusals, and how long Kafka took.

    Examples
    --------
    >>> counts = Counts()
    >>> counts.answered("batch", 200)
    >>> counts.told("web", 20, {"too_large": 1})
    >>> counts.waited(0.003)
    >>> print(counts.text({"up": ("whether all is well", 1)}).splitlines()[2])
    ebb_collect_requests_total{kind="batch",status="200"} 1
    """

    def __init__(self) -> None:
        self._requests: Counter[tuple[str, int]] = Counter()
        self._events: Counter[str] = Counter()
        self._outcomes: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()
        self._waits = [0] * (len(BOUNDS) + 1)
        self._waited = 0.0

    def answered(self, kind: str, status: int) -> None:
        """Count an answer to a request of some kind."""
        self._requests[kind, status] += 1

    def told(self, source: str, events: int, refused: Mapping[str, int], outcomes: int = 0) -> None:
        """Count what Kafka has acknowledged of a request, and what was refused of it."""
        self._events[source] += events
        if outcomes:
            self._outcomes[source] += outcomes
        for reason, number in refused.items():
            known = reason in self._refused or len(self._refused) < _MOST
            self._refused[reason if known else "others"] += number

    def waited(self, seconds: float) -> None:
        """Count how long Kafka took to acknowledge a request."""
        place = next((n for n, bound in enumerate(BOUNDS) if seconds <= bound), len(BOUNDS))
        self._waits[place] += 1
        self._waited += seconds

    def text(self, gauges: Mapping[str, tuple[str, float]]) -> str:
        """Return all of it in Prometheus' text format.

        Parameters
        ----------
        gauges
            What is measured just now: by name, its meaning and its value.
        """
        lines: list[str] = []

        def head(name: str, kind: str, meaning: str) -> None:
            lines.append(f"# HELP ebb_collect_{name} {meaning}")
            lines.append(f"# TYPE ebb_collect_{name} {kind}")

        head("requests_total", "counter", "Answers, by kind of request and status.")
        for (kind, status), number in sorted(self._requests.items()):
            labels = f'{{kind="{kind}",status="{status}"}}'
            lines.append(f"ebb_collect_requests_total{labels} {number}")
        head("events_total", "counter", "Events that Kafka has acknowledged, by source.")
        for source, number in sorted(self._events.items()):
            lines.append(f'ebb_collect_events_total{{source="{source}"}} {number}')
        head("outcomes_total", "counter", "Outcomes that Kafka has acknowledged, by source.")
        for source, number in sorted(self._outcomes.items()):
            lines.append(f'ebb_collect_outcomes_total{{source="{source}"}} {number}')
        head("refused_total", "counter", "What could not be used, by reason.")
        for reason, number in sorted(self._refused.items()):
            lines.append(f'ebb_collect_refused_total{{reason="{_label(reason)}"}} {number}')
        head("acknowledged_seconds", "histogram", "How long Kafka took to acknowledge a request.")
        total = 0
        for bound, number in zip((*map(str, BOUNDS), "+Inf"), self._waits, strict=True):
            total += number
            lines.append(f'ebb_collect_acknowledged_seconds_bucket{{le="{bound}"}} {total}')
        lines.append(f"ebb_collect_acknowledged_seconds_sum {self._waited:.6f}")
        lines.append(f"ebb_collect_acknowledged_seconds_count {total}")
        for name, (meaning, value) in gauges.items():
            head(name, "gauge", meaning)
            lines.append(f"ebb_collect_{name} {value:g}")
        return "\n".join(lines) + "\n"


def _label(text: str) -> str:
    signs = (sign if sign.isprintable() else " " for sign in text[:100])
    return "".join(signs).replace("\\", "\\\\").replace('"', '\\"')
