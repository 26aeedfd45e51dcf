"""Shows what a policy file says, and what it says of one customer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import click
import msgspec

from features import format_duration, to_iso
from models.playbooks import (
    Action,
    Condition,
    Considered,
    Course,
    Doubt,
    Estimate,
    Group,
    OneOf,
    Option,
    Plan,
    Playbook,
    Situation,
    Steering,
    customers_needed,
    money,
    say,
    say_steering,
)

_HELD: Final = {
    "shop": "held out of everything: it is noted, and nothing is done",
    "playbook": "held out of this playbook: it is noted, and nothing is done",
}


def show_plan(plan: Plan, found: Sequence[Doubt]) -> None:
    """Show a plan, and below it what can be doubted of it."""
    for line in _of_all(plan):
        click.echo(f"  {line}")
    for playbook in sorted(plan.playbooks, key=lambda each: each.priority):
        off = "" if playbook.enabled else "  (not enabled)"
        click.echo(f"\n{playbook.priority:>4}  {click.style(playbook.name, bold=True)}{off}")
        for name, text in _of_one(plan, playbook):
            click.echo(f"      {name:8}  {text}")
    if found:
        click.echo()
    for doubt in found:
        click.echo(f"careful: {f'{doubt.playbook}: ' if doubt.playbook else ''}{doubt.text}")


def _of_all(plan: Plan) -> Iterator[str]:
    yield f"time zone {plan.timezone}{f', amounts in {plan.currency}' if plan.currency else ''}"
    yield f"held out of everything: {plan.holdout:.1%} of the customers (salt {plan.salt!r})"
    if plan.cooldown:
        yield f"between two actions for one customer: at least {format_duration(plan.cooldown)}"
    for channel, most, per in plan.caps:
        over = channel or "all channels"
        yield f"for one customer: at most {most} over {over} in {format_duration(per)}"
    if plan.rate is not None:
        yield f"of the whole shop: at most {plan.rate.most:,} in {format_duration(plan.rate.per)}"
    if plan.quiet is not None:
        start, end, trait, channels = plan.quiet
        over = f" over {' and '.join(channels)}" if channels else ""
        yield f"nobody is disturbed{over} from {_clock(start)} to {_clock(end)} (trait {trait})"
    for consent in plan.consents:
        lifts = ", which lifts an older no of the customer's" if consent.renews else ""
        yield f"consent {consent.name}: trait {consent.trait} is {' or '.join(consent.yes)}{lifts}"
    steering = plan.steering
    if steering is not None and steering.learnt is not None:
        first, last = (at[:10] for at in (steering.learnt.first, steering.learnt.last))
        alerted = f", of customers alerted from {first} to {last}" if first else ""
        yield f"steered by what was learnt ({steering.response}{alerted})"
        goal = "by the margin that they bring, " if steering.goal == "margin" else ""
        yield (
            f"  {goal}from {steering.least:,} treated and {steering.least:,} held out on;"
            f" {steering.explore:.1%} explore, and go by the file's order"
        )


def _of_one(plan: Plan, playbook: Playbook) -> Iterator[tuple[str, str]]:
    for name, conditions in (("when", playbook.when), ("unless", playbook.unless)):
        if conditions:
            joined = (" and " if name == "when" else " or ").join
            yield name, joined(_condition(each, plan.currency) for each in conditions)
    weights = sum(arm.weight for arm in playbook.arms)
    for arm in playbook.arms:
        share = f"{arm.weight / weights:.0%} {arm.name}: " if len(playbook.arms) > 1 else ""
        yield "action", f"{share}{_action(arm.action, plan.currency)}"
    limits = []
    if playbook.cooldown:
        limits.append(f"once in {format_duration(playbook.cooldown)}")
    for span, amount in zip(("day", "month"), playbook.budget, strict=True):
        if amount is not None:
            limits.append(f"{money(amount, plan.currency)} a {span}")
    if limits:
        yield "at most", ", ".join(limits)
    if playbook.holdout:
        yield "holdout", f"{playbook.holdout:.1%} of its customers, beside those of the shop"
    if playbook.uplift is not None:
        yield "uplift", f"{playbook.uplift:g}{_to_tell(plan, playbook)}"
    if plan.steering is not None and plan.steering.learnt is not None:
        for group in plan.steering.learnt.groups:
            if group.playbook == playbook.name:
                yield "learnt", _learnt(plan, plan.steering, group)


def _learnt(plan: Plan, steering: Steering, group: Group) -> str:
    named = " ".join(group.where) or "all"
    if not group.known or group.lift is None or group.low is None or group.high is None:
        return f"{named}: too few ({group.treated:,} treated, {group.held_out:,} held out)"
    points = f"{100 * group.lift:+.1f} points come back"
    if steering.goal == "margin" and group.money is not None:
        points = f"{money(100 * group.money, plan.currency)} more from each, {points}"
    bounds = f"{100 * group.low:.1f} to {100 * group.high:.1f}"
    counted = f"{group.treated:,} treated, {group.held_out:,} held out"
    if not steering.counts(group):
        return f"{named}: {points} ({bounds}), which is of too few to count ({counted})"
    harms = ", so it is not taken" if group.high < 0 else ""
    return f"{named}: {points} ({bounds}; {counted}){harms}"


def _to_tell(plan: Plan, playbook: Playbook) -> str:
    held = 1 - (1 - plan.holdout) * (1 - playbook.holdout)
    if not held or not playbook.uplift:
        return ""
    return f", which about {customers_needed(playbook.uplift, held):,} customers can tell"


def _condition(condition: Condition, currency: str) -> str:
    name = condition.key or condition.about
    if isinstance(condition, OneOf):
        return f"{name} {(' and ' if name == 'consent' else ' or ').join(condition.words)}"
    bounds = []
    for word, bound in (("at least", condition.least), ("at most", condition.most)):
        if bound is not None:
            told = money(bound, currency) if condition.about == "value" else f"{bound:g}"
            bounds.append(f"{word} {told}")
    return f"{name} {' and '.join(bounds)}"


def _action(action: Action, currency: str) -> str:
    if action.kind == "nothing":
        return "nothing"
    parts: list[str] = [action.kind]
    if action.kind == "coupon":
        parts.append(f"of {action.depth:.0%}, good for {format_duration(action.expires)},")
    parts.append(f"over {action.channel}")
    if action.template:
        parts.append(f"({action.template})")
    if action.cost:
        parts.append(f"for {money(action.cost, currency)}")
    return " ".join(parts) + (", transactional" if action.transactional else "")


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


# -- of one customer --------------------------------------------------------------------------


def show_course(plan: Plan, who: Situation, course: Course, language: str) -> None:
    """Show what a plan says of a customer: what would be done, and why not each of the others."""
    click.echo(
        f"{click.style(who.customer, bold=True)} at {to_iso(who.at)[:16]}Z: risk {who.risk:.2f}"
        f" ({who.band}), {who.segment}, {who.stage}, worth {money(who.value, plan.currency)};"
        f" reasons {', '.join(who.reasons) or 'none'}"
    )
    for line in _verdict(plan, course):
        click.echo(f"  {line}")
    if course.steering:
        click.echo(f"  {say_steering(course.steering, course.instead, language)}")
    click.echo()
    width = max(len(each.playbook) for each in course.considered)
    for each in course.considered:
        click.echo(f"  {each.playbook:{width}}  {_said(each, plan, language)}")


def _verdict(plan: Plan, course: Course) -> Iterator[str]:
    option = course.first
    if option is None:
        yield "nothing is done: no playbook is for this customer now"
        return
    arm = f", arm {option.arm}" if option.arm != "only" else ""
    yield f"{option.playbook}{arm}: {_action(option.action, plan.currency)}"
    if option.held:
        yield _HELD[option.held]
    if option.not_before > course.at:
        yield f"not before {to_iso(option.not_before)[:16]}Z: it is a quiet time there"
    if option.need is not None and option.need.cents:
        yield f"takes {money(option.need.cents, plan.currency)} of the budget, if it is left"
    if len(course.options) > 1:
        others = ", ".join(each.playbook for each in course.options[1:])
        yield f"if that is not granted: {others}"


def _said(each: Considered, plan: Plan, language: str) -> str:
    if each.hindrance is not None:
        return f"no: {say(each.hindrance, language, plan.currency)}"
    gain = "" if each.gain is None else f", expected gain {money(each.gain, plan.currency)}"
    by = "" if each.learnt is None else f", by a learnt uplift of {each.learnt.uplift:.3f}"
    if each.learnt is not None and each.learnt.gain is not None:
        by = ", by what such customers have brought"
    return f"yes, number {each.rank}{gain}{by}"


# -- for a machine ----------------------------------------------------------------------------


def plan_as_dict(plan: Plan) -> dict[str, Any]:
    """Return a plan as plain data: money in the currency's units, time in words of the file."""
    return {
        "fingerprint": plan.fingerprint,
        **_steering_as_dict(plan.steering),
        "timezone": plan.timezone,
        "currency": plan.currency,
        "holdout": {"share": plan.holdout, "salt": plan.salt},
        "playbooks": [
            {
                "name": each.name,
                "priority": each.priority,
                "enabled": each.enabled,
                "when": _conditions_as_list(each.when),
                "unless": _conditions_as_list(each.unless),
                "arms": [
                    {"name": arm.name, "weight": arm.weight, "action": _action_as_dict(arm.action)}
                    for arm in each.arms
                ],
                "holdout": each.holdout,
                "uplift": each.uplift,
                "cooldown": format_duration(each.cooldown) if each.cooldown else None,
                "budget": {
                    span: None if cents is None else cents / 100
                    for span, cents in each.budget._asdict().items()
                },
            }
            for each in plan.playbooks
        ],
    }


