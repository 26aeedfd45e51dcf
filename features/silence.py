"""When to look again at a customer who does nothing.

Churn is what does not happen, so nothing on the wire ever says it. Each customer has a ladder
of checks, counted from the last activity: fixed waits, and multiples of the own rhythm (who
buys every 5 days is late at 8; who buys every 60 is not). Logic only says when to wake; who
sleeps is somebody else's business.
"""

from __future__ import annotations

from typing import Final

from features.definition import Definition
from features.timeline import DAY, Millis

#: Later than any time there is: nothing is due.
NEVER: Final[Millis] = 1 << 62
#: Looking twice within that time tells nothing new.
_SPACING: Final[Millis] = DAY // 2
_SHORTEST: Final[Millis] = DAY


def next_check(definition: Definition, last: Millis, rhythm_days: float, after: Millis) -> Millis:
    """Return when a silent customer is to be looked at next.

    Parameters
    ----------
    definition
        The shop's definition, with the ladder.
    last
        Time of the last activity.
    rhythm_days
        The customer's usual days between visits; 0 when not known.
    after
        The check must be later than this: the last one fired, or the last activity.

    Returns
    -------
    Millis
        The next check, before the customer counts as gone; `NEVER` when none is left.

    Examples
    --------
    >>> shop = Definition(horizon=30 * DAY, active=90 * DAY)
    >>> next_check(shop, last=0, rhythm_days=0.0, after=0) / DAY
    3.0
    >>> next_check(shop, last=0, rhythm_days=5.0, after=3 * DAY) / DAY
    7.5
    >>> next_check(shop, last=0, rhythm_days=0.0, after=75 * DAY) == NEVER
    True
    """
    due = NEVER
    for wait in definition.ladder_waits:
        if last + wait > after:
            due = last + wait
            break
    if rhythm_days:
        for multiple in definition.rhythm_steps:
            wait = max(round(multiple * rhythm_days * DAY), _SHORTEST)
            own = last + wait
            if own >= due or wait >= definition.active:
                break
            if own > after and due - own >= _SPACING and own - after >= _SPACING:
                return own
    return due
