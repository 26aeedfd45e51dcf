"""What is remembered of what was done is enough for every limit, and no more than is bounded."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from features import DAY, HOUR
from models.deciding import Sent
from models.playbooks import Cap, Plan, Playbook, Situation, choose, remembered
from models.playbooks.remembering import memory_of
from tests.models.playbooks.plans import NOW, PLANS, SITUATIONS

DONE = st.lists(
    st.builds(
        Sent,
        st.integers(-9 * 24, 0).map(lambda hours: NOW + hours * HOUR),
        st.sampled_from(["", "a", "b", "c"]),
        st.sampled_from(["", "email", "phone", "sms"]),
        st.booleans(),
    ),
    max_size=30,
).map(sorted)


@settings(max_examples=200, deadline=None)
@given(PLANS, SITUATIONS, DONE, st.sets(st.integers(0, 29)))
def test_what_is_forgotten_would_have_changed_nothing(
    plan: Plan, who: Situation, done: list[Sent], stops: set[int]
) -> None:
    """Whatever is dropped after each action, the plan answers as if all had been kept."""
    kept: tuple[Sent, ...] = ()
    for place, each in enumerate(done):
        kept = (*kept, each)
        if place in stops:
            kept = remembered(plan, kept, each.at)
    kept = remembered(plan, kept, NOW)
    short = choose(plan, replace(who, sent=kept))
    whole = choose(plan, replace(who, sent=tuple(done)))
    assert short.options == whole.options
    for one, other in zip(short.considered, whole.considered, strict=True):
        assert (one.rank, one.gain, one.matched) == (other.rank, other.gain, other.matched)
        assert (one.hindrance is None) is (other.hindrance is None)
        if one.hindrance is not None and other.hindrance is not None:
            assert one.hindrance[:2] == other.hindrance[:2]


@settings(max_examples=50, deadline=None)
@given(PLANS, DONE)
def test_it_is_bounded_by_what_the_plan_allows(plan: Plan, done: list[Sent]) -> None:
    kept = remembered(plan, done, NOW)
    most = max([1, *(cap.most for cap in plan.caps)])
    assert len(kept) <= 4 + 4 * most
    assert remembered(plan, kept, NOW) == kept
    spans = [plan.cooldown, *(cap.per for cap in plan.caps)]
    memory = max([*spans, *(each.cooldown for each in plan.playbooks if not each.idle)])
    assert all(NOW - each.at < memory for each in kept)


@pytest.mark.parametrize("playbooks", [(), (Playbook("a", ()),)])
def test_a_plan_that_does_not_look_back_remembers_nothing(playbooks: tuple[Playbook, ...]) -> None:
    done = [Sent(NOW, "a", "email")]
    assert remembered(Plan(playbooks), done, NOW) == ()
    assert remembered(Plan(playbooks, caps=(Cap("", 1, DAY),)), done, NOW) == (*done,)


@settings(max_examples=50, deadline=None)
@given(PLANS, SITUATIONS, DONE, st.integers(1, 20))
def test_a_longer_cooldown_of_the_shop_holds_at_once(
    old: Plan, who: Situation, done: list[Sent], days: int
) -> None:
    """The last action is kept whatever the old plan asked for, as long as it asked for any."""
    assume(memory_of(old) > 0)
    done = [each._replace(transactional=False) for each in done]
    kept: tuple[Sent, ...] = ()
    for each in done:
        kept = remembered(old, (*kept, each), each.at)
    assert kept[-1:] == tuple(done[-1:])
    rested = tuple(replace(each, cooldown=0) for each in old.playbooks)
    new = replace(old, cooldown=days * DAY, caps=(), playbooks=rested)
    short, whole = (choose(new, replace(who, sent=sent)) for sent in (kept, tuple(done)))
    assert short.options == whole.options
