"""From a source to what treating has done: read once, alerted customers kept, then measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from features import Millis
from models.effect import Following, Measured, Rules, measure
from streams.effect.sources import Source


@dataclass(frozen=True)
class Asked:
    """What somebody wants to know.

    Parameters
    ----------
    rules
        How effects are measured.
    dimensions
        By what they are told apart.
    counts
        Whether an event of some type is an activity.
    lateness, skew
        How late an event may come, and how far in the future it may lie.
    """

    rules: Rules
    dimensions: Sequence[str]
    counts: Callable[[str], bool]
    lateness: Millis
    skew: Millis


@dataclass(frozen=True)
class Joined:
    """What came of it.

    Parameters
    ----------
    measured
        The lines.
    now
        Up to when everything is known.
    met
        What was met on the way, by name.
    """

    measured: Measured
    now: Millis
    met: Counter[str]


def join(source: Source, asked: Asked, clock: Millis = 0) -> Joined:
    """Read everything, and measure.

    Parameters
    ----------
    source
        Alerts, events, outcomes.
    asked
        What is wanted.
    clock
        The time of the clock, if it moves time while nobody does anything; else only events do.
    """
    following = Following(asked.counts, asked.rules.horizon, asked.dimensions)
    for alert in source.alerts():
        following.alert(alert)
    latest = clock
    for arrived, event in source.events():
        at = event.at
        if at > arrived + asked.skew:
            following.met["from_the_future"] += 1
            continue
        latest = max(latest, at)
        following.event(event)
    for outcome in source.outcomes():
        following.outcome(outcome)
    following.respond()
    now = latest - asked.lateness
    return Joined(measure(following, asked.rules, now), now, following.met)
