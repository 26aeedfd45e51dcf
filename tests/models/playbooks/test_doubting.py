"""What can be doubted of a plan, and that a plan with nothing to doubt is left alone."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings

from features import DAY
from models.playbooks import (
    Action,
    Arm,
    Plan,
    Playbook,
    Sent,
    Situation,
    choose,
    customers_needed,
    doubts,
    read_plan,
)
from tests.models.playbooks.plans import NOW, PLANS, SITUATIONS

MESSAGE = 'action = { kind = "message", channel = "email" }'
CALL = 'action = { kind = "call", channel = "phone", cost = 5 }'


def found(text: str, **how: int) -> list[tuple[str, str]]:
    return [
        (each.playbook, each.code) for each in doubts(read_plan(f"version = 1\n{text}", ()), **how)
    ]


def playbook(name: str, *lines: str, action: str = MESSAGE) -> str:
    return "\n".join(["[[playbook]]", f'name = "{name}"', action, *lines, ""])


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (playbook("a"), ""),
        (playbook("a", "enabled = false"), "off"),
        (playbook("a", 'when.band = "high"', 'unless.band = ["high", "medium"]'), "never"),
        (playbook("a", 'when.band = ["high", "low"]', 'unless.band = "high"'), ""),
        (playbook("a", 'when = { stage = "gone" }'), "never"),
        (playbook("a", 'when = { band = "high", risk = { max = 0.5 } }'), "never"),
        (playbook("a", 'when = { band = "high", risk = { max = 0.6 } }'), ""),
        (playbook("a", 'when = { band = "low", risk = { min = 0.3 } }'), "never"),
        (playbook("a", 'when = { band = "low", risk = { min = 0.29 } }'), ""),
        (playbook("a", "budget.day = 4.99", "uplift = 0.1", action=CALL), "budget"),
        (playbook("a", "budget.day = 5", "uplift = 0.1", action=CALL), ""),
        (playbook("a", "budget = { day = 20, month = 10 }", "uplift = 0.1", action=CALL), "budget"),
        (playbook("a", action=CALL), "unmeasured"),
        (playbook("a", "uplift = 0.01"), "holdout"),
        ("holdout.share = 0\n" + playbook("a"), "holdout"),
        ("holdout.share = 0\n" + playbook("a", "holdout = 0.5", "uplift = 0.01"), ""),
        ("cap = [{ most = 0, per = '1d' }]\n" + playbook("a"), "cap"),
        ("consent = { email = { trait = 'x' } }\n" + playbook("a"), ""),
        ("consent = { sms = { trait = 'x' } }\n" + playbook("a"), "consent"),
    ],
)
def test_what_is_probably_not_meant_is_doubted(text: str, code: str) -> None:
    assert [each for _, each in found(text)] == ([code] if code else [])


def test_an_arm_that_nobody_gets_is_doubted() -> None:
    arms = "\n".join(f"[[playbook.arms]]\nname = '{n}'\nweight = {n}\n{MESSAGE}" for n in (0, 1))
    assert found(playbook("a", arms, action="")) == [("a", "weight")]


@pytest.mark.parametrize(
    ("first", "second", "code"),
    [
        ([], [], "shadowed"),
        ([], ['when.band = "high"'], "shadowed"),
        (['when.band = "high"'], [], ""),
        (['when.band = ["high", "low"]'], ['when.band = "high"'], "shadowed"),
        (["when.risk.min = 0.5"], ["when.risk.min = 0.4"], ""),
        (["when.risk.min = 0.5"], ["when.risk = { min = 0.6, max = 0.9 }"], "shadowed"),
        (['unless.band = "low"'], [], ""),
        (['unless.band = "low"'], ['unless.band = ["low", "high"]'], "shadowed"),
        (['cooldown = "1d"'], [], "seldom"),
        (["budget.day = 1"], [], "seldom"),
        (["priority = 101"], ['when.band = "high"'], ""),
        (["enabled = false"], [], ""),
        # Here what is expected decides, and it may be the one or the other.
        (["uplift = 0.2"], ["uplift = 0.1"], ""),
        (["uplift = 0.2", "priority = 1"], ["uplift = 0.1"], "seldom"),
    ],
)
def test_a_playbook_behind_a_wider_one_is_doubted(
    first: list[str], second: list[str], code: str
) -> None:
    said = found(playbook("one", *first) + playbook("other", *second))
    assert [each for each in said if each[1] != "off"] == ([("other", code)] if code else [])


NOTHING = (Arm("only", 1.0, Action("nothing")),)


@settings(max_examples=100, deadline=None)
@given(PLANS, SITUATIONS)
# What does nothing does not rest either, though something was done under its name before.
@example(
    Plan((Playbook("a", NOTHING, cooldown=3 * DAY), Playbook("b", NOTHING))),
    Situation("ada", NOW, 0.0, "low", sent=(Sent(NOW, "a", ""),)),
)
def test_nobody_gets_a_playbook_that_is_said_to_be_out_of_reach(plan: Plan, who: Situation) -> None:
    """Its rank is never the first; whoever draws the situation may contradict the bands' edges."""
    out_of_reach = {
        each.playbook
        for each in doubts(plan)
        if each.code in ("off", "shadowed") or (each.code == "never" and "unless" in each.text)
    }
    first = choose(plan, who).first
    assert first is None or first.playbook not in out_of_reach


def test_names_that_look_alike_are_doubted() -> None:
    text = playbook("bargains", 'when.band = "low"') + playbook("Bargain", 'when.band = "high"')
    assert found(text) == [("Bargain", "names")]


def test_the_customers_that_a_holdout_needs_are_those_of_the_textbook() -> None:
    # Fleiss, two shares of .5 and .55, power 80 %, alpha 5 %, without continuity correction: 1565
    # in each group with the exact variances, a little more with the largest ones.
    assert customers_needed(0.05, 0.5) / 2 == pytest.approx(1_565, rel=0.01)
    assert customers_needed(0.05, 0.1) == customers_needed(0.05, 0.9)
    text = playbook("a", "uplift = 0.05")
    assert found(text, customers=5_000) == [("a", "holdout")]
    assert found(text, customers=9_000) == []


def test_a_gone_customer_is_not_looked_at_anyway() -> None:
    who = Situation("ada", NOW, 0.9, "high", stage="gone")
    plan = read_plan("version = 1\n" + playbook("a", 'when = { stage = "gone" }'), ())
    assert choose(plan, who).first is not None
