"""Which playbook a customer gets, and why not each of the others.

1. A playbook must be in force, all of ``when`` must hold and nothing of ``unless``.
2. Nothing may stand in its way: a consent that is missing, its own cooldown, the shop's, a cap, or
   that it would cost more than it brings. Of a playbook with several arms this is asked of all of
   them, and of the mean of what they cost: whom chance may give an arm to must not depend on the
   arm, or the arms could not be compared. In the way of one that does nothing stands nothing.
3. Those that are left are ranked: the smaller priority first, then what is expected of them (risk
   times value times uplift, less the cost), then as they stand in the file.
4. Whoever is held out goes the same way, to the same moment and the same id; only nothing is done.
5. Where the plan steers, what was learnt stands in for the uplift of the file, and what harms is
   in its own way (`models.playbooks.steering`); but not for those who explore.

Pure: what was done before is handed in, and money is not spent here but asked for.
"""

from __future__ import annotations

from typing import NamedTuple

from features import DAY, DEVICE_ZONE, Millis
from models.deciding import decision_id
from models.playbooks.conditions import Hindrance, barred, excluding, lacking
from models.playbooks.draws import arm_of, explores, held_out, held_out_of
from models.playbooks.plan import Action, Plan, Playbook, Steering
from models.playbooks.quiet import date_in, is_zone, permitted_from
from models.playbooks.situation import Situation
from models.playbooks.steering import Estimate, estimate


class Considered(NamedTuple):
    """What a playbook was found to be for a customer.

    Parameters
    ----------
    playbook
        Its name.
    matched
        Whether it is for such a customer.
    hindrance
        The first thing that stands in its way; None if nothing does.
    gain
        What is expected of it, in cents, less the cost; None where nobody has an idea.
    rank
        From 1 on, among those in whose way nothing stands; 0 for the others.
    learnt
        What stood in for the file's uplift; None where that stood.
    """

    playbook: str
    matched: bool
    hindrance: Hindrance | None
    gain: float | None
    rank: int = 0
    learnt: Estimate | None = None


class Need(NamedTuple):
    """What must be granted before something is done: money, and a place within the shop's rate.

    Parameters
    ----------
    playbook
        Whose budget.
    cents
        How much is taken: what the arm costs, or nothing for whoever is held out.
    room
        How much must be left for it to be granted: the dearest arm. So whether something is granted
        depends neither on the arm nor on the holdout, and those who are compared are alike.
    day, month
        Of which day and which month, as the shop's calendar has it.
    rated
        Whether it counts for the shop's rate: what is transactional does not.
    """

    playbook: str
    cents: int
    room: int
    day: str
    month: str
    rated: bool


class Option(NamedTuple):
    """What can be done for a customer; the caller takes the first that is granted.

    Parameters
    ----------
    playbook, arm, action
        By which, and what.
    held
        ``shop`` or ``playbook`` where the customer is held out of all or of this one; else empty.
    not_before
        The first moment at which nobody is disturbed.
    need
        What must be granted; None where nothing is needed.
    """

    playbook: str
    arm: str
    action: Action
    held: str
    not_before: Millis
    need: Need | None


class Course(NamedTuple):
    """All that a plan says of a customer at a decision point.

    Parameters
    ----------
    id
        Of the decision; whether the customer is held out does not change it.
    customer, at
        Who, and when.
    considered
        Every playbook, in the order of the file.
    options
        What can be done, the best first. If one of them is to do nothing, none comes after it.
    steering
        Empty where nothing steers; ``explored`` of those who go by the file's order whatever was
        learnt; else ``agreed``, or ``steered`` where something else comes first by it.
    instead
        Of those who are steered, what the file's order has first; empty if it has nothing.
    """

    id: str
    customer: str
    at: Millis
    considered: tuple[Considered, ...]
    options: tuple[Option, ...]
    steering: str = ""
    instead: str = ""

    @property
    def first(self) -> Option | None:
        """The best; None if no playbook is for this customer now."""
        return self.options[0] if self.options else None


def choose(plan: Plan, situation: Situation) -> Course:
    """Return what a plan says of a customer.

    Parameters
    ----------
    plan
        Of the shop.
    situation
        The customer at a decision point.

    Examples
    --------
    >>> from models.playbooks.reading import read_plan
    >>> plan = read_plan('''
    ... version = 1
    ... holdout = { share = 0.0 }
    ... [[playbook]]
    ... name = "gift"
    ... when = { segment = "loyal" }
    ... action = { kind = "coupon", channel = "email", depth = 0.1, expires = "7d", cost = 4.0 }
    ... [[playbook]]
    ... name = "remind"
    ... when = { band = ["medium", "high"] }
    ... action = { kind = "message", channel = "email" }
    ... ''', features=())
    >>> course = choose(plan, Situation("ada", 0, risk=0.7, band="high", segment="new"))
    >>> course.first.playbook, course.considered[0].hindrance.code
    ('remind', 'other')
    """
    by_file = _course(plan, situation, None)
    if plan.steering is None:
        return by_file
    if explores(plan, situation.customer):
        return by_file._replace(steering="explored")
    course = _course(plan, situation, plan.steering)
    first, instead = (each.first and each.first.playbook for each in (course, by_file))
    if first == instead:
        return course._replace(steering="agreed")
    return course._replace(steering="steered", instead=instead or "")


