"""What a shop's limits are asked before something is done: how much, from which pots, until when.

All that could be done for a customer is asked for at once, the best first: money of the playbook's
day and month, and a place within the shop's rate. Whoever is held out takes nothing, but asks for
as much, or the held-out would be other customers than the treated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from features import DAY, HOUR, Millis
from models.limits import MOST_CHOICES, Choice, Lack, Pot, Request, Take
from models.playbooks.choosing import Course, Need, Option
from models.playbooks.conditions import Hindrance
from models.playbooks.plan import Plan, Playbook
from models.playbooks.quiet import date_in

#: How long after an offer can no longer be used word of its use may come.
_WORD: Final = 2 * DAY
#: How long a pot is known after a decision that drew on it: longer than any log is read again for.
_KEPT: Final = 400 * DAY
_KEPT_RATE: Final = 35 * DAY


class Limited(NamedTuple):
    """A limit of a plan at a time.

    Parameters
    ----------
    playbook
        Of which; empty where it is the shop's.
    about
        ``day``, ``month`` or ``rate``.
    pot
        What is drawn on.
    """

    playbook: str
    about: str
    pot: Pot


def limits_of(plan: Plan, at: Millis) -> list[Limited]:
    """Return what a plan limits for the shop as a whole, as of a time.

    Parameters
    ----------
    plan
        Of the shop.
    at
        The time: it is in a day, in a month and in a span of the shop's rate.

    Examples
    --------
    >>> from models.playbooks.plan import Action, Arm, Budget, Playbook
    >>> arms = (Arm("only", 1.0, Action("call", "phone", 4_00)),)
    >>> plan = Plan((Playbook("call", arms, budget=Budget(day=80_00)),))
    >>> [(each.about, each.pot.name, each.pot.limit) for each in limits_of(plan, 0)]
    [('day', 'call/1970-01-01', 8000)]
    """
    day = date_in(plan.timezone, at)
    found = [
        limit
        for playbook in plan.playbooks
        if playbook.enabled
        for limit in _budgets(playbook, day, at)
    ]
    return [*found, *_rates(plan, at)]


def _budgets(playbook: Playbook, day: str, at: Millis) -> Iterator[Limited]:
    name, budget = playbook.name, playbook.budget
    for about, span, most in (("day", day, budget.day), ("month", day[:7], budget.month)):
        if most is not None:
            yield Limited(name, about, Pot(f"{name}/{span}", most, at + _KEPT))


def _rates(plan: Plan, at: Millis) -> Iterator[Limited]:
    rate = plan.rate
    if rate is not None:
        # No playbook has such a name.
        name, kept_until = f"@rate/{rate.per}/{at // rate.per}", at + rate.per + _KEPT_RATE
        yield Limited("", "rate", Pot(name, rate.most, kept_until, money=False))


def request_of(plan: Plan, course: Course, valid: Millis) -> Request | None:
    """Return what the shop's limits are asked before something is done; None if nothing.

    Parameters
    ----------
    plan
        Of the shop.
    course
        What it says of a customer.
    valid
        How long an alert may be acted upon, in milliseconds.

    Returns
    -------
    Request or None
        Under the id of the decision; its choices have the names of the playbooks. Of coupons,
        what is not said to be redeemed goes back two days after they have expired. A call or a
        message costs what it costs as soon as it is made: silence means that it was.

    Examples
    --------
    >>> from models.playbooks.choosing import choose
    >>> from models.playbooks.reading import read_plan
    >>> from models.playbooks.situation import Situation
    >>> plan = read_plan('''
    ... version = 1
    ... holdout = { share = 0.0 }
    ... [[playbook]]
    ... name = "gift"
    ... budget = { day = 20.00 }
    ... action = { kind = "coupon", channel = "email", depth = 0.1, expires = "7d", cost = 4.0 }
    ... [[playbook]]
    ... name = "remind"
    ... action = { kind = "message", channel = "email" }
    ... ''', features=())
    >>> asked = request_of(plan, choose(plan, Situation("ada", 0, risk=0.7, band="high")), DAY)
    >>> gift, remind = asked.choices
    >>> gift.name, [(take.pot.name, take.amount) for take in gift.takes], remind.takes
    ('gift', [('gift/1970-01-01', 400)], ())
    """
    best = course.first
    if best is None or best.need is None:
        return None
    choices: list[Choice] = []
    for option in course.options[:MOST_CHOICES]:
        choices.append(_choice(plan, option, course.at, valid))
        if option.need is None:
            # Nothing that comes after it is ever asked for.
            break
    return Request(course.id, tuple(choices))


def _choice(plan: Plan, option: Option, at: Millis, valid: Millis) -> Choice:
    need, action = option.need, option.action
    if need is None:
        return Choice(option.playbook)
    takes = []
    for _, about, pot in _of_need(plan, need, at):
        if about == "rate":
            takes.append(Take(pot, 0 if option.held else 1, 1))
        else:
            takes.append(Take(pot, need.cents, need.room))
    until = option.not_before + (action.expires or valid) + _WORD
    return Choice(option.playbook, tuple(takes), until, silent_use=not action.expires)


def _of_need(plan: Plan, need: Need, at: Millis) -> Iterator[Limited]:
    playbook = next(each for each in plan.playbooks if each.name == need.playbook)
    yield from _budgets(playbook, need.day, at)
    if need.rated:
        yield from _rates(plan, at)


def want_of(plan: Plan, course: Course, lacks: tuple[Lack, ...]) -> Mapping[str, Hindrance]:
    """Return what there was too little of, by playbook.

    Parameters
    ----------
    plan, course
        As they were asked for.
    lacks
        What was not granted.
    """
    needs = {option.playbook: option.need for option in course.options}
    found = {}
    for playbook, name, left in lacks:
        need = needs.get(playbook)
        for _, about, pot in () if need is None else _of_need(plan, need, course.at):
            if pot.name == name:
                found[playbook] = _said(plan, need, about, left)
    return found


def _said(plan: Plan, need: Need | None, about: str, left: int) -> Hindrance:
    if about == "rate" and plan.rate is not None:
        return Hindrance("rate", "", (plan.rate.most, plan.rate.per / HOUR))
    return Hindrance("budget", about, (left, 0 if need is None else need.room))


__all__ = ["Limited", "limits_of", "request_of", "want_of"]
