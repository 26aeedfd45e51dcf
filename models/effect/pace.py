"""How long until the question is answered, if customers go on coming as they did."""

from __future__ import annotations

import math
from typing import Final

from models.effect.comparing import LEAST, Effect
from models.effect.sequence import reach

#: Weeks beyond which nobody waits.
MOST_WEEKS: Final = 104


def weeks_until_clear(effect: Effect, weekly: float) -> float:
    """Return in how many weeks the bounds leave out zero, if the difference stays as it is.

    Parameters
    ----------
    effect
        As it is now.
    weekly
        Customers of both arms that become known in a week.

    Returns
    -------
    float
        0 if they do already; infinite if that takes more than two years.

    Examples
    --------
    >>> from models.judging import Interval
    >>> some = Interval(0.05, -0.02, 0.12)
    >>> effect = Effect(900, 100, 0.45, 0.4, some, spread=2.7, reduction=0.0, alpha=0.05)
    >>> round(weeks_until_clear(effect, 300.0), 1)
    30.4
    """
    if effect.difference.leaves_out(0.0):
        return 0.0
    if weekly <= 0 or not effect.count or math.isnan(effect.difference.estimate):
        return math.inf
    # Before that there are no bounds at all.
    smaller = min(effect.treated, effect.held_out)
    least = effect.count * LEAST / smaller if smaller else math.inf
    size = abs(effect.difference.estimate)

    def clear(weeks: float) -> bool:
        count = effect.count + weeks * weekly
        return count >= least and float(reach(count, effect.spread, effect.alpha)) < size

    if not clear(MOST_WEEKS):
        return math.inf
    low, high = 0.0, float(MOST_WEEKS)
    while high - low > 0.01:
        middle = (low + high) / 2
        low, high = (low, middle) if clear(middle) else (middle, high)
    return high
