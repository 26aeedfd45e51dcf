"""Two arms compared: held to the plain difference, to other draws of the same, and to CUPED."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from models.effect import LEAST, adjusted, compare, weeks_until_clear

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
@example([(0.0, False, 1e-52, 0.0), (0.0, True, 1.0, 0.0), (1.0, False, 0.0, 0.0)])
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


def test_there_is_a_chance_for_each_value() -> None:
    with pytest.raises(ValueError, match="a chance for each"):
        compare(np.ones(3), np.ones(3, dtype=bool), None, np.ones(2))


def held_out_unevenly(seed: int, size: int = 1_200) -> tuple[np.ndarray, ...]:
    """Return customers of two playbooks: half of those who seldom return are held out of theirs."""
    rng = np.random.default_rng(seed)
    seldom = rng.random(size) < 0.5
    chances = np.where(seldom, 0.5, 0.1)
    arms = rng.random(size) >= chances
    values = (rng.random(size) < np.where(seldom, 0.1, 0.6)).astype(float)
    return values, arms, chances, (rng.random(size) + seldom)[:, None]


def test_who_is_held_out_more_often_than_others_counts_for_no_more_than_they_do() -> None:
    found = [held_out_unevenly(seed) for seed in range(200)]
    naive = [compare(values, arms).difference for values, arms, _, _ in found]
    for known in (False, True):
        fair = [
            compare(values, arms, before if known else None, chances).difference
            for values, arms, chances, before in found
        ]
        assert abs(statistics.fmean(each.estimate for each in fair)) < 0.01
        assert sum(each.leaves_out(0.0) for each in fair) <= 4
        # The width is that of the estimates as they are.
        spread = statistics.stdev(each.estimate for each in fair)
        reach = statistics.fmean(each.high for each in fair) - statistics.fmean(
            each.estimate for each in fair
        )
        assert 3 < reach / spread < 5
    # Nothing works there, and the means of the arms say that something does.
    assert sum(each.leaves_out(0.0) for each in naive) > 190


def test_who_had_no_choice_of_arms_is_left_out_and_equal_chances_change_nothing() -> None:
    values, arms, _, before = held_out_unevenly(3)
    plain = compare(values, arms, before)
    assert compare(values, arms, before, np.full(len(values), 0.3)) == plain
    more = np.append(values, np.ones(500)), np.append(arms, np.ones(500, dtype=bool))
    known = np.append(before, np.zeros((500, 1)), axis=0)
    chances = np.append(np.full(len(values), 0.3), np.zeros(500))
    found = compare(*more, known, chances)
    assert (found.treated, found.held_out) == (plain.treated, plain.held_out)
    assert found.difference.estimate == pytest.approx(plain.difference.estimate)
    assert found.difference.high == pytest.approx(plain.difference.high)


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


def ordinary(seed: int, size: int = 400, numbers: int = 3) -> tuple[np.ndarray, ...]:
    """Return customers as chance draws them, with numbers in very different measures."""
    rng = np.random.default_rng(seed)
    before = rng.normal(size=(size, numbers)) @ rng.normal(size=(numbers, numbers))
    before = (before + rng.integers(-99, 99, numbers)) * 10.0 ** rng.integers(-6, 7, numbers)
    arms = rng.random(size) < 0.7
    arms[:2] = True, False
    standard = (before - before.mean(axis=0)) / before.std(axis=0)
    values = standard @ rng.normal(size=numbers) + rng.normal(size=size) + 0.5 * arms
    return values, arms, before


@given(st.integers(0, 2**32), st.sampled_from([120, 400, 2_000]), st.integers(1, 4))
def test_the_adjusted_difference_is_that_of_least_squares(
    seed: int, size: int, numbers: int
) -> None:
    """The slow way: a regression on the arm and all numbers; its coefficient is the difference."""
    values, arms, before = ordinary(seed, size, numbers)
    standard = (before - before.mean(axis=0)) / before.std(axis=0)
    columns = np.column_stack([np.ones(size), arms, standard])
    expected = np.linalg.lstsq(columns, values, rcond=None)[0][1]
    found = adjusted(values, arms, before)
    assert found[arms].mean() - found[~arms].mean() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("apart", [1.0, 1e-9, 1e9])
@pytest.mark.parametrize("jitter", [0.0, 1e-17, 1e-16, 1e-13, 1e-10, 1e-6, 1e-3, 0.1])
def test_what_tells_little_but_the_arms_apart_adjusts_nothing(apart: float, jitter: float) -> None:
    values, arms, before = ordinary(3)
    noise = np.random.default_rng(4).normal(size=len(values))
    leaks = apart * (7.0 + arms + jitter * noise)
    alone = adjusted(values, arms, leaks[:, None])
    assert np.array_equal(alone, values)
    beside = adjusted(values, arms, np.column_stack([before, leaks]))
    assert np.allclose(beside, adjusted(values, arms, before), atol=1e-9)


@pytest.mark.parametrize("jitter", [0.0, 1e-16, 1e-12, 1e-9, 1e-6, 1e-3, 0.1])
def test_what_tells_the_arms_apart_together_adjusts_nothing_either(jitter: float) -> None:
    """Each alone looks like any other number; their difference is the arm."""
    values, arms, before = ordinary(5)
    noise = np.random.default_rng(6).normal(size=(2, len(values)))
    pair = np.column_stack([noise[0], noise[0] + 0.3 * arms + jitter * noise[1]])
    assert np.array_equal(adjusted(values, arms, pair), values)
    assert np.array_equal(adjusted(values, arms, np.hstack([before, pair])), values)


@settings(max_examples=30)
@given(
    st.lists(
        st.tuples(st.floats(-1e6, 1e6), st.booleans(), st.integers(0, 3), st.integers(-9, 9)),
        min_size=100,
        max_size=140,
    ),
    st.sampled_from([1e-300, 1e-9, 1.0, 1e15, 1e300]),
)
def test_whatever_was_known_the_difference_is_finite_and_near_what_is_told(
    rows: list[tuple[float, bool, int, int]], measure: float
) -> None:
    """Numbers that are the same for most, depend on each other, or on the arm."""
    values = np.array([row[0] for row in rows])
    arms = np.array([row[1] for row in rows])
    one, two = (np.array([float(row[place]) for row in rows]) for place in (2, 3))
    before = measure * np.column_stack([one, 0.1 * two, one + 0.1 * two, arms + 1e-9 * two])
    found = adjusted(values, arms, before)
    assert np.isfinite(found).all()
    assert found.mean() == pytest.approx(values.mean(), abs=1e-6 * (1 + np.abs(values).max()))
    if arms.any() and not arms.all():
        # What was to be expected explains no more of what came than all of it.
        for arm in (arms, ~arms):
            assert np.abs(found[arm] - found[arm].mean()).max() <= 1e3 * np.abs(values).max() + 1
