"""How long the shop's customers stay: retention by cohort, and the survival of all."""

from __future__ import annotations

from typing import Final

import numpy as np

from features import DAY
from models.judging import survival
from streams.report.evidence import Evidence, month_names, months_of
from streams.report.tables.table import Columns

#: Points of a curve, at most.
_POINTS: Final = 400


def retention(evidence: Evidence) -> Columns:
    """Return which share of a cohort did something that counts, month by month since.

    A cohort are those first seen in one calendar month. The month of the last event is told, too,
    though it may not be over.
    """
    people = evidence.people
    if not people.names or evidence.end < 0:
        return {}
    different, place = np.unique(people.cohorts, return_inverse=True)
    customers = np.bincount(place)
    last = int(months_of(np.array([evidence.end]))[0])
    months = np.maximum(last - different + 1, 1)
    cohort = np.repeat(np.arange(len(different)), months)
    month = np.concatenate([np.arange(count) for count in months])
    starts = np.cumsum(months) - months
    counts = [len(each) for each in people.active_months]
    since = np.array([each for active in people.active_months for each in active], dtype=np.int64)
    whose = np.repeat(place, counts)
    told = since < months[whose]
    active = np.bincount((starts[whose] + since)[told], minlength=len(cohort))
    return {
        "cohort": np.array(month_names(different), dtype=object)[cohort],
        "customers": customers[cohort],
        "month": month,
        "active": active,
        "share": active / customers[cohort],
    }


def survived(evidence: Evidence) -> Columns:
    """Return which share of the customers was still there so many days after they came.

    Gone is who has been silent for the active time by the end of the data; they left with the
    last that they did. That can be told of those who left an active time before the end at the
    latest: so everybody is watched until then, and who did something later was still there.
    """
    people = evidence.people
    until = evidence.end - evidence.active
    watched = (people.last_activity_at >= 0) & (people.first_at <= until)
    first, last = people.first_at[watched], people.last_activity_at[watched]
    # Who first counted before they were first seen by their own clock came at once.
    days = np.maximum(np.minimum(last, until) - first, 0) // DAY
    found = survival(days, last <= until)
    kept = np.arange(len(found.days))
    if len(kept) > _POINTS:
        kept = np.unique(np.linspace(0, len(kept) - 1, _POINTS).round().astype(np.int64))
    return {
        "days": found.days[kept],
        "alive": found.alive[kept],
        "low": found.low[kept],
        "high": found.high[kept],
    }
