"""Other policies at recorded decision points, and a budget that is kept by the day."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from features import DAY, HOUR
from models.deciding import Cause, Point, Policy, Standing, Verdict, verdicts

POLICY = Policy(threshold=0.6, hysteresis=0.1, cooldown=2 * DAY, holdout=0.3)
CAUSES: tuple[Cause, ...] = ("silence", "session_end", "distress")

points = st.lists(
    st.builds(
        Point,
        st.sampled_from(["ada", "bob", "cleo", "dan"]),
        st.integers(0, 8 * 4).map(lambda quarter: quarter * 6 * HOUR),
        st.sampled_from(CAUSES),
        st.sampled_from([0.1, 0.45, 0.55, 0.6, 0.7, 0.8, 0.9]),
    ),
    max_size=40,
).map(lambda found: sorted(found, key=lambda point: point.at))
policies = st.builds(
    Policy,
    threshold=st.sampled_from([0.5, 0.6, 0.8]),
    hysteresis=st.sampled_from([0.0, 0.1, 0.3]),
    cooldown=st.sampled_from([0, 6 * HOUR, 3 * DAY]),
    holdout=st.sampled_from([0.0, 0.5]),
)


def tried(policy: Policy, given: list[Point], budget: int | None = None) -> list[Verdict]:
    return list(verdicts(policy, given, budget))


def alerts(found: list[Verdict]) -> list[bool]:
    return [each.alert for each in found]


@given(policies, points)
def test_each_customer_is_decided_on_as_they_stand(policy: Policy, given: list[Point]) -> None:
    found = tried(policy, given)
    for name in {point.customer for point in given}:
        standing = Standing()
        for point, verdict in zip(given, found, strict=True):
            if point.customer == name:
                expected = policy.decide(name, point.at, point.cause, point.risk, standing)
                assert verdict == expected
                standing = expected.standing


@given(policies, points)
def test_a_budget_that_is_never_reached_changes_nothing(policy: Policy, given: list[Point]) -> None:
    assert tried(policy, given, len(given) + 1) == tried(policy, given)


@given(policies, points, st.integers(1, 3))
@example(
    # Who is passed over is not asked again on the same day, though the risk is higher by then.
    Policy(threshold=0.5, hysteresis=0.0, cooldown=0, holdout=0.0),
    [
        Point("ada", 0, "silence", 0.55),
        Point("cleo", 0, "silence", 0.55),
        Point("cleo", 0, "silence", 0.6),
    ],
    1,
)
def test_no_day_has_more_alerts_than_the_budget_and_they_are_the_highest_risks(
    policy: Policy, given: list[Point], budget: int
) -> None:
    found = tried(policy, given, budget)
    a_day = Counter(point.at // DAY for point, each in zip(given, found, strict=True) if each.alert)
    assert max(a_day.values(), default=0) <= budget
    for point, verdict in zip(given, found, strict=True):
        if "went to higher risks" in verdict.why:
            day = point.at // DAY
            sent = [
                other.risk
                for other, each in zip(given, found, strict=True)
                if each.alert and other.at // DAY == day
            ]
            assert len(sent) == budget
            assert min(sent) >= point.risk >= policy.threshold


@given(policies, points, st.integers(1, 3), st.integers(0, 7))
def test_nothing_is_known_of_tomorrow(
    policy: Policy, given: list[Point], budget: int, day: int
) -> None:
    past = [point for point in given if point.at // DAY <= day]
    assert tried(policy, given, budget)[: len(past)] == tried(policy, past, budget)


@given(policies, points, st.integers(1, 3))
def test_whoever_is_passed_over_stands_as_one_who_was_left_alone(
    policy: Policy, given: list[Point], budget: int
) -> None:
    standings: dict[str, Standing] = {}
    for point, verdict in zip(given, tried(policy, given, budget), strict=True):
        before = standings.get(point.customer, Standing())
        if verdict.alert:
            assert verdict.standing == Standing(True, point.at)
        else:
            raised = before.raised and point.risk >= policy.threshold - policy.hysteresis
            assert verdict.standing == Standing(raised, before.alerted_at)
        standings[point.customer] = verdict.standing


def test_who_is_passed_over_today_is_alerted_tomorrow() -> None:
    given = [
        Point("ada", 1 * HOUR, "silence", 0.7),
        Point("bob", 2 * HOUR, "silence", 0.8),
        Point("ada", DAY, "silence", 0.7),
    ]
    found = tried(POLICY, given, budget=1)
    assert alerts(found) == [False, True, True]
    assert found[0].why == "the 1 alert of 1970-01-01 went to higher risks"
    assert alerts(tried(POLICY, given)) == [True, True, False]


def test_who_comes_twice_on_a_day_is_on_its_list_with_what_is_left_of_it() -> None:
    policy = Policy(threshold=0.6, hysteresis=0.1, cooldown=0)
    given = [
        Point("ada", 1 * HOUR, "silence", 0.65),
        Point("bob", 2 * HOUR, "silence", 0.7),
        Point("ada", 3 * HOUR, "distress", 0.9),
        Point("ada", DAY, "silence", 0.9),
    ]
    assert alerts(tried(policy, given, budget=1)) == [False, False, True, False]
    assert alerts(tried(policy, given, budget=2)) == [False, True, True, False]
    assert alerts(tried(policy, given, budget=3)) == [True, True, True, False]


def test_of_equal_risks_the_first_judged_is_alerted() -> None:
    given = [Point(name, place, "silence", 0.7) for place, name in enumerate(("zoe", "ada", "bob"))]
    assert alerts(tried(POLICY, given, budget=2)) == [True, True, False]


def test_a_budget_of_nothing_and_days_out_of_order_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 1 alert a day, not 0"):
        tried(POLICY, [], budget=0)
    back = [Point("ada", DAY, "silence", 0.7), Point("ada", 0, "silence", 0.7)]
    with pytest.raises(ValueError, match="in the order of time"):
        tried(POLICY, back, budget=1)
