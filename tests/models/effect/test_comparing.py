"""Two arms compared: held to the plain difference, to other draws of the same, and to CUPED."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.effect import ALARM, LEAST, adjusted, compare, mismatch, weeks_until_clear

ROWS = st.lists(
    st.tuples(st.floats(-100, 100), st.booleans(), st.floats(-10, 10), st.floats(-10, 10)),
    min_size=1,
    max_size=60,
)


@given(ROWS, st.integers(1, 60))
def test_without_anything_known_before_it_is_the_difference_of_the_means(
    rows: list[tuple[float, bool, float, float]], times: int
) -> None:
    rows = rows * times
    values, arms = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    found = compare(values, arms)
    here = [value for value, arm, *_ in rows if arm]
    there = [value for value, arm, *_ in rows if not arm]
    assert (found.treated, found.held_out) == (len(here), len(there))
    if here and there:
        plain = statistics.fmean(here) - statistics.fmean(there)
        assert found.difference.estimate == pytest.approx(plain, abs=1e-9)
        ends = [min(values), max(values)]
        spread = len(rows) * sum(
            statistics.pvariance([*arm, *ends]) / len(arm) for arm in (here, there)
        )
        assert found.spread == pytest.approx(spread, rel=1e-6, abs=1e-6)
    assert math.isfinite(found.difference.low) == (min(len(here), len(there)) >= LEAST)


@given(ROWS)
def test_the_adjustment_keeps_the_mean_and_is_blind_to_what_is_added_to_an_arm(
    rows: list[tuple[float, bool, float, float]],
) -> None:
    values, arms = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    before = np.array([row[2:] for row in rows])
    rest = adjusted(values, arms, before)
    assert rest.mean() == pytest.approx(values.mean(), abs=1e-6)
    lifted = adjusted(values + 7 * arms, arms, before)
    assert np.allclose(lifted - rest, 7 * arms, atol=1e-6)


@given(st.integers(0, 2**32))
def test_what_is_the_same_for_all_or_said_twice_adjusts_nothing_more(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values, one = rng.normal(size=200), rng.normal(size=(200, 1))
    arms = rng.random(200) < 0.5
    plain = adjusted(values, arms, one)
    doubled = np.hstack([one, np.ones((200, 1)), 3 * one])
    assert np.allclose(adjusted(values, arms, doubled), plain, atol=1e-6)


def test_the_adjustment_is_right_on_average_and_narrower() -> None:
    rng = np.random.default_rng(5)
    raw, better, reductions, covered = [], [], [], 0
    for _ in range(200):
        before = rng.normal(size=1_000)
        arms = rng.random(1_000) >= 0.1
        values = 2 * before + 0.5 * arms + rng.normal(size=1_000)
        plain, found = compare(values, arms), compare(values, arms, before[:, None])
        raw.append(plain.difference.estimate)
        better.append(found.difference.estimate)
        reductions.append(found.reduction)
        covered += not found.difference.leaves_out(0.5)
        assert found.treated_mean == plain.treated_mean
    assert statistics.fmean(better) == pytest.approx(0.5, abs=0.02)
    assert statistics.pvariance(better) < 0.35 * statistics.pvariance(raw)
    # Four fifths of the variance are of what was known before.
    assert statistics.fmean(reductions) == pytest.approx(0.8, abs=0.02)
    assert covered >= 195


def test_an_arm_that_did_all_the_same_is_not_sure_of_itself() -> None:
    arms = np.arange(600) % 10 != 0
    values = np.where(arms, np.arange(600) % 3 == 0, 0).astype(float)
    found = compare(values, arms)
    assert found.held_out_mean == 0
    assert found.spread > 600 * 0.02 * 0.98 / 60


def test_few_customers_have_no_bounds_and_an_arm_with_nobody_no_difference() -> None:
    arms = np.arange(490) % 10 != 0
    found = compare(np.ones(490), arms)
    assert (found.held_out, found.enough) == (49, False)
    assert (found.difference.low, found.difference.high) == (-math.inf, math.inf)
    assert math.isnan(compare(np.ones(9), np.ones(9, dtype=bool)).difference.estimate)
    assert math.isnan(compare(np.array([]), np.array([], dtype=bool)).treated_mean)


@pytest.mark.parametrize(
    ("values", "arms", "before"),
    [
        ([1.0], [True, False], None),
        ([math.nan], [True], None),
        ([1.0], [True], [[math.inf]]),
        ([1.0], [True], [[1.0], [2.0]]),
    ],
)
def test_rows_that_make_no_sense_are_refused(
    values: list[float], arms: list[bool], before: list[list[float]] | None
) -> None:
    known = None if before is None else np.array(before)
    with pytest.raises(ValueError, match=r"row a customer|finite"):
        compare(np.array(values), np.array(arms), known)


@given(st.integers(0, 2_000), st.integers(0, 2_000), st.floats(0.01, 0.99))
def test_arms_farther_from_their_share_are_less_likely(
    treated: int, held_out: int, holdout: float
) -> None:
    both = treated + held_out
    here = mismatch(treated, held_out, holdout)
    assert 0 <= here <= 1
    if held_out >= both * holdout and treated:
        assert mismatch(treated - 1, held_out + 1, holdout) <= here


def test_the_draw_alone_seldom_raises_the_alarm_and_a_leak_does() -> None:
    rng = np.random.default_rng(8)
    held = rng.binomial(5_000, 0.1, size=2_000)
    alarms = sum(mismatch(5_000 - int(each), int(each), 0.1) < ALARM for each in held)
    assert alarms <= 8
    assert mismatch(4_500, 400, 0.1) < ALARM
    assert (mismatch(0, 0, 0.1), mismatch(5, 1, 0.0), mismatch(5, 0, 0.0)) == (1.0, 0.0, 1.0)


def test_the_pace_is_the_time_until_the_bounds_leave_out_zero() -> None:
    rng = np.random.default_rng(2)
    arms = rng.random(1_000) >= 0.3
    values = (rng.random(1_000) < 0.3 + 0.1 * arms).astype(float)
    found = compare(values, arms)
    assert not found.difference.leaves_out(0)
    weeks = weeks_until_clear(found, 200)
    assert 0 < weeks < 52
    more = math.ceil((found.count + weeks * 200) / found.count)
    later = compare(np.tile(values, more), np.tile(arms, more))
    assert later.difference.leaves_out(0)
    assert weeks_until_clear(later, 200) == 0
    assert weeks_until_clear(found, 0) == math.inf
    assert weeks_until_clear(found, 0.1) == math.inf
