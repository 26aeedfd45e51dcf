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
from collections.abc import Callable, Mapping
from typing import Final, Literal, NamedTuple, TypeAlias

from models.effect.comparing import LEAST, Effect
from models.effect.pace import MOST_WEEKS, weeks_until_clear
from models.effect.ratio import ALARM

Word: TypeAlias = Literal["keep", "stop", "not yet"]


class Advice(NamedTuple):
    """One word, and why.

    Parameters
    ----------
    word
        What to do.
    code
        Why: one of `REASONS`.
    numbers
        What the reason is made of: shares, money, customers and weeks, by name.
    """

    word: Word
    code: str
    numbers: Mapping[str, float]

    @property
    def because(self) -> str:
        """Why, in words."""
        told = {name: _FORMS[name](value) for name, value in self.numbers.items()}
        return REASONS[self.code].format(**told)


#: Why something is advised, by code.
REASONS: Final = {
    "split": "the groups have not the sizes that were drawn (chance {chance}); find out why first, "
    "since something chose customers after the draw",
    "nobody_held": "nobody was held out whose horizon has passed, so there is nothing to compare "
    "with",
    "nobody_treated": "nobody was treated whose horizon has passed",
    "few_held": "of only {few} held-out customers is it known what became of them, and from "
    "{least} on there is something to say; {weeks}",
    "few_treated": "of only {few} treated customers is it known what became of them, and from "
    "{least} on there is something to say; {weeks}",
    "harms": "it drives customers away: {fewer} points fewer come back ({fewer_low} to "
    "{fewer_high})",
    "costs": "it costs more than it brings: {money_low} to {money_high} a customer after cost",
    "works_and_pays": "{more} points more of them come back ({low} to {high}); and it pays "
    "({money_low} to {money_high} a customer after cost)",
    "works": "{more} points more of them come back ({low} to {high}); whether it pays is open "
    "({money_low} to {money_high} a customer after cost)",
    "pays": "it brings more than it costs: {money_low} to {money_high} a customer after cost",
    "little": "at best {high} points more come back, and {worth} would be worth it",
    "open": "the bounds still hold zero ({low} to {high} points); {weeks}",
}


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
    >>> from models.judging import Interval
    >>> def effect(estimate, reach, held_out=500):
    ...     bounds = Interval(estimate, estimate - reach, estimate + reach)
    ...     return Effect(4_500, held_out, 0.5 + estimate, 0.5, bounds, 0.9, 0.0, 0.025)
    >>> def said(returned, margin, p=0.5):
    ...     found = advise(returned, margin, mismatch=p, weekly=400.0, worth=0.02)
    ...     return f"{found.word}: {found.because}"
    >>> print(said(effect(0.06, 0.02), effect(1.0, 3.0)))
    keep: 6.0 points more of them come back (4.0 to 8.0); whether it pays is open (-2.00 to 4.00 \
a customer after cost)
    >>> print(said(effect(-0.06, 0.02), effect(1.0, 3.0)))
    stop: it drives customers away: 6.0 points fewer come back (4.0 to 8.0)
    >>> print(said(effect(0.03, 0.05), effect(1.0, 3.0)))
    not yet: the bounds still hold zero (-2.0 to 8.0 points); at this pace about 15 weeks
    """
    if mismatch < ALARM:
        return Advice("not yet", "split", {"chance": mismatch})
    if not returned.enough:
        return _too_few(returned, weekly)
    back, money = returned.difference, margin.difference
    paid = {"money_low": money.low, "money_high": money.high}
    came = {"low": back.low, "high": back.high}
    if back.high < 0:
        # Of fewer, the more comes last.
        fewer = {"fewer": -back.estimate, "fewer_low": -back.high, "fewer_high": -back.low}
        return Advice("stop", "harms", fewer)
    if money.high < 0:
        return Advice("stop", "costs", paid)
    if back.low > 0:
        code = "works_and_pays" if money.low > 0 else "works"
        return Advice("keep", code, {"more": back.estimate, **came, **paid})
    if money.low > 0:
        return Advice("keep", "pays", paid)
    if back.high < worth:
        return Advice("stop", "little", {"high": back.high, "worth": worth})
    weeks = weeks_until_clear(returned, weekly)
    return Advice("not yet", "open", {**came, "weeks": weeks})


def _too_few(effect: Effect, weekly: float) -> Advice:
    if not effect.held_out:
        return Advice("not yet", "nobody_held", {})
    if not effect.treated:
        return Advice("not yet", "nobody_treated", {})
    few, arm = min((effect.held_out, "held"), (effect.treated, "treated"))
    weeks = effect.count * (LEAST / few - 1) / weekly if weekly > 0 else math.inf
    return Advice("not yet", f"few_{arm}", {"few": few, "least": LEAST, "weeks": weeks})


def _after(weeks: float) -> str:
    if not weeks < MOST_WEEKS:
        return "at this pace not within two years"
    return f"at this pace about {max(round(weeks), 1)} week{'s' if round(weeks) > 1 else ''}"


def _points(share: float) -> str:
    return f"{100 * share:.1f}"


def _money(amount: float) -> str:
    return f"{amount:,.2f}"


def _count(number: float) -> str:
    return f"{number:.0f}"


#: How each number is told.
_FORMS: Final[Mapping[str, Callable[[float], str]]] = {
    "chance": lambda chance: f"{chance:.2g}",
    "few": _count,
    "least": _count,
    "weeks": _after,
    "money_low": _money,
    "money_high": _money,
    **dict.fromkeys(("more", "low", "high", "worth", "fewer", "fewer_low", "fewer_high"), _points),
}
