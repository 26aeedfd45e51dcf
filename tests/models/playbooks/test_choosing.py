"""Which playbook a customer gets: against a slow oracle, and what must hold whatever the plan."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import DAY, HOUR
from models.deciding import Policy, decision_id
from models.playbooks import (
    Action,
    Arm,
    Budget,
    Cap,
    Condition,
    OneOf,
    Plan,
    Playbook,
    Quiet,
    Rate,
    Sent,
    Situation,
    choose,
)
from tests.models.playbooks.plans import NOW, PLANS, SITUATIONS

MESSAGE = Action("message", "email", 10)


def only(action: Action = MESSAGE) -> tuple[Arm, ...]:
    return (Arm("only", 1.0, action),)


# -- the oracle: every rule of the page, said slowly -------------------------------------------


def holds(plan: Plan, condition: Condition, who: Situation) -> bool:
    if isinstance(condition, OneOf):
        if condition.about == "consent":
            known_ones = {consent.name for consent in plan.consents}
            return all(w in known_ones and consented(plan, who, w) for w in condition.words)
        known = {"band": [who.band], "reasons": list(who.reasons)}
        if condition.about == "traits":
            known["traits"] = [who.traits[condition.key]] if condition.key in who.traits else []
        return bool(set(known[condition.about]) & set(condition.words))
    if condition.about == "features":
        if condition.key not in who.facts:
            return False
        value = who.facts[condition.key]
    else:
        value = {"risk": who.risk, "value": who.value}[condition.about]
    return not (
        (condition.least is not None and value < condition.least)
        or (condition.most is not None and value > condition.most)
    )


def consented(plan: Plan, who: Situation, channel: str) -> bool:
    for consent in plan.consents:
        if consent.name == channel:
            if consent.trait not in who.traits:
                return consent.unknown
            return who.traits[consent.trait].lower() in ("true", "yes", "1", "granted")
    return True


def worth_doing(playbook: Playbook, who: Situation) -> float | None:
    if all(arm.action.kind == "nothing" for arm in playbook.arms):
        return 0.0
    if playbook.uplift is None:
        return None
    weights = [arm.weight for arm in playbook.arms]
    cost = sum(arm.weight * arm.action.cost for arm in playbook.arms) / sum(weights)
    return who.risk * who.value * playbook.uplift - cost


def in_the_way(plan: Plan, playbook: Playbook, who: Situation) -> str:
    """Return the code of what stands in a playbook's way, most of them in plain loops."""
    if not playbook.enabled:
        return "off"
    if not all(holds(plan, each, who) for each in playbook.when):
        return "when"
    if any(holds(plan, each, who) for each in playbook.unless):
        return "unless"
    if all(arm.action.kind == "nothing" for arm in playbook.arms):
        return ""
    over = {
        arm.action.channel
        for arm in playbook.arms
        if arm.action.kind != "nothing" and not arm.action.transactional
    }
    if not all(consented(plan, who, channel) for channel in over):
        return "refused"
    # What lies ahead counts as if it were done now.
    for sent in who.sent:
        if sent.playbook == playbook.name and max(who.at - sent.at, 0) < playbook.cooldown:
            return "resting"
    if not over:
        return ""
    for sent in who.sent:
        if not sent.transactional and max(who.at - sent.at, 0) < plan.cooldown:
            return "peace"
    for cap in plan.caps:
        if cap.channel and cap.channel not in over:
            continue
        within = [
            sent
            for sent in who.sent
            if not sent.transactional
            and who.at - sent.at < cap.per
            and (not cap.channel or cap.channel == sent.channel)
        ]
        if len(within) >= cap.most:
            return "capped"
    gain = worth_doing(playbook, who)
    return "loss" if gain is not None and gain < 0 else ""


MISMATCHES = {
    "when": {"below", "above", "unknown", "other", "without", "refused"},
    "unless": {"excluded"},
}


@settings(max_examples=150, deadline=None)
@given(PLANS, SITUATIONS)
def test_what_is_said_of_every_playbook_is_what_the_rules_say(plan: Plan, who: Situation) -> None:
    course = choose(plan, who)
    free = []
    for playbook, said in zip(plan.playbooks, course.considered, strict=True):
        code = in_the_way(plan, playbook, who)
        assert said.playbook == playbook.name
        assert said.matched is (code not in ("off", "when", "unless"))
        assert (said.hindrance is None) is (not code)
        if said.hindrance is not None:
            assert said.hindrance.code in MISMATCHES.get(code, {code})
        assert said.gain == worth_doing(playbook, who)
        if not code:
            free.append(playbook)
    # The best of those that are left, again and again.
    rank = 0
    by_name = {each.playbook: each for each in course.considered}
    expected = []
    stopped = False
    while free:
        best = free[0]
        for each in free[1:]:
            gain, most = worth_doing(each, who) or 0.0, worth_doing(best, who) or 0.0
            if each.priority < best.priority or (each.priority == best.priority and gain > most):
                best = each
        free.remove(best)
        rank += 1
        assert by_name[best.name].rank == rank
        if not stopped:
            expected.append(best.name)
        stopped = stopped or all(arm.action.kind == "nothing" for arm in best.arms)
    assert [option.playbook for option in course.options] == expected
    assert sum(each.rank > 0 for each in course.considered) == rank


