"""The hidden truth, held against the plainest recomputation from the true events."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features import DAY, is_distress
from streams.demo.lives import Nature
from streams.demo.shoppers import Shop
from streams.demo.truth import Truth

END = 1_767_273_723_456
HORIZON = 30 * DAY
SHOP = Shop(seed=7, end=END, shoppers=300)
TRUTH = Truth.of(SHOP, HORIZON)
# The same shoppers seen for longer: midnight to midnight, so that every life is the same.
LATER = replace(SHOP, end=END + 60 * DAY, days=SHOP.days + 60)
TIMES: dict[str, list[int]] = {}
for _event in LATER.events():
    TIMES.setdefault(_event.user_id, []).append(_event.at)

shoppers = st.integers(0, SHOP.shoppers - 1).map(Shop.user_id)
moments = st.integers(SHOP.start, END)


@given(user_id=shoppers, at=moments)
def test_churned_means_no_event_within_the_horizon(user_id: str, at: int) -> None:
    expected = not any(at < time <= at + HORIZON for time in TIMES[user_id])
    assert TRUTH.churned(user_id, at) is expected


@given(user_id=shoppers, number=st.integers(0, 500), nudge=st.sampled_from([-1, 0, 1]))
def test_the_edges_of_the_horizon_are_open_then_closed(
    user_id: str, number: int, nudge: int
) -> None:
    times = TIMES[user_id]
    time = times[number % len(times)]
    for at in (time + nudge, time - HORIZON + nudge):
        if at <= END:
            expected = not any(at < other <= at + HORIZON for other in times)
            assert TRUTH.churned(user_id, at) is expected


@given(at=moments, active=st.integers(1, 120 * DAY))
def test_active_are_those_with_an_event_before_now_but_not_too_long_ago(
    at: int, active: int
) -> None:
    expected = {
        user_id for user_id, times in TIMES.items() if any(at - active <= t < at for t in times)
    }
    assert set(TRUTH.active_at(at, active)) == expected


def test_the_edges_of_being_active_are_closed_then_open() -> None:
    for user_id, (first, *_) in TIMES.items():
        assert user_id not in TRUTH.active_at(first, DAY)
        assert user_id in TRUTH.active_at(first + 1, DAY)
        assert user_id in TRUTH.active_at(first + DAY, DAY)


def test_a_leaver_is_never_seen_again() -> None:
    leavers = 0
    for user_id, times in TIMES.items():
        left = TRUTH.left_at(user_id)
        if left is None:
            continue
        leavers += 1
        assert times[-1] == left
        if left <= END:
            assert TRUTH.churned(user_id, left)
    assert 0.2 < leavers / SHOP.shoppers < 0.7


def test_kinds_live_up_to_their_names() -> None:
    left = Counter(
        TRUTH.kind(user_id) for user_id in TRUTH.times if TRUTH.left_at(user_id) is not None
    )
    of = Counter(TRUTH.kind(user_id) for user_id in TRUTH.times)
    assert of.keys() == {nature.value for nature in Nature}
    assert left["one-time"] == of["one-time"]
    assert left["seasonal"] == 0
    assert left["loyal"] / of["loyal"] < 0.35
    assert left["fading"] / of["fading"] > 0.4
    assert left["angry"] / of["angry"] > 0.4


def test_angry_shoppers_leave_after_something_went_wrong() -> None:
    last: dict[str, bool] = {}
    for event in SHOP.events():
        wrong = is_distress(event.kind, event.rating)
        last[event.user_id] = wrong or (last.get(event.user_id, False) and event.type == "refund")
    left = [
        user_id
        for user_id in TRUTH.times
        if TRUTH.kind(user_id) == "angry" and (TRUTH.left_at(user_id) or END) < END
    ]
    assert sum(last[user_id] for user_id in left) / len(left) > 0.6


def test_churn_is_neither_rare_nor_the_rule_among_active_customers_at_the_end() -> None:
    active = list(TRUTH.active_at(END, 90 * DAY))
    assert len(active) > 0.7 * SHOP.shoppers
    assert 0.25 < sum(TRUTH.churned(user_id, END) for user_id in active) / len(active) < 0.45


def test_the_truth_beyond_the_simulation_is_not_guessed() -> None:
    with pytest.raises(ValueError, match="less than 30d later"):
        TRUTH.churned(Shop.user_id(0), END + 1)


@pytest.mark.parametrize("ask", ["churned", "kind", "left_at"])
def test_an_unknown_shopper_has_no_truth(ask: str) -> None:
    arguments = (END,) if ask == "churned" else ()
    with pytest.raises(KeyError, match="nobody"):
        getattr(TRUTH, ask)("nobody", *arguments)
