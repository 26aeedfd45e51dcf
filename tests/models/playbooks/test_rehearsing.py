"""A plan on what was: everything is counted once, and no budget and no rate is ever overdrawn."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from features import DAY, HOUR
from models.deciding import Policy
from models.playbooks import (
    Action,
    Arm,
    Budget,
    Plan,
    Playbook,
    Rate,
    Sent,
    Situation,
    choose,
    rehearse,
)
from models.playbooks.quiet import date_in
from tests.models.playbooks.plans import NOW, PLANS, SITUATIONS


@settings(max_examples=60, deadline=None)
@given(PLANS, st.lists(st.tuples(st.integers(0, 40), SITUATIONS), max_size=12))
def test_what_became_of_each_playbook_is_what_one_finds_by_hand(
    plan: Plan, drawn: list[tuple[int, Situation]]
) -> None:
    """By one who forgets nothing, and adds up everything that was ever spent at every look."""
    at, scenes = NOW, []
    for pause, who in drawn:
        at += pause * HOUR
        scenes.append(replace(who, at=at, sent=()))
    by_name = {each.name: each for each in plan.playbooks}
    sent: defaultdict[str, list[Sent]] = defaultdict(list)
    spent: list[tuple[str, str, int]] = []
    went: list[int] = []
    counts: Counter[tuple[str, str]] = Counter()
    for who in scenes:
        course = choose(plan, replace(who, sent=tuple(sent[who.customer])))
        day = date_in(plan.timezone, who.at)
        for option in course.options:
            playbook = by_name[option.playbook]
            room = max(arm.action.cost for arm in playbook.arms if arm.weight)
            today = sum(cents for name, on, cents in spent if (name, on) == (playbook.name, day))
            month = sum(
                cents for name, on, cents in spent if name == playbook.name and on[:7] == day[:7]
            )
            over = (playbook.budget.day is not None and today + room > playbook.budget.day) or (
                playbook.budget.month is not None and month + room > playbook.budget.month
            )
            if over:
                counts[playbook.name, "budget"] += 1
                continue
            if playbook.channels and plan.rate is not None:
                per = plan.rate.per
                if sum(time // per == who.at // per for time in went) >= plan.rate.most:
                    counts[playbook.name, "rate"] += 1
                    continue
                if not option.held:
                    went.append(who.at)
            if playbook.idle:
                counts[playbook.name, "left"] += 1
                break
            counts[playbook.name, "held" if option.held else "done"] += 1
            if not option.held:
                spent.append((playbook.name, day, option.action.cost))
            action = option.action
            sent[who.customer].append(
                Sent(who.at, playbook.name, action.channel, action.transactional)
            )
            break
    found = rehearse(plan, scenes)
    assert [each.playbook for each in found] == [each.name for each in plan.playbooks]
    for each in found:
        name = each.playbook
        assert (each.done, each.held, each.left) == (
            *(counts[name, "done"], counts[name, "held"], counts[name, "left"]),
        )
        assert each.blocked["budget"] == counts[name, "budget"]
        assert each.blocked["rate"] == counts[name, "rate"]
        assert each.cents == sum(cents for who, _, cents in spent if who == name)
        assert each.fitted == each.done + each.held + each.left + sum(each.blocked.values())
        assert sum(each.days.values()) == each.done


def scene(customer: str, at: int) -> Situation:
    return Situation(customer, at, 0.7, "high")


def call(cost: int, **more: object) -> Playbook:
    arms = (Arm("only", 1.0, Action("call", "phone", cost)),)
    return Playbook("call", arms, **more)  # type: ignore[arg-type]


def test_a_budget_begins_anew_on_the_shops_next_day_and_month() -> None:
    plan = Plan(
        (call(300, budget=Budget(day=500, month=800)),),
        timezone="Asia/Shanghai",
        holdout=0.0,
    )
    # 20,482 days after 1970 is 29 January 2026; a day begins at 16 o'clock in Greenwich.
    start = 20_482 * DAY + 15 * HOUR
    times = [start, start + 1, start + HOUR, start + 2 * HOUR, start + DAY + HOUR, start + 2 * DAY]
    times += [start + 3 * DAY + HOUR]
    [found] = rehearse(plan, [scene(f"c{n}", at) for n, at in enumerate(times)])
    # On the 31st a day's money would be left, but not a month's.
    assert found.days == {"2026-01-29": 1, "2026-01-30": 1, "2026-02-02": 1}
    assert (found.cents, found.blocked) == (900, {"budget": 4})


def test_a_budget_has_room_for_the_dearest_arm_or_for_none() -> None:
    """So whether something is granted says nothing of the arm, nor of who is held out."""
    cheap, dear = (Action("call", "phone", cost) for cost in (100, 400))
    arms = (Arm("cheap", 1.0, cheap), Arm("dear", 1.0, dear))
    plan = Plan((Playbook("call", arms, budget=Budget(day=450)),), holdout=0.3)
    for first in range(12):
        names = [f"c{(first + n) % 40}" for n in range(40)]
        [found] = rehearse(plan, [scene(name, NOW + n) for n, name in enumerate(names)])
        assert (found.done, found.held + found.blocked["budget"]) == (1, 39)
        # Only those who came before the money was gone.
        treated = [Policy(holdout=0.3).arm(name) == "treated" for name in names]
        assert found.held == treated.index(True)


def test_the_rate_of_the_shop_holds_for_all_customers_together() -> None:
    plan = Plan((call(0),), rate=Rate(2, HOUR), holdout=0.0)
    [found] = rehearse(plan, [scene(f"c{n}", NOW + n * HOUR // 10) for n in range(15)])
    assert (found.done, found.blocked) == (4, {"rate": 11})
    # Who is held out takes nobody's place.
    held = Plan((call(0),), rate=Rate(2, HOUR), holdout=0.5)
    names = [f"c{n}" for n in range(20)]
    names.sort(key=lambda name: Policy(holdout=0.5).arm(name) != "holdout")
    [found] = rehearse(held, [scene(name, NOW + n) for n, name in enumerate(names)])
    assert found.done == 2
    assert found.held == sum(Policy(holdout=0.5).arm(name) == "holdout" for name in names) > 2


def test_who_is_held_out_takes_no_money_and_is_left_alone_as_long_as_others() -> None:
    plan = Plan((call(300, cooldown=3 * DAY, budget=Budget(month=300)),), holdout=0.999999)
    [found] = rehearse(plan, [scene("ada", NOW + n * DAY) for n in range(6)])
    assert (found.held, found.done, found.cents, found.blocked) == (2, 0, 0, {"resting": 4})
    assert found.customers == {"ada"}