@settings(max_examples=60, deadline=None)
@given(PLANS, SITUATIONS)
def test_who_is_held_out_goes_the_same_way_to_the_same_moment(plan: Plan, who: Situation) -> None:
    """The one difference is that nothing is spent."""
    all_held = replace(plan, holdout=0.9999999)
    course, twin = choose(replace(plan, holdout=0.0), who), choose(all_held, who)
    idle = [each.name for each in plan.playbooks if each.idle]
    assert (course.id, course.considered) == (twin.id, twin.considered)
    assert course.id == decision_id(who.customer, who.at, "silence")
    for sent, held in zip(course.options, twin.options, strict=True):
        assert sent.held in ("", "playbook")
        assert held.held == ("" if held.playbook in idle else "shop")
        assert sent._replace(held="", need=None) == held._replace(held="", need=None)
        assert (sent.need is None) is (held.need is None)
        if sent.need is not None and held.need is not None:
            assert held.need == sent.need._replace(cents=0)
            assert sent.need.cents == (0 if sent.held else sent.action.cost)
            assert sent.need.room >= sent.action.cost


@settings(max_examples=60, deadline=None)
@given(PLANS, SITUATIONS, st.integers(0, 6 * 24), st.sampled_from(["a", ""]))
def test_one_more_action_never_frees_a_playbook(
    plan: Plan, who: Situation, hours: int, name: str
) -> None:
    more = Sent(NOW - hours * HOUR, name, "email")
    before = choose(plan, who).considered
    after = choose(plan, replace(who, sent=(*who.sent, more))).considered
    for one, other in zip(before, after, strict=True):
        assert one.hindrance is None or other.hindrance is not None


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 40), min_size=10, max_size=60),
    st.integers(1, 3),
    st.sampled_from([DAY, 3 * DAY]),
    st.sampled_from([0, 12 * HOUR]),
)
def test_no_window_ever_holds_more_than_the_cap(
    pauses: list[int], most: int, per: int, cooldown: int
) -> None:
    arms = (Arm("x", 1.0, MESSAGE), Arm("y", 1.0, Action("call", "phone")))
    plan = Plan(
        (Playbook("a", arms), Playbook("b", only(), priority=2)),
        caps=(Cap("email", most, per), Cap("", most + 1, per)),
        cooldown=cooldown,
    )
    at, sent = NOW, ()
    history: tuple[Sent, ...] = sent
    for pause in pauses:
        at += pause * HOUR
        first = choose(plan, Situation("ada", at, 0.7, "high", sent=history)).first
        if first is not None:
            history = (*history, Sent(at, first.playbook, first.action.channel))
    for start in history:
        window = [each for each in history if 0 <= each.at - start.at < per]
        assert len(window) <= most + 1
        assert sum(each.channel == "email" for each in window) <= most
    for one, other in pairwise(history):
        assert other.at - one.at >= cooldown


def test_what_is_transactional_is_never_in_the_way_of_anything_nor_held_till_morning() -> None:
    owed = Action("recover", "email", 500, transactional=True)
    plan = Plan(
        (Playbook("sorry", only(owed), uplift=0.0), Playbook("news", only(), priority=200)),
        cooldown=10 * DAY,
        caps=(Cap("email", 1, DAY), Cap("", 1, DAY)),
        quiet=Quiet(0, 23 * 60),
        rate=Rate(1, DAY),
        holdout=0.0,
    )
    busy = Situation("ada", NOW, 0.7, "high", sent=(Sent(NOW - 1, "news", "email"),))
    option = choose(plan, busy).first
    assert option is not None
    assert (option.playbook, option.not_before, option.need) == ("sorry", NOW, None)
    after = Situation("ada", NOW, 0.7, "high", sent=(Sent(NOW - 1, "sorry", "email", True),))
    assert choose(plan, after).considered[1].hindrance is None


def test_an_arm_does_not_change_whether_a_playbook_stands_free() -> None:
    """Or the arms would be given to different customers, and could not be compared."""
    arms = (Arm("mail", 1.0, MESSAGE), Arm("call", 1.0, Action("call", "phone", 400)))
    plan = Plan((Playbook("a", arms, uplift=0.1),), caps=(Cap("phone", 1, DAY),))
    for number in range(20):
        who = Situation(f"c{number}", NOW, 0.5, "high", value=10_000)
        called = replace(who, sent=(Sent(NOW - HOUR, "a", "phone"),))
        assert choose(plan, called).first is None
        option = choose(replace(plan, rate=Rate(9, DAY)), who).first
        assert option is not None and option.need is not None
        assert option.need.room == 400


