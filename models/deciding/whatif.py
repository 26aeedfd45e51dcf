"""What a policy decides at recorded decision points: the same rules, other thresholds.

A budget is kept by the day (UTC). Nothing is known of tomorrow: on each day the policy decides as
it always does, and at the day's end, of those whom it would alert, the highest risks get the
alerts that there are. Whoever gets none stands as one who was left alone, and may be alerted on
another day.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final, NamedTuple

from features import DAY, Millis, to_iso
from models.deciding.alert import Cause
from models.deciding.policy import Because, Policy, Standing, Verdict

_NEW: Final = Standing()


class Point(NamedTuple):
    """A moment at which a customer was judged, as it was recorded.

    Parameters
    ----------
    customer
        Who.
    at
        When, in milliseconds.
    cause
        Why the customer was looked at.
    risk
        What the model said.
    """

    customer: str
    at: Millis
    cause: Cause
    risk: float


def verdicts(
    policy: Policy, points: Iterable[Point], budget: int | None = None
) -> Iterator[Verdict]:
    """Decide again at every point, each customer standing as this policy left them.

    Parameters
    ----------
    policy
        The policy to try.
    points
        In the order of time; those of one customer in the order in which they were decided.
    budget
        Alerts a day, at most, the held-out among them; None for any number. A day's alerts go out
        at its end, to the highest risks of those whom the policy would alert; of equal risks to
        the one who was judged first.

    Yields
    ------
    Verdict
        Of each point, in their order.

    Raises
    ------
    ValueError
        If the budget is below 1, or a point is of an earlier day than the one before.

    Examples
    --------
    >>> points = [Point("ada", 0, "silence", 0.7), Point("zoe", 5, "silence", 0.9)]
    >>> [each.alert for each in verdicts(Policy(threshold=0.6), points)]
    [True, True]
    >>> [each.why for each in verdicts(Policy(threshold=0.6), points, budget=1)]
    ['the 1 alert of 1970-01-01 went to higher risks', 'risk 0.90 is at or above 0.60']
    """
    standings: dict[str, Standing] = {}
    if budget is None:
        for point in points:
            yield _decide(policy, point, standings)
        return
    if budget < 1:
        raise ValueError(f"a budget is at least 1 alert a day, not {budget}")
    last = -1
    for day, of_day in groupby(points, key=lambda point: point.at // DAY):
        if day < last:
            raise ValueError("decision points come in the order of time")
        last = day
        yield from _within(policy, list(of_day), budget, standings)


def _decide(policy: Policy, point: Point, standings: dict[str, Standing]) -> Verdict:
    before = standings.get(point.customer, _NEW)
    verdict = policy.decide(point.customer, point.at, point.cause, point.risk, before)
    standings[point.customer] = verdict.standing
    return verdict


def _within(
    policy: Policy, points: Sequence[Point], budget: int, standings: dict[str, Standing]
) -> list[Verdict]:
    """Decide a day, with only so many alerts; leave each customer standing accordingly."""
    morning = {point.customer: standings.get(point.customer, _NEW) for point in points}
    decided = [_decide(policy, point, standings) for point in points]
    wanted = [place for place, verdict in enumerate(decided) if verdict.alert]
    if len(wanted) <= budget:
        return decided
    sent = set(heapq.nsmallest(budget, wanted, key=lambda place: -points[place].risk))
    passed_over = {points[place].customer for place in wanted if place not in sent}
    plural = "s" if budget > 1 else ""
    day = to_iso(points[0].at)[:10]
    because = Because(f"the {budget} alert{plural} of {day} went to higher risks")
    again = Because(f"passed over on {day} already")
    told: set[str] = set()
    for name in passed_over:
        standings[name] = morning[name]
    for place, point in enumerate(points):
        if point.customer not in passed_over:
            continue
        before = standings[point.customer]
        verdict = _decide(policy, point, standings)
        if verdict.alert and place not in sent:
            # Passed over now, or by the list that is made: nobody comes on it later in the day.
            calm = policy.left_alone(point.risk, before)
            standings[point.customer] = calm
            why = again if point.customer in told else because
            told.add(point.customer)
            verdict = Verdict(False, why, verdict.arm, verdict.band, calm)
        decided[place] = verdict
    return decided
