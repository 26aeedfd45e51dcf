"""Makes the alert of a decision: what a CRM is told of it."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from typing import Any, NamedTuple

from features import Millis, Sketch, to_datetime
from models.deciding import (
    Alert,
    Cause,
    Offer,
    Reason,
    Verdict,
    decision_id,
    suggested_action,
    suggested_of,
)
from models.judging import Ground
from models.playbooks import Plan, chances_of
from streams.batch import Shop
from streams.ruling import Point, Ruling


class Scored(NamedTuple):
    """A decision point whose risk is known.

    Parameters
    ----------
    row
        Which row of the batch's vectors it is.
    at, cause, risk, version
        When, why the customer is looked at, what came out, and by which model.
    vector
        The features as they were scored.
    sketch
        What these are made of; None where they do not follow from few numbers.
    grounds
        What raises the risk, strongest first.
    traits
        What the shop had said of the customer by then; None where no plan asks for it.
    """

    row: int
    at: Millis
    cause: Cause
    risk: float
    version: str
    vector: array[float]
    sketch: Sketch | None
    grounds: list[Ground]
    traits: Mapping[str, str] | None


def point_of(shop: Shop, user_id: str, scored: Scored) -> Point:
    """Return a decision point as a plan is asked about it."""
    facts = shop.catalogue.as_dict(scored.vector)
    codes = tuple(each.code for each in scored.grounds)
    _, at, cause, risk, *_ = scored
    return Point(user_id, at, cause, risk, facts, codes, scored.traits or {})


def alert_of(
    shop: Shop, user_id: str, scored: Scored, verdict: Verdict, ruling: Ruling | None
) -> Alert:
    """Return the alert of a decision to act.

    Parameters
    ----------
    shop
        The rules.
    user_id, scored
        Who, and what it rests on.
    verdict
        What was decided.
    ruling
        What the plan said; None where there is none.
    """
    at, cause, risk = scored.at, scored.cause, scored.risk
    facts = shop.catalogue.as_dict(scored.vector)
    codes = [each.code for each in scored.grounds]
    action = suggested_action(verdict.arm, cause, codes, risk)
    start, by_plan = at, {}
    if ruling is not None and ruling.option is not None and shop.plan is not None:
        start = ruling.option.not_before
        if verdict.arm == "treated":
            action = suggested_of(ruling.option.action.kind)
        by_plan = _by_plan(ruling, at, shop.plan)
    return Alert(
        alert_id=decision_id(user_id, at, cause),
        user_id=user_id,
        decided_at=to_datetime(at),
        # It can be acted upon as long, whenever the customer may be disturbed.
        valid_until=to_datetime(start + shop.policy.valid),
        cause=cause,
        risk=risk,
        band=verdict.band,
        reasons=[
            Reason(each.code, shop.explainer.say(each), each.contribution, each.numbers)
            for each in scored.grounds
        ],
        silence_days=max(facts["recency"], 0.0),
        action=action,
        arm=verdict.arm,
        horizon_days=shop.definition.horizon_days,
        model_version=scored.version,
        catalogue=shop.catalogue.fingerprint,
        vector=facts,
        **by_plan,
    )


def _by_plan(ruling: Ruling, at: Millis, plan: Plan) -> dict[str, Any]:
    """Return what an alert says beyond what it says without a plan."""
    option, play = ruling.option, ruling.play
    assert option is not None
    action, start = option.action, option.not_before
    chances = chances_of(plan, option.playbook, option.arm)
    told = {
        "policy": play.policy,
        "playbook": option.playbook,
        "variant": option.arm,
        "holdout_share": chances.held,
        "variant_share": chances.arm,
        "offer": Offer(
            kind=action.kind,
            cost=action.cost / 100,
            depth=action.depth,
            expires=to_datetime(start + action.expires) if action.expires else None,
            template=action.template,
            transactional=action.transactional,
        ),
        "value": round(ruling.value) / 100,
    }
    if action.channel:
        told["channel"] = action.channel
    if start > at:
        told["not_before"] = to_datetime(start)
    if plan.currency:
        told["currency"] = plan.currency
    if play.steering:
        told["steering"] = play.steering
    return told


__all__ = ["Scored", "alert_of", "point_of"]
