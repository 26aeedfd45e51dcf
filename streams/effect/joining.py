"""From a source to what treating has done: read once, alerted customers kept, then measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from features import Millis
from models.effect import Following, Look, Measured, Rules, looks, measure
from streams.effect.sources import Source

#: Of so many groups it is told how they became known.
_GROUPS: Final = 6


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
    looks
        At how many earlier moments it is asked what was known then.
    """

    rules: Rules
    dimensions: Sequence[str]
    counts: Callable[[str], bool]
    lateness: Millis
    skew: Millis
    looks: int = 0


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
    looks
        Of all customers, and of the largest groups: what was known at earlier moments.
    """

    measured: Measured
    now: Millis
    met: Counter[str]
    looks: Mapping[tuple[str, ...], Sequence[Look]] = field(default_factory=dict)


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
    measured = measure(following, asked.rules, now)
    back: Mapping[tuple[str, ...], Sequence[Look]] = {}
    if asked.looks:
        back = looks(following, asked.rules, now, asked.looks, groups=_GROUPS)
    return Joined(measured, now, following.met, back)