def _course(plan: Plan, situation: Situation, steering: Steering | None) -> Course:
    looked = [_look(plan, playbook, situation, steering) for playbook in plan.playbooks]
    ranked = sorted(
        (place for place, each in enumerate(looked) if each.hindrance is None),
        key=lambda place: (plan.playbooks[place].priority, -(looked[place].gain or 0.0), place),
    )
    for rank, place in enumerate(ranked, 1):
        looked[place] = looked[place]._replace(rank=rank)
    shop = held_out(plan, situation.customer)
    options = []
    for place in ranked:
        playbook = plan.playbooks[place]
        options.append(_option(plan, playbook, situation, shop))
        if playbook.idle:
            break
    at, customer = situation.at, situation.customer
    identity = decision_id(customer, at, situation.cause)
    return Course(identity, customer, at, tuple(looked), tuple(options))


def _look(
    plan: Plan, playbook: Playbook, situation: Situation, steering: Steering | None
) -> Considered:
    learnt = None if steering is None else estimate(steering, playbook, situation)
    gain = expected_gain(playbook, situation, learnt)
    mismatch = _mismatch(plan, playbook, situation)
    hindrance = mismatch or _obstacle(plan, playbook, situation, gain, learnt)
    return Considered(playbook.name, mismatch is None, hindrance, gain, learnt=learnt)


def expected_gain(
    playbook: Playbook, situation: Situation, learnt: Estimate | None = None
) -> float | None:
    """Return what is expected of a playbook, in cents; None if nobody knows its uplift.

    Examples
    --------
    >>> from models.playbooks.plan import Arm
    >>> call = Playbook("call", (Arm("only", 1.0, Action("call", "phone", 3_00)),), uplift=0.1)
    >>> expected_gain(call, Situation("ada", 0, risk=0.5, band="high", value=200_00))
    700.0
    """
    if playbook.idle:
        return 0.0
    if learnt is not None and learnt.gain is not None:
        return learnt.gain
    uplift = playbook.uplift if learnt is None else learnt.uplift
    if uplift is None:
        return None
    return situation.risk * situation.value * uplift - playbook.cost


def _mismatch(plan: Plan, playbook: Playbook, situation: Situation) -> Hindrance | None:
    if not playbook.enabled:
        return Hindrance("off")
    for condition in playbook.when:
        found = lacking(condition, situation, plan.consents)
        if found is not None:
            return found
    for condition in playbook.unless:
        found = excluding(condition, situation, plan.consents)
        if found is not None:
            return found
    return None


def _obstacle(
    plan: Plan,
    playbook: Playbook,
    situation: Situation,
    gain: float | None,
    learnt: Estimate | None,
) -> Hindrance | None:
    if playbook.idle:
        # Not even what was done under its name before the file was changed.
        return None
    channels = playbook.channels
    if found := barred(plan.consents, channels, situation.traits):
        return found
    # Where a visitor was found to be this customer, time may have been ahead: what was done then
    # counts as if it were done now.
    at = situation.at
    last = max((sent.at for sent in situation.sent if sent.playbook == playbook.name), default=None)
    if last is not None and (since := max(at - last, 0)) < playbook.cooldown:
        return Hindrance("resting", "", (since / DAY, playbook.cooldown / DAY))
    if not channels:
        # The customer is owed what it does.
        return None
    counted = [sent for sent in situation.sent if not sent.transactional]
    last = max((sent.at for sent in counted), default=None)
    if last is not None and (since := max(at - last, 0)) < plan.cooldown:
        return Hindrance("peace", "", (since / DAY, plan.cooldown / DAY))
    for channel, most, per in plan.caps:
        if channel and channel not in channels:
            continue
        count = sum(
            at - sent.at < per for sent in counted if not channel or sent.channel == channel
        )
        if count >= most:
            return Hindrance("capped", channel, (count, most, per / DAY))
    if learnt is not None and learnt.harms:
        points = 100 * learnt.lift, 100 * learnt.low, 100 * learnt.high
        return Hindrance("harms", "", points, learnt.where)
    if gain is not None and gain < 0:
        return Hindrance("loss", "", (gain + playbook.cost, playbook.cost))
    return None


def _option(plan: Plan, playbook: Playbook, situation: Situation, shop: bool) -> Option:
    arm = arm_of(plan, playbook, situation.customer)
    action, at = arm.action, situation.at
    held = ""
    if not playbook.idle:
        held = "shop" if shop else ""
        if not held and held_out_of(plan, playbook, situation.customer):
            held = "playbook"
    if playbook.idle:
        return Option(playbook.name, arm.name, action, held, at, None)
    rated = bool(playbook.channels)
    need = None
    if playbook.budget != (None, None) or (rated and plan.rate is not None):
        day = date_in(plan.timezone, at)
        room = max(each.action.cost for each in playbook.arms if each.weight > 0)
        cents = 0 if held else action.cost
        need = Need(playbook.name, cents, room, day, day[:7], rated)
    not_before = _not_before(plan, action, situation)
    return Option(playbook.name, arm.name, action, held, not_before, need)


def _not_before(plan: Plan, action: Action, situation: Situation) -> Millis:
    quiet = plan.quiet
    if quiet is None or action.transactional or not action.channel:
        return situation.at
    if quiet.channels and action.channel not in quiet.channels:
        return situation.at
    # What the shop says itself, then the customer's device.
    told = (situation.traits.get(name, "") for name in (quiet.trait, DEVICE_ZONE))
    zone = next(filter(is_zone, told), plan.timezone)
    return permitted_from(quiet.start, quiet.end, zone, situation.at)


__all__ = ["Considered", "Course", "Need", "Option", "choose", "expected_gain"]