def _steering_as_dict(steering: Steering | None) -> dict[str, Any]:
    """Return how what was learnt steers; nothing where it does not."""
    if steering is None:
        return {}
    told: dict[str, Any] = {
        "goal": steering.goal,
        "explore": steering.explore,
        "least": steering.least,
        "spread": steering.spread,
    }
    learnt = steering.learnt
    groups = () if learnt is None else learnt.groups
    return {
        "steering": {
            "response": steering.response,
            **told,
            "learnt": None if learnt is None else learnt.fingerprint,
            "groups": [
                {**msgspec.to_builtins(each), "counts": steering.counts(each)} for each in groups
            ],
        }
    }


def _conditions_as_list(conditions: Iterable[Condition]) -> list[dict[str, Any]]:
    found = []
    for each in conditions:
        told: dict[str, Any] = {"about": each.about, "name": each.key or each.about}
        if isinstance(each, OneOf):
            told["words"] = list(each.words)
        else:
            scale = 100 if each.about == "value" else 1
            told["min"], told["max"] = (
                None if bound is None else bound / scale for bound in (each.least, each.most)
            )
        found.append(told)
    return found


def _action_as_dict(action: Action) -> dict[str, Any]:
    told: dict[str, Any] = {"kind": action.kind}
    if action.kind == "nothing":
        return told
    told |= {
        "channel": action.channel,
        "cost": action.cost / 100,
        "template": action.template,
        "transactional": action.transactional,
    }
    if action.kind == "coupon":
        told |= {"depth": action.depth, "expires": format_duration(action.expires)}
    return told


