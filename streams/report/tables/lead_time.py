"""How long before a customer was gone the alert came.

A customer is gone when they have been silent for the active time. Every silence that got so far
counts, also of those who came back after it; its first alert is the one that counts.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from features import DAY, MINUTE
from streams.report.evidence import Evidence, Floats
from streams.report.tables.table import Columns

#: Bars of the histogram, about.
_BARS: Final = 18
#: Silence is written in single precision: so far apart, two silences begin for certain.
_APART: Final = MINUTE


class _Led(NamedTuple):
    """Silences that ended in a customer gone, and how many days before that the alert came."""

    gone: int
    days: Floats


def lead_time(evidence: Evidence) -> Columns:
    """Return how many alerts came how many days before the customer was gone."""
    days = _led(evidence).days
    if not len(days):
        return {}
    active = evidence.active / DAY
    width = float(max(round(active / _BARS), 1))
    place = np.floor(days / width).astype(np.int64)
    first, last = min(0, int(place.min())), max(int(np.ceil(active / width)), int(place.max()) + 1)
    return {
        "lead_days": np.arange(first, last) * width,
        "bin_days": np.full(last - first, width),
        "alerts": np.bincount(place - first, minlength=last - first),
    }


def lead_summary(evidence: Evidence) -> Columns:
    """Return how many customers gone were alerted, how early, and which share of all gone."""
    gone, days = _led(evidence)
    if not gone:
        return {}
    return {
        "alerts": [len(days)],
        "median_days": [float(np.median(days)) if len(days) else float("nan")],
        "share_before_gone": [float((days > 0).sum()) / gone],
        "gone": [gone],
    }


def _led(evidence: Evidence) -> _Led:
    if evidence.landmarks or not evidence.decides or not len(evidence.decided.at):
        return _Led(0, np.empty(0))
    decided, people = evidence.decided, evidence.people
    who = decided.customers.codes
    began = decided.at - np.round(decided.silence * DAY).astype(np.int64)
    new_customer = np.append(True, who[1:] != who[:-1])
    new = new_customer | np.append(True, np.diff(began) > _APART)
    starts = np.flatnonzero(new)
    silence = np.cumsum(new) - 1

    # When the silence ended: by what the customer did next, or not within the data.
    back = np.append(began[starts][1:], -1)
    last_of_customer = np.append(new_customer[starts][1:], True)
    ended = np.where(last_of_customer, evidence.end, back)
    place = {name: nth for nth, name in enumerate(people.names)}
    known = np.array([place.get(name, -1) for name in decided.customers.names], dtype=np.int64)
    at_last = np.append(people.last_activity_at, -1)[known][who[starts]]
    after_all = last_of_customer & (at_last > began[starts] + _APART)
    ended = np.where(after_all, at_last, ended)
    gone = ended - began[starts] >= evidence.active

    alerts = np.flatnonzero(decided.alert & gone[silence])
    _, first = np.unique(silence[alerts], return_index=True)
    chosen = alerts[first]
    lead = (began[starts][silence[chosen]] + evidence.active - decided.at[chosen]) / DAY
    return _Led(int(gone.sum()), lead)