def test_to_do_nothing_ends_the_list() -> None:
    plan = Plan(
        (
            Playbook("rest", only(Action("nothing")), priority=2),
            Playbook("first", only(), priority=1),
            Playbook("last", only(), priority=3),
        )
    )
    course = choose(plan, Situation("ada", NOW, 0.7, "high"))
    assert [each.playbook for each in course.options] == ["first", "rest"]
    assert [each.rank for each in course.considered] == [2, 1, 3]


def test_who_is_left_in_peace_stays_so_whatever_was_done_when_the_playbook_did_something() -> None:
    rest = Playbook("rest", only(Action("nothing")), cooldown=3 * DAY)
    plan = Plan((rest, Playbook("last", only(), priority=200)))
    who = Situation("ada", NOW, 0.7, "high", sent=(Sent(NOW - DAY, "rest", "email"),))
    assert [option.playbook for option in choose(plan, who).options] == ["rest"]


def test_the_day_of_a_budget_is_that_of_the_shop() -> None:
    plan = Plan((Playbook("a", only(), budget=Budget(100)),), timezone="Asia/Shanghai", holdout=0.0)
    late = Situation("ada", 20_453 * DAY + 20 * HOUR, 0.7, "high")
    option = choose(plan, late).first
    assert option is not None and option.need is not None
    # 31 December in Greenwich.
    assert (option.need.day, option.need.month) == ("2026-01-01", "2026-01")
    assert (option.need.cents, option.need.rated) == (10, True)


# -- chance ------------------------------------------------------------------------------------


@given(st.text(min_size=1, max_size=20), st.sampled_from([0.1, 0.4]), st.text(max_size=5))
def test_a_shop_that_switches_keeps_who_is_held_out(user: str, share: float, salt: str) -> None:
    before = Policy(holdout=share, salt=salt).arm(user)
    plan = Plan((Playbook("a", only()),), holdout=share, salt=salt)
    option = choose(plan, Situation(user, NOW, 0.7, "high")).first
    assert option is not None
    assert (option.held == "shop") is (before == "holdout")


def test_draws_are_the_same_for_ever() -> None:
    """Written down once: a change of these would give customers other arms in the middle."""
    arms = tuple(Arm(name, 1.0, MESSAGE) for name in "xyz")
    plan = Plan((Playbook("a", arms, holdout=0.3),), holdout=0.2)
    drawn = []
    for number in range(12):
        option = choose(plan, Situation(f"c{number}", NOW, 0.7, "high")).first
        assert option is not None
        drawn.append(option.arm + option.held[:1])
    assert " ".join(drawn) == "y x ys x x x x z x x x x"


@pytest.mark.parametrize("holdout", [0.0, 0.25])
def test_arms_have_their_weights_and_know_nothing_of_the_holdout(holdout: float) -> None:
    arms = (Arm("x", 1.0, MESSAGE), Arm("never", 0.0, MESSAGE), Arm("y", 3.0, MESSAGE))
    plan = Plan((Playbook("a", arms, holdout=holdout),), holdout=holdout)
    counts: dict[tuple[str, str], int] = {}
    many = 8_000
    for number in range(many):
        option = choose(plan, Situation(f"customer-{number}", NOW, 0.7, "high")).first
        assert option is not None
        key = option.arm, option.held
        counts[key] = counts.get(key, 0) + 1
    held = {"shop": holdout, "playbook": (1 - holdout) * holdout, "": (1 - holdout) ** 2}
    for arm, weight in (("x", 0.25), ("y", 0.75), ("never", 0.0)):
        for word, share in held.items():
            expected = weight * share
            # Four standard deviations; the ids are fixed, so this passes or fails for good.
            spread = 4 * (expected * (1 - expected) / many) ** 0.5
            assert counts.get((arm, word), 0) / many == pytest.approx(expected, abs=spread)


@pytest.mark.parametrize(
    ("plan", "code"),
    [
        (Plan((Playbook("a", only(), cooldown=3 * DAY),)), "resting"),
        (Plan((Playbook("a", only()),), cooldown=3 * DAY), "peace"),
        (Plan((Playbook("a", only()),), caps=(Cap("email", 1, 3 * DAY),)), "capped"),
        (Plan((Playbook("a", only()),), caps=(Cap("", 1, 3 * DAY),)), "capped"),
    ],
)
def test_a_time_is_over_when_it_has_passed(plan: Plan, code: str) -> None:
    for ago, said in ((3 * DAY - 1, code), (3 * DAY, ""), (0, code), (-1, code)):
        sent = (Sent(NOW - ago, "a", "email"),)
        [found] = choose(plan, Situation("ada", NOW, 0.7, "high", sent=sent)).considered
        assert (found.hindrance.code if found.hindrance else "") == said
