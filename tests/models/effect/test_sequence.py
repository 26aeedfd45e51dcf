"""Bounds that hold at all looks together: held to simulated shops that are looked at every day."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.effect import LEAST, reach
from models.effect.sequence import Floats

SEEDS, CUSTOMERS = 200, 4_000


def cumulative_bounds(values: Floats, treated: Floats, alpha: float) -> tuple[Floats, Floats]:
    """Return the difference and its reach after each customer, of many shops at once.

    The slow function's arithmetic (`compare` without anything known before), for outcomes of 0
    and 1, whose lowest and highest are 0 and 1 from early on.
    """
    counts = np.arange(1, values.shape[1] + 1)
    means, parts = [], []
    for arm in (treated, 1 - treated):
        number = np.maximum(arm.cumsum(axis=1), 1)
        ones = (values * arm).cumsum(axis=1)
        share = (ones + 1) / (number + 2)
        means.append(ones / number)
        parts.append(share * (1 - share) / number)
    wide = reach(np.broadcast_to(counts, values.shape), counts * (parts[0] + parts[1]), alpha)
    few = np.minimum(treated.cumsum(axis=1), (1 - treated).cumsum(axis=1)) < LEAST
    wide[few] = math.inf
    return means[0] - means[1], wide


@pytest.mark.parametrize(("holdout", "base"), [(0.5, 0.4), (0.1, 0.4), (0.1, 0.03)])
def test_who_looks_after_every_customer_is_seldom_misled(holdout: float, base: float) -> None:
    rng = np.random.default_rng(11)
    treated = (rng.random((SEEDS, CUSTOMERS)) >= holdout).astype(np.float64)
    values = (rng.random((SEEDS, CUSTOMERS)) < base).astype(np.float64)
    difference, wide = cumulative_bounds(values, treated, 0.05)
    assert np.isfinite(wide[:, -1]).all()
    misled = (np.abs(difference) > wide).any(axis=1).mean()
    assert misled <= 0.05
    # The interval for one look, looked at every day, would mislead: so the test can fail.
    once = np.where(np.isfinite(wide), wide / reach(range(1, 4_001), 1.0, 0.05), np.inf)
    naive = np.abs(difference) > 1.96 * once / np.sqrt(np.arange(1, 4_001))
    assert naive.any(axis=1).mean() > 0.15


def test_the_truth_is_inside_at_all_looks_together() -> None:
    rng = np.random.default_rng(12)
    treated = (rng.random((SEEDS, CUSTOMERS)) >= 0.2).astype(np.float64)
    values = (rng.random((SEEDS, CUSTOMERS)) < 0.3 + 0.06 * treated).astype(np.float64)
    difference, wide = cumulative_bounds(values, treated, 0.05)
    assert (np.abs(difference - 0.06) <= wide).all(axis=1).mean() >= 0.95
    # And it is found by most shops of that size.
    assert (difference > wide)[:, -1].mean() > 0.4


@given(st.integers(1, 10**6), st.floats(1e-6, 1e6), st.floats(1e-6, 0.5))
def test_more_customers_less_spread_and_more_doubt_make_it_narrower(
    count: int, variance: float, alpha: float
) -> None:
    here = float(reach(count, variance, alpha))
    assert float(reach(count + 1, variance, alpha)) < here
    assert float(reach(count, 4 * variance, alpha)) == pytest.approx(2 * here)
    assert float(reach(count, variance, alpha / 2)) > here
    assert here > 1.0 * math.sqrt(variance / count)


def test_nobody_says_nothing() -> None:
    assert reach([0, 1], 1.0, 0.05)[0] == math.inf
    with pytest.raises(ValueError, match="between 0 and 1"):
        reach(1, 1.0, 0.0)
