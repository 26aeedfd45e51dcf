"""Whatever a new version of a policy file changes is said, and nothing else."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings

from models.playbooks import Change, Plan, Prior, changes, read_plan
from tests.models.playbooks.plans import PLANS
from tests.streams.planned import CAPPED, LIMITED, PLAN


@settings(max_examples=60, deadline=None)
@given(PLANS, PLANS)
def test_two_versions_differ_where_something_is_said_to_differ(old: Plan, new: Plan) -> None:
    said = changes(old, new)
    assert bool(said) is (replace(old, fingerprint="") != replace(new, fingerprint=""))
    before = {each.name: each for each in old.playbooks}
    after = {each.name: each for each in new.playbooks}
    named = {change.playbook: change.kind for change in said if change.playbook}
    for name in before.keys() | after.keys():
        if name not in after:
            assert named.pop(name) == "removed"
        elif name not in before:
            assert named.pop(name) == "added"
        elif before[name] != after[name]:
            assert named.pop(name) == "changed"
    assert not named


def test_it_is_said_by_the_keys_of_the_file() -> None:
    assert [str(each) for each in changes(PLAN, LIMITED)] == [
        "for all playbooks: limits, cap",
        "playbook 'call' is changed: cooldown",
    ]
    sorry, peace, *others = PLAN.playbooks
    other = replace(
        PLAN,
        salt="x",
        prior=Prior(0.5),
        playbooks=(peace, sorry, *others[:-1], replace(others[-1], name="new")),
    )
    assert changes(PLAN, other) == [
        Change("", "changed", ("holdout", "value")),
        Change("bargain", "removed"),
        Change("new", "added"),
        Change("", "moved"),
    ]
    assert str(changes(PLAN, other)[-1]) == "the playbooks stand in another order"


def test_what_decides_nothing_is_no_change() -> None:
    assert changes(LIMITED, read_plan(f"# of another day\n{CAPPED}", ())) == []
