"""What a backtest says of itself: which events it took, under which rules, and what it decided."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Any, Final

from features import NEVER, PASSIVE, Millis, format_duration, to_iso
from models.judging import Offer
from models.registry import Task
from streams.pipeline import Arrival, Shop
from streams.replay.landmarks import Landmarks

#: Events between two reports of progress.
_SOME: Final = 1_000
#: What is told of the events, and how the pipeline counts it.
_TOLD: Final = {
    "applied": "applied",
    "late": "late",
    "duplicate": "duplicate",
    "too_late": "too_late",
    "refused": "invalid",
    "unknown_type": "unknown_type",
    "customers": "customers",
}

#: Told how many events are done, and up to which time, in milliseconds.
Progress = Callable[[int, Millis], None]
#: Told of events that were taken.
Witness = Callable[[Sequence[Arrival]], None]


class Seen:
    """Which events were taken: their number, their span, and a fingerprint of them all.

    Parameters
    ----------
    progress
        Told now and then how far it is.

    Attributes
    ----------
    witnesses
        Told of all events, too.
    """

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self.witnesses: tuple[Witness, ...] = ()
        #: The sum of the hashes of all events. How they were cut into partitions and ticks, which
        #: are shorter for a short horizon, does not show in it.
        self._sum = 0
        self.events = 0
        self.first: Millis = NEVER
        self.last: Millis = -1
        self._told = 0

    def note(self, arrivals: Sequence[Arrival]) -> None:
        """Take note of events that were taken."""
        for arrival in arrivals:
            event = arrival.event
            at = event.at
            said = f"{event.event_id}\n{event.user_id}\n{at}"
            self._sum += int.from_bytes(blake2b(said.encode(), digest_size=16).digest(), "big")
            if at > self.last:
                self.last = at
            if at < self.first:
                self.first = at
        self.events += len(arrivals)
        for witness in self.witnesses:
            witness(arrivals)
        if self._progress is not None and self.events - self._told >= _SOME:
            self._told = self.events
            self._progress(self.events, self.last)

    def summary(self, counts: Counter[str]) -> dict[str, Any]:
        """Return what there is to say of the data."""
        return {
            "events": self.events,
            "first": to_iso(self.first) if self.events else None,
            "last": to_iso(self.last) if self.events else None,
            "fingerprint": f"{self._sum % 2**128:032x}",
        } | {told: counts[counted] for told, counted in _TOLD.items()}


def configuration(
    shop: Shop,
    task: Task,
    models: Sequence[str],
    warmup: int,
    seed: int,
    landmarks: Landmarks | None,
    source: str,
) -> dict[str, Any]:
    """Return what would have to be the same for the same report."""
    definition, policy, weighing = shop.definition, shop.policy, task.weighing
    return {
        "source": source,
        "models": list(models),
        "seed": seed,
        "horizon": format_duration(definition.horizon),
        "active": format_duration(definition.active),
        "activity": sorted(definition.activity) or ["*", *sorted(PASSIVE - definition.passive)],
        "session_gap": format_duration(definition.session_gap),
        "waits": [format_duration(wait) for wait in definition.ladder_waits],
        "multiples": list(definition.rhythm_steps),
        "lateness": format_duration(shop.lateness),
        "skew": format_duration(shop.skew),
        "keep": shop.keep,
        "max_pending": shop.max_pending,
        **({"visitors": True} if shop.visitors else {}),
        "warmup": warmup,
        "threshold": policy.threshold,
        "hysteresis": policy.hysteresis,
        "cooldown": format_duration(policy.cooldown),
        "holdout": policy.holdout,
        "salt": policy.salt,
        **({} if shop.plan is None else {"policy": shop.plan.fingerprint}),
        "weights": {
            "returned": weighing.returned,
            "churned": weighing.churned,
            "treated": weighing.treated,
            "memory": weighing.memory,
        },
        "catalogue": shop.catalogue.fingerprint,
        "landmarks": None
        if landmarks is None
        else {
            "start": to_iso(landmarks.start),
            "step": format_duration(landmarks.step),
            "score_from": to_iso(landmarks.score_from) if landmarks.score_from else None,
        },
    }


def offer_of(offer: Offer | None) -> dict[str, Any] | None:
    """Return what is done about an alert, in money; None where nobody has said."""
    return None if offer is None else dataclasses.asdict(offer)


def decisions_of(counts: Counter[str]) -> dict[str, Any]:
    """Return how often customers were looked at, and how often that led to something."""
    alerts = counts["alerts"]
    return {
        "count": counts["decisions"],
        "silence": counts["decisions_silence"],
        "session_end": counts["decisions_session_end"],
        "distress": counts["decisions_distress"],
        "matured": counts["matured"],
        "unresolved": counts["pending"],
        "unkept": counts["unkept"],
        "alerts": alerts,
        "held_out": counts["alerts_holdout"] / alerts if alerts else None,
    }