def course_as_dict(plan: Plan, who: Situation, course: Course, language: str) -> dict[str, Any]:
    """Return what a plan says of a customer as plain data."""
    return {
        "id": course.id,
        "customer": course.customer,
        "at": to_iso(course.at),
        "policy": plan.fingerprint,
        "situation": {
            "cause": who.cause,
            "risk": who.risk,
            "band": who.band,
            "reasons": list(who.reasons),
            "segment": who.segment,
            "stage": who.stage,
            "value": round(who.value) / 100,
            "sent": [to_iso(each.at) for each in who.sent],
        },
        **_steered_as_dict(course),
        "options": [_option_as_dict(each) for each in course.options],
        "playbooks": [
            {
                "playbook": each.playbook,
                "matched": each.matched,
                "rank": each.rank or None,
                "gain": None if each.gain is None else each.gain / 100,
                "hindrance": None if each.hindrance is None else each.hindrance._asdict(),
                "why": None
                if each.hindrance is None
                else say(each.hindrance, language, plan.currency),
                **({} if each.learnt is None else {"learnt": _estimate_as_dict(each.learnt)}),
            }
            for each in course.considered
        ],
    }


def _estimate_as_dict(learnt: Estimate) -> dict[str, Any]:
    told = learnt._asdict()
    gain = told.pop("gain")
    return told if gain is None else {**told, "gain": gain / 100}


def _steered_as_dict(course: Course) -> dict[str, Any]:
    """Return how what was learnt has steered; nothing where nothing steers."""
    if not course.steering:
        return {}
    return {"steering": course.steering, "instead": course.instead or None}


def _option_as_dict(option: Option) -> dict[str, Any]:
    request = option.need
    return {
        "playbook": option.playbook,
        "arm": option.arm,
        "action": _action_as_dict(option.action),
        "held_out": option.held or None,
        "not_before": to_iso(option.not_before),
        "asks_for": None if request is None else request._asdict(),
    }
