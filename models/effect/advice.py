"""What to do about a campaign, in one word and a reason.

``keep``
    Treating brings customers back, or money, and the bounds say that it is no chance.
``stop``
    It drives customers away, costs more than it brings, or brings so little at best that it is
    not worth doing.
``not yet``
    The bounds do not say yet; or the groups are not what was drawn, and nothing can be said.
"""

from __future__ import annotations

import math
from typing import Final, Literal, NamedTuple, TypeAlias

from models.effect.comparing import LEAST, Effect
from models.effect.pace import weeks_until_clear
from models.effect.ratio import ALARM
from models.judging import Interval

Word: TypeAlias = Literal["keep", "stop", "not yet"]
_YEAR: Final = 52


class Advice(NamedTuple):
    """One word, and why."""

    word: Word
    because: str


def advise(
    returned: Effect, margin: Effect, *, mismatch: float, weekly: float, worth: float
) -> Advice:
    """Say what to do.

    Parameters
    ----------
    returned
        The share of customers who came back within the horizon.
    margin
        What they left after cost, each, in money.
    mismatch
        The chance of arms of such sizes, of `models.effect.split`.
    weekly
        Customers of both arms that become known in a week.
    worth
        How many more customers, as a share, must come back for it to be worth doing.

    Examples
    --------
    >>> def effect(estimate, reach, held_out=500):
    ...     bounds = Interval(estimate, estimate - reach, estimate + reach)
    ...     return Effect(4_500, held_out, 0.5 + estimate, 0.5, bounds, 0.9, 0.0, 0.025)
    >>> def said(returned, margin, p=0.5):
    ...     return ": ".join(advise(returned, margin, mismatch=p, weekly=400.0, worth=0.02))
    >>> print(said(effect(0.06, 0.02), effect(1.0, 3.0)))
    keep: 6.0 points more of them come back (4.0 to 8.0); whether it pays is open (-2.00 to 4.00 \
a customer after cost)
    >>> print(said(effect(-0.06, 0.02), effect(1.0, 3.0)))
    stop: it drives customers away: 6.0 points fewer come back (4.0 to 8.0)
    >>> print(said(effect(0.03, 0.05), effect(1.0, 3.0)))
    not yet: the bounds still hold zero (-2.0 to 8.0 points); at this pace about 15 weeks
    """
    if mismatch < ALARM:
        return Advice(
            "not yet",
            f"the groups have not the sizes that were drawn (chance {mismatch:.2g}); find out why "
            "first, since something chose customers after the draw",
        )
    if not returned.enough:
        return Advice("not yet", _too_few(returned, weekly))
    back, money = returned.difference, margin.difference
    if back.high < 0:
        return Advice("stop", f"it drives customers away: {_fewer(back)}")
    if money.high < 0:
        return Advice("stop", f"it costs more than it brings: {_money(money)}")
    if back.low > 0:
        pays = "and it pays" if money.low > 0 else "whether it pays is open"
        return Advice("keep", f"{_more(back)}; {pays} ({_money(money)})")
    if money.low > 0:
        return Advice("keep", f"it brings more than it costs: {_money(money)}")
    if back.high < worth:
        return Advice(
            "stop",
            f"at best {_points(back.high)} points more come back, and {_points(worth)} would be "
            "worth it",
        )
    bounds = f"({_points(back.low)} to {_points(back.high)} points)"
    return Advice("not yet", f"the bounds still hold zero {bounds}; {_wait(returned, weekly)}")


def _too_few(effect: Effect, weekly: float) -> str:
    if not effect.held_out:
        return "nobody was held out whose horizon has passed, so there is nothing to compare with"
    if not effect.treated:
        return "nobody was treated whose horizon has passed"
    smaller, arm = min((effect.held_out, "held-out"), (effect.treated, "treated"))
    weeks = effect.count * (LEAST / smaller - 1) / weekly if weekly > 0 else math.inf
    return (
        f"of only {smaller} {arm} customers is it known what became of them, and from {LEAST} on "
        f"there is something to say; {_after(weeks)}"
    )


def _wait(effect: Effect, weekly: float) -> str:
    return _after(weeks_until_clear(effect, weekly))


def _after(weeks: float) -> str:
    if not weeks < 2 * _YEAR:
        return "at this pace not within two years"
    return f"at this pace about {max(round(weeks), 1)} week{'s' if round(weeks) > 1 else ''}"


def _points(share: float) -> str:
    return f"{100 * share:.1f}"


def _more(back: Interval) -> str:
    return (
        f"{_points(back.estimate)} points more of them come back "
        f"({_points(back.low)} to {_points(back.high)})"
    )


def _fewer(back: Interval) -> str:
    return (
        f"{_points(-back.estimate)} points fewer come back "
        f"({_points(-back.high)} to {_points(-back.low)})"
    )


def _money(money: Interval) -> str:
    return f"{money.low:,.2f} to {money.high:,.2f} a customer after cost"
