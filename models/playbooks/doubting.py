"""What can be doubted of a plan that is not wrong: what never happens, and what never can be told.

Each doubt names the playbook; none of them keeps a plan from being used.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Final, NamedTuple

from models.playbooks.faults import meant
from models.playbooks.plan import Condition, OneOf, Plan, Playbook, Within
from models.playbooks.saying import money

#: Two-sided 5 % and a power of 80 %: (1.960 + 0.842) squared.
_POWER: Final = 7.849
#: Of customers of whom half come back, which is the hardest to tell.
_VARIANCE: Final = 0.25
_ALIKE: Final = 0.85


class Doubt(NamedTuple):
    """Something that is probably not meant.

    Parameters
    ----------
    playbook
        Its name; empty where it is about the whole plan.
    code
        ``off``, ``never``, ``shadowed``, ``seldom``, ``budget``, ``weight``, ``holdout``,
        ``unmeasured``, ``names``, ``bands``, ``cap``, ``consent`` or ``steering``.
    text
        What, and what could be done.
    """

    playbook: str
    code: str
    text: str


def doubts(plan: Plan, threshold: float = 0.6, customers: int = 100_000) -> list[Doubt]:
    """Return what can be doubted of a plan.

    Parameters
    ----------
    plan
        Without faults.
    threshold
        Of the settings: the risk from which on it is called high; medium begins at half of it.
    customers
        About how many customers will be at risk while a playbook is tried.

    Examples
    --------
    >>> from models.playbooks.plan import Action, Arm
    >>> call = Playbook("call", (Arm("only", 1.0, Action("call", "phone", 9_00)),), uplift=0.001)
    >>> for doubt in doubts(Plan((call,))):
    ...     print(doubt.code, doubt.text.partition(";")[0])
    holdout to tell an uplift of 0.001 takes about 21,802,778 customers, and there are 100,000
    """
    found = []
    for place, playbook in enumerate(plan.playbooks):
        if not playbook.enabled:
            found.append(Doubt(playbook.name, "off", "it is not enabled"))
            continue
        found += _alone(plan, playbook, threshold, customers)
        found += _beside_others(plan, place)
    found += _of_names(plan)
    found += _of_steering(plan)
    for cap in plan.caps:
        if not cap.most:
            text = f"a cap of 0 over {cap.channel or 'all channels'}: nothing ever goes out"
            found.append(Doubt("", "cap", text))
    used = {channel for each in plan.playbooks for channel in each.channels}
    asked = {word for each in plan.playbooks for condition in (*each.when, *each.unless)
             if isinstance(condition, OneOf) and condition.about == "consent"
             for word in condition.words}  # fmt: skip
    for consent in plan.consents:
        if consent.name not in used | asked:
            text = f"no action goes out over {consent.name!r} and no condition asks for it"
            found.append(Doubt("", "consent", text))
    return found


# -- one playbook by itself -------------------------------------------------------------------


def _alone(plan: Plan, playbook: Playbook, threshold: float, customers: int) -> Iterator[Doubt]:
    name = playbook.name
    never = _never(playbook, threshold)
    if never:
        yield Doubt(name, "never", f"nobody ever gets it: {never}")
    dearest = max(arm.action.cost for arm in playbook.arms)
    for span, amount in zip(("day", "month"), playbook.budget, strict=True):
        if amount is not None and amount < max(dearest, 1):
            text = (
                f"{money(amount, plan.currency)} a {span} is less than one action costs,"
                f" {money(dearest, plan.currency)}: nothing is ever granted"
            )
            yield Doubt(name, "budget", text)
    day, month = playbook.budget
    if day is not None and month is not None and month < day:
        text = (
            f"{money(month, plan.currency)} a month is less than {money(day, plan.currency)} a day"
        )
        yield Doubt(name, "budget", text)
    for arm in playbook.arms:
        if not arm.weight:
            yield Doubt(name, "weight", f"the arm {arm.name!r} has the weight 0: nobody gets it")
    if not playbook.idle:
        yield from _measured(plan, playbook, customers)


def _never(playbook: Playbook, threshold: float) -> str:
    for condition in playbook.unless:
        if any(_implies(needed, condition) for needed in playbook.when):
            return f"what it asks of {_named(condition)} is excluded by unless"
    for condition in playbook.when:
        if condition == OneOf("stage", "", ("gone",)):
            return "who is gone is no longer looked at (churn.active)"
    risks = [each for each in playbook.when if each.about == "risk"]
    bands = [each for each in playbook.when if each.about == "band"]
    for risk in risks:
        for band in bands:
            assert isinstance(risk, Within) and isinstance(band, OneOf)
            if not any(_meets(risk, *_edges(word, threshold)) for word in band.words):
                return (
                    f"no risk that it asks for is {' or '.join(band.words)}, which is from"
                    f" policy.threshold = {threshold:g} (high) and half of that (medium) on"
                )
    return ""


def _edges(band: str, threshold: float) -> tuple[float, float]:
    return {"low": (0.0, threshold / 2), "medium": (threshold / 2, threshold)}.get(
        band, (threshold, 1.01)
    )


def _meets(risk: Within, start: float, end: float) -> bool:
    """Whether a risk from start on, but below end, can lie within the bounds."""
    return (risk.least is None or risk.least < end) and (risk.most is None or risk.most >= start)


def _measured(plan: Plan, playbook: Playbook, customers: int) -> Iterator[Doubt]:
    held = 1 - (1 - plan.holdout) * (1 - playbook.holdout)
    if not held:
        text = "nobody is held out: what it does can never be told; set holdout"
        yield Doubt(playbook.name, "holdout", text)
    elif playbook.uplift:
        needed = customers_needed(playbook.uplift, held)
        if needed > customers:
            text = (
                f"to tell an uplift of {playbook.uplift:g} takes about {needed:,} customers, and"
                f" there are {customers:,}; hold out more, or try something stronger"
            )
            yield Doubt(playbook.name, "holdout", text)
    elif playbook.uplift is None and playbook.cost:
        text = "it costs and says no uplift: it cannot be ranked by what it brings"
        yield Doubt(playbook.name, "unmeasured", text)


def customers_needed(uplift: float, held: float) -> int:
    """Return how many customers it takes to tell an uplift, by a power of 80 % at 5 %.

    Parameters
    ----------
    uplift
        Of the share that comes back, in the least favourable case: about half do.
    held
        The share that is held out.

    Notes
    -----
    Of n customers the difference of the two shares has the variance v/(n held) + v/(n (1 - held)).

    Examples
    --------
    >>> customers_needed(0.05, 0.5), customers_needed(0.05, 0.1)
    (3140, 8721)
    """
    return round(_POWER * _VARIANCE * (1 / held + 1 / (1 - held)) / uplift**2)


# -- playbooks beside each other --------------------------------------------------------------


def _beside_others(plan: Plan, place: int) -> Iterator[Doubt]:
    playbook = plan.playbooks[place]
    for other_place, other in enumerate(plan.playbooks):
        if other_place == place or not other.enabled:
            continue
        first = (other.priority, other_place) < (playbook.priority, place)
        told = other.uplift is not None or playbook.uplift is not None or plan.steering is not None
        if other.priority == playbook.priority and told:
            # What is expected of them decides, for each customer anew.
            first = False
        if not first or not _covers(plan, other, playbook):
            continue
        if _rests(plan, other):
            text = (
                f"only while {other.name!r} rests: that fits all of its customers, and goes first"
            )
            yield Doubt(playbook.name, "seldom", text)
        else:
            text = f"nobody ever gets it: {other.name!r} fits all of its customers, and goes first"
            yield Doubt(playbook.name, "shadowed", text)
        return


def _covers(plan: Plan, wide: Playbook, narrow: Playbook) -> bool:
    """Whether a playbook is for all the customers of another one, as far as can be seen."""
    for wanted in wide.when:
        if not any(_implies(condition, wanted) for condition in narrow.when):
            return False
    return all(any(_implies(each, kept) for kept in narrow.unless) for each in wide.unless)


def _rests(plan: Plan, playbook: Playbook) -> bool:
    """Whether something may stand in a playbook's way though it fits."""
    if playbook.idle:
        return False
    bounded = bool(plan.cooldown or plan.caps or plan.rate or plan.consents or plan.steering)
    return bool(
        playbook.cooldown
        or playbook.budget != (None, None)
        or (playbook.channels and (bounded or playbook.uplift is not None))
    )


