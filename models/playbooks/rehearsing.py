"""What a plan would have done with customers as they were: every decision point, taken again.

What was done is remembered for each customer, money is taken from the budgets of the day and of
the month, and a place from the shop's rate, as they will be when a plan decides. Customers do what
they did: nobody comes back because of it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from features import Millis
from models.playbooks.choosing import Option, choose
from models.playbooks.plan import Plan
from models.playbooks.quiet import date_in
from models.playbooks.situation import Sent, Situation


@dataclass
class Rehearsed:
    """What became of one playbook.

    Parameters
    ----------
    playbook
        Its name.
    fitted
        How often it was for the customer.
    done, held
        How often it was done, and how often it would have been if the customer were not held out.
    left
        How often a playbook that does nothing was taken.
    cents
        What it cost.
    blocked
        How often something stood in its way though it fitted, by code: that of a hindrance, or
        ``outranked``, ``budget`` and ``rate``.
    customers
        For whom it was done, or who were held out.
    days
        How often it was done on each day, by date.
    explored, steered
        How often it was taken for a customer who explores, and how often because of what was
        learnt: something else is first by the file's order.
    """

    playbook: str
    fitted: int = 0
    done: int = 0
    held: int = 0
    left: int = 0
    cents: int = 0
    blocked: Counter[str] = field(default_factory=Counter)
    customers: set[str] = field(default_factory=set)
    days: Counter[str] = field(default_factory=Counter)
    explored: int = 0
    steered: int = 0


class _Purse:
    """What is left of the budgets and of the rate."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._limits = {each.name: each.budget for each in plan.playbooks}
        self._spent: Counter[tuple[str, str]] = Counter()
        self._sent: Counter[Millis] = Counter()

    def take(self, option: Option, at: Millis) -> str:
        """Take what an option asks for; return what there was too little of, if anything."""
        asked = option.need
        if asked is None:
            return ""
        budget, name = self._limits[asked.playbook], asked.playbook
        for span, most in ((asked.day, budget.day), (asked.month, budget.month)):
            if most is not None and self._spent[name, span] + asked.room > most:
                return "budget"
        rate = self._plan.rate
        if rate is not None and asked.rated:
            window = at // rate.per
            if self._sent[window] >= rate.most:
                return "rate"
            self._sent[window] += not option.held
        for span in (asked.day, asked.month):
            self._spent[name, span] += asked.cents
        return ""


def rehearse(plan: Plan, situations: Iterable[Situation]) -> list[Rehearsed]:
    """Return what would have become of each playbook.

    Parameters
    ----------
    plan
        Of the shop.
    situations
        In the order of time; what was sent before is not in them, but follows from the plan.

    Examples
    --------
    >>> from features import DAY
    >>> from models.playbooks.plan import Action, Arm, Playbook
    >>> call = Playbook("call", (Arm("only", 1.0, Action("call", "phone", 300)),), cooldown=5 * DAY)
    >>> plan = Plan((call,), holdout=0.0)
    >>> [found] = rehearse(plan, [Situation("ada", at * DAY, 0.7, "high") for at in range(7)])
    >>> found.fitted, found.done, found.cents, dict(found.blocked)
    (7, 2, 600, {'resting': 5})
    """
    found = {each.name: Rehearsed(each.name) for each in plan.playbooks}
    idle = [each.name for each in plan.playbooks if each.idle]
    purse = _Purse(plan)
    history: defaultdict[str, list[Sent]] = defaultdict(list)
    longest = max(
        (
            plan.cooldown,
            *(each.cooldown for each in plan.playbooks),
            *(each.per for each in plan.caps),
        )
    )
    for each in situations:
        at, before = each.at, history[each.customer]
        # What is too long ago to stand in the way of anything need not be looked at.
        before[:] = [sent for sent in before if at - sent.at < longest]
        course = choose(plan, replace(each, sent=tuple(before)))
        taken = ""
        missed: dict[str, str] = {}
        for option in course.options:
            missing = purse.take(option, at)
            if missing:
                missed[option.playbook] = missing
                continue
            taken = option.playbook
            found[taken].explored += course.steering == "explored"
            found[taken].steered += course.steering == "steered"
            if taken in idle:
                found[taken].left += 1
            else:
                _note(found[taken], option, each, plan, before)
            break
        for considered in course.considered:
            told = found[considered.playbook]
            told.fitted += considered.matched
            if considered.matched and considered.playbook != taken:
                hindrance = considered.hindrance
                code = hindrance.code if hindrance else missed.get(considered.playbook, "outranked")
                told.blocked[code] += 1
    return list(found.values())


def _note(told: Rehearsed, option: Option, who: Situation, plan: Plan, history: list[Sent]) -> None:
    told.customers.add(who.customer)
    if option.held:
        told.held += 1
    else:
        told.done += 1
        told.cents += option.action.cost
        told.days[date_in(plan.timezone, who.at)] += 1
    action = option.action
    history.append(Sent(who.at, told.playbook, action.channel, action.transactional))


__all__ = ["Rehearsed", "rehearse"]
