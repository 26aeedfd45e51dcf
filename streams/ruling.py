"""What the rules of a shop say at a decision point: the risk is the gate, the plan chooses.

Whether to act at all is the policy's (threshold, hysteresis, cooldown). Where a shop has a policy
file, its plan then says what to do: by which playbook and arm, over which channel, from when on,
and to whom nothing is done so that the effect can be seen. Nothing is read here, and no clock: what
the limits of the shop must be asked is yielded, and whoever drives the ruling brings the answer.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from msgspec.structs import replace

from features import Definition, Millis
from models.deciding import (
    OBSTACLES_KEPT,
    Because,
    Obstacle,
    Play,
    Promised,
    Sent,
    Standing,
    Verdict,
)
from models.limits import Answer, Request
from models.playbooks import (
    Considered,
    Hindrance,
    Option,
    Plan,
    Situation,
    choose,
    remembered,
    request_of,
    stage_of,
    want_of,
    worth,
)
from models.understanding import Lifecycle
from streams.batch import Shop

#: What `Lifecycle` reads of a customer.
_OF_LIFE: Final = ("tenure", "visit_days", "gap_mean", "gap_usual")


class Point(NamedTuple):
    """A customer at a decision point whose risk is known.

    Parameters
    ----------
    customer, at, cause, risk
        Who, when, why the customer is looked at, and what came out.
    facts
        Every feature by its name.
    codes
        Of the reasons, strongest first.
    traits
        What the shop had said of the customer by then.
    """

    customer: str
    at: Millis
    cause: str
    risk: float
    facts: Mapping[str, float]
    codes: tuple[str, ...]
    traits: Mapping[str, str]


class Ruling(NamedTuple):
    """What a plan says of a customer whom the policy would alert.

    Parameters
    ----------
    verdict
        What is decided.
    play
        What the plan said.
    option
        What is done; None if nothing is.
    value
        What is lost with the customer, in cents.
    sent
        What must be remembered of what was done for the customer, this too; the held-out are
        counted as if it had been done.
    """

    verdict: Verdict
    play: Play
    option: Option | None
    value: float
    sent: tuple[Sent, ...]


@lru_cache(maxsize=16)
def _lifecycle(horizon_days: float) -> Lifecycle:
    return Lifecycle({name: place for place, name in enumerate(_OF_LIFE)}, horizon_days)


def situation_at(
    point: Point, band: str, plan: Plan, definition: Definition, sent: tuple[Sent, ...]
) -> Situation:
    """Return a customer at a decision point as playbooks see one.

    Parameters
    ----------
    point
        The decision point.
    band
        The risk in one word.
    plan
        Says what customers are worth before anything is known of one.
    definition
        What "gone" means.
    sent
        What was done before.
    """
    facts, horizon = point.facts, definition.horizon_days
    return Situation(
        customer=point.customer,
        at=point.at,
        risk=point.risk,
        band=band,
        cause=point.cause,
        reasons=point.codes,
        segment=_lifecycle(horizon).of_one([facts[name] for name in _OF_LIFE]),
        stage=stage_of(facts, horizon, definition.active_days),
        value=worth(facts, horizon, plan.prior),
        facts=facts,
        traits=point.traits,
        sent=sent,
    )


def rule(
    shop: Shop,
    plan: Plan,
    point: Point,
    verdict: Verdict,
    before: Standing,
    sent: tuple[Sent, ...],
) -> Generator[Request, Answer, Ruling]:
    """Tell what a plan makes of a verdict that would alert.

    Parameters
    ----------
    shop, plan
        The rules.
    point
        The decision point.
    verdict
        The policy's, which is to alert.
    before
        How things stood.
    sent
        What is remembered of what was done.

    Yields
    ------
    Request
        What the shop's limits are asked, where what could be done is limited: once or never.

    Returns
    -------
    Ruling
        Whoever no playbook is for, or there is too little for, or is left in peace by one, is not
        alerted, and stands as if the risk had not reached the threshold: the next look asks again.
    """
    done = Promised(before, sent).all_sent()
    situation = situation_at(point, verdict.band, plan, shop.definition, done)
    course = choose(plan, situation)
    option = course.first
    wants: Mapping[str, Hindrance] = {}
    request = request_of(plan, course, shop.policy.valid)
    if request is not None:
        granted, lacks = yield request
        option = next((each for each in course.options if each.playbook == granted), None)
        wants = want_of(plan, course, lacks)
    play = Play(
        plan.fingerprint,
        obstacles=_obstacles(course.considered, wants),
        steering=course.steering,
        instead=course.instead,
    )
    if option is not None:
        play = replace(
            play,
            playbook=option.playbook,
            variant=option.arm,
            kind=option.action.kind,
            channel=option.action.channel,
            held=option.held,
            not_before=option.not_before,
            uplift=_uplift(course.considered, option),
        )
    if option is None or _idle(plan, option):
        code = "unmatched" if not course.options else "unfunded" if option is None else "spared"
        because = Because(code, (point.risk, shop.policy.threshold))
        calm = shop.policy.left_alone(point.risk, before)
        left = Verdict(False, because, verdict.arm, verdict.band, calm)
        return Ruling(left, play, None, situation.value, sent)
    if option.held:
        verdict = verdict._replace(arm="holdout")
    action = option.action
    new = Sent(point.at, option.playbook, action.channel, action.transactional)
    return Ruling(verdict, play, option, situation.value, remembered(plan, (*done, new), point.at))


def _idle(plan: Plan, option: Option) -> bool:
    return next(each for each in plan.playbooks if each.name == option.playbook).idle


def _uplift(considered: tuple[Considered, ...], option: Option) -> float | None:
    """Return what was learnt of the playbook that is taken; None where the file's uplift stood."""
    learnt = next(each.learnt for each in considered if each.playbook == option.playbook)
    return None if learnt is None else learnt.uplift


def _obstacles(
    considered: tuple[Considered, ...], wants: Mapping[str, Hindrance]
) -> tuple[Obstacle, ...]:
    found: list[Obstacle] = []
    for each in considered:
        hindrance = each.hindrance or wants.get(each.playbook)
        if hindrance is not None and len(found) < OBSTACLES_KEPT:
            code, about, numbers, words, wanted = hindrance
            # They are read as floats, and must then be kept alike.
            told = tuple(float(number) for number in numbers)
            found.append(Obstacle(each.playbook, code, about, told, words, wanted))
    return tuple(found)


__all__ = ["Point", "Ruling", "rule", "situation_at"]
