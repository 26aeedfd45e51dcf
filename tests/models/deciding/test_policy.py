"""Nobody is nagged, the held-out stay held out, and trouble is heard."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import DAY, HOUR
from models.deciding import Cause, Policy, Standing

RISKS = st.one_of(st.floats(0, 1), st.sampled_from([0.49, 0.5, 0.59, 0.6, 0.9]))
CAUSES: st.SearchStrategy[Cause] = st.sampled_from(["silence", "session_end", "distress"])
MOMENTS = st.lists(
    st.tuples(st.one_of(st.integers(0, 20 * DAY), st.just(14 * DAY), st.just(HOUR)), CAUSES, RISKS),
    max_size=20,
)


@settings(max_examples=300)
@given(MOMENTS, st.sampled_from([0, 14 * DAY]))
def test_alerts_keep_their_distance_and_a_hovering_risk_does_not_nag(
    moments: list[tuple[int, Cause, float]], cooldown: int
) -> None:
    policy = Policy(threshold=0.6, hysteresis=0.1, cooldown=cooldown)
    standing, at = Standing(), 0
    last: int | None = None
    calm = True
    for pause, cause, risk in moments:
        at += pause
        verdict = policy.decide("ada", at, cause, risk, standing)
        calm = calm or risk < 0.6 - 0.1
        rested = last is None or at - last >= cooldown
        expected = risk >= 0.6 and rested and (calm or cause == "distress")
        assert verdict.alert is expected, verdict.why
        assert verdict.why
        standing = verdict.standing
        if verdict.alert:
            last, calm = at, False


def test_trouble_is_heard_after_the_cooldown_and_not_within() -> None:
    policy = Policy(threshold=0.6, cooldown=14 * DAY)
    raised = policy.decide("ada", 0, "silence", 0.9, Standing()).standing
    assert not policy.decide("ada", 13 * DAY, "distress", 0.9, raised).alert
    assert policy.decide("ada", 14 * DAY, "distress", 0.9, raised).alert
    assert not policy.decide("ada", 14 * DAY, "silence", 0.9, raised).alert


@pytest.mark.parametrize("holdout", [0.0, 0.1, 0.5])
def test_the_arms_have_their_shares_among_many(holdout: float) -> None:
    policy = Policy(holdout=holdout)
    held = sum(policy.arm(f"customer-{number}") == "holdout" for number in range(20_000))
    # Four standard deviations; the ids are fixed, so this passes or fails for good.
    assert held / 20_000 == pytest.approx(
        holdout, abs=4 * (holdout * (1 - holdout) / 20_000) ** 0.5
    )


@given(st.text(min_size=1, max_size=30))
def test_an_arm_is_for_good_and_more_holdout_only_adds(user: str) -> None:
    small, large = Policy(holdout=0.1), Policy(holdout=0.3, threshold=0.9)
    assert small.arm(user) == Policy(holdout=0.1, threshold=0.2).arm(user)
    assert small.arm(user) == "treated" or large.arm(user) == "holdout"


def test_another_salt_holds_others_out() -> None:
    names = [f"customer-{number}" for number in range(1_000)]
    one, other = Policy(holdout=0.5, salt="a"), Policy(holdout=0.5, salt="b")
    same = sum(one.arm(name) == other.arm(name) for name in names)
    assert 400 < same < 600


@pytest.mark.parametrize(
    ("risk", "band"),
    [(0.0, "low"), (0.29, "low"), (0.3, "medium"), (0.59, "medium"), (0.6, "high"), (1.0, "high")],
)
def test_the_bands_begin_where_they_say(risk: float, band: str) -> None:
    assert Policy(threshold=0.6).band(risk) == band
