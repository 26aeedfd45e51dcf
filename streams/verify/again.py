"""A decision taken again, beside what is recorded of it."""

from __future__ import annotations

from array import array
from collections.abc import Generator, Mapping
from typing import Any, Final, NamedTuple

from msgspec import UNSET, UnsetType

from features import Millis
from models.deciding import Alert, Decision, Sent, Standing, Verdict, why
from models.learning import RISK_PARTS
from models.limits import Answer, Lack, Request
from streams.pipeline import Shop
from streams.ruling import Point as PlanPoint
from streams.ruling import Ruling, rule
from streams.verify.records import Recorded

#: A risk is told again but for the last of the parts in which it is told: processors differ in the
#: last bits, and it was told to all of them once.
_CLOSE: Final = 1 / RISK_PARTS


class Point(NamedTuple):
    """A decision point as the log gives it."""

    at: Millis
    cause: Any
    vector: bytes
    #: What the shop had said of the customer by then; None where no plan asks for it.
    traits: Mapping[str, str] | None


class Judged(NamedTuple):
    """What the model of then says now: the risk, and the codes of the reasons."""

    risk: float
    codes: tuple[str, ...]


class Was(NamedTuple):
    """What is recorded of a decision, and whether an alert may still be on its way."""

    decision: Decision | None
    alert: Alert | None
    waiting: bool


class Again(NamedTuple):
    """What is decided now, why, in words, by which playbook, and what is remembered of it."""

    verdict: Verdict
    why: str
    playbook: str | UnsetType
    variant: str | UnsetType
    steering: str | UnsetType
    sent: tuple[Sent, ...]


def decide_again(
    shop: Shop,
    user_id: str,
    point: Point,
    risk: float,
    now: Judged | None,
    standing: Standing,
    sent: tuple[Sent, ...],
    was: Was,
) -> Again | None:
    """Decide again; None where a plan asks for reasons that nobody can tell any more.

    What there was enough for at that moment is told by nothing but what was done.

    Parameters
    ----------
    shop
        The rules, by the version of the policy file of then.
    user_id, point, risk
        Who, when, and the risk that was recorded.
    now
        What the model of then says now; None if it is not there any more.
    standing, sent
        How things stood, and what was remembered.
    was
        What is recorded.
    """
    at, cause, vector, traits = point
    verdict = shop.policy.decide(user_id, at, cause, risk, standing)
    if shop.plan is None or not verdict.alert:
        return Again(verdict, verdict.why, UNSET, UNSET, UNSET, sent)
    if now is None:
        return None
    facts = shop.catalogue.as_dict(array("f", vector))
    seen = PlanPoint(user_id, at, cause, risk, facts, now.codes, traits or {})
    ruling = _ruled(rule(shop, shop.plan, seen, verdict, standing, sent), _playbook_of(was))
    words = why(ruling.verdict.because, ruling.play)
    play = ruling.play
    steering = play.steering or UNSET
    return Again(ruling.verdict, words, play.playbook, play.variant, steering, ruling.sent)


def _ruled(ruling: Generator[Request, Answer, Ruling], by: str | None) -> Ruling:
    """Return a ruling to which the shop's limits answer what they must have answered."""
    try:
        asked = next(ruling)
        names = [choice.name for choice in asked.choices]
        refused = names[: names.index(by)] if by in names else names
        ruling.send(Answer(by, tuple(Lack(name, "", 0) for name in refused)))
    except StopIteration as done:
        found: Ruling = done.value
        return found
    raise AssertionError("a ruling asks once")


def _playbook_of(was: Was) -> str | None:
    """Return by which playbook something was done; None if nothing was."""
    decision, alert, _ = was
    if decision is not None and decision.play is not None:
        return decision.play.playbook or None
    return alert.playbook if alert is not None and alert.playbook is not UNSET else None


def verdict_differs(again: Again, recorded: Was) -> str:
    """Return what was decided and recorded otherwise, in words; empty if nothing was."""
    verdict, (decision, alert, waiting) = again.verdict, recorded
    if decision is not None:
        mine = (verdict.alert, verdict.band, verdict.arm, again.why)
        theirs = (decision.alert, decision.band, decision.arm, decision.why)
        if mine != theirs:
            return f"{theirs} was decided, and now {mine}"
    if verdict.alert and alert is None and not waiting:
        return "its alert is not in the topic"
    if alert is not None and not verdict.alert:
        return f"there is an alert, but now there is none: {again.why}"
    if alert is not None:
        was = (alert.arm, alert.playbook, alert.variant)
        if was != (verdict.arm, again.playbook, again.variant):
            return f"the alert was {_by(*was)}, and now: {again.why} ({verdict.arm})"
        if alert.steering != again.steering:
            return f"the alert was {alert.steering} by what was learnt, and now {again.steering}"
    return ""


def _by(arm: str, playbook: str | UnsetType, variant: str | UnsetType) -> str:
    if playbook is UNSET:
        return f"by no playbook ({arm})"
    return f"by playbook {playbook}, arm {variant} ({arm})"


def risk_differs(known: Recorded, risk: float) -> str:
    """Return how a risk differs from the one that was recorded; empty if it does not."""
    if abs(known.risk - risk) <= _CLOSE:
        return ""
    return f"the risk was {known.risk:.9g}, and {known.version} now says {risk:.9g}"


def alert_differs(alert: Alert, known: Recorded, point: Point) -> str:
    """Return what an alert says that was not so; empty if there is nothing."""
    if (alert.risk, alert.model_version) != known:
        return f"the alert says {alert.risk:.9g} by {alert.model_version}, the decision {known}"
    if array("f", alert.vector.values()).tobytes() != point.vector:
        now = array("f", point.vector)
        name = next(
            n for (n, was), is_ in zip(alert.vector.items(), now, strict=True) if was != is_
        )
        return f"the alert's {name} was {alert.vector[name]:.9g}, and is another now"
    return ""


__all__ = [
    "Again",
    "Judged",
    "Point",
    "Was",
    "alert_differs",
    "decide_again",
    "risk_differs",
    "verdict_differs",
]