def _implies(narrow: Condition, wide: Condition) -> bool:
    """Whether whoever meets one condition meets the other."""
    if narrow[:2] != wide[:2]:
        return False
    if isinstance(narrow, OneOf) and isinstance(wide, OneOf):
        if narrow.about == "consent":
            return set(narrow.words) >= set(wide.words)
        return set(narrow.words) <= set(wide.words)
    assert isinstance(narrow, Within) and isinstance(wide, Within)
    low = wide.least is None or (narrow.least is not None and narrow.least >= wide.least)
    high = wide.most is None or (narrow.most is not None and narrow.most <= wide.most)
    return low and high


def _named(condition: Condition) -> str:
    return f"{condition.about} {condition.key}".strip()


def _of_names(plan: Plan) -> Iterator[Doubt]:
    names = [each.name for each in plan.playbooks]
    for place, name in enumerate(names):
        alike = difflib.get_close_matches(
            name.lower(), [n.lower() for n in names[:place]], 1, _ALIKE
        )
        if alike:
            yield Doubt(name, "names", f"its name is hard to tell from {alike[0]!r}")


def _of_steering(plan: Plan) -> Iterator[Doubt]:
    steering = plan.steering
    if steering is None or steering.learnt is None:
        return
    names = [each.name for each in plan.playbooks]
    for name in dict.fromkeys(group.playbook for group in steering.learnt.groups):
        if name not in names:
            text = f"{steering.response} has learnt of {name!r}, which is no playbook here"
            yield Doubt("", "steering", f"{text}; {meant(name, names)}")
    if not any(playbook == name for playbook, _ in steering.groups for name in names):
        text = (
            f"{steering.response} knows too little of every playbook to count: nothing is other"
            " than by the file's order"
        )
        yield Doubt("", "steering", text)
    priorities = [each.priority for each in plan.playbooks if each.enabled and not each.idle]
    if len(priorities) > 1 and len(set(priorities)) == len(priorities):
        text = (
            "no two playbooks have the same priority: what was learnt can keep one back, and never"
            " puts another one first"
        )
        yield Doubt("", "steering", text)


__all__ = ["Doubt", "customers_needed", "doubts"]
