"""The interval of a share: Wilson's for different customers, wider when they repeat themselves."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from models.judging import share_interval


@given(st.lists(st.integers(0, 1), min_size=1, max_size=40))
def test_of_different_customers_it_is_wilsons(labels: list[int]) -> None:
    found = share_interval(labels, np.arange(len(labels)))
    theirs = binomtest(sum(labels), len(labels)).proportion_ci(0.95, method="wilson")
    assert found.estimate == pytest.approx(np.mean(labels))
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


@given(st.lists(st.integers(0, 1), min_size=1, max_size=20), st.integers(2, 5))
def test_saying_everything_again_makes_nothing_surer(labels: list[int], times: int) -> None:
    once = share_interval(labels, np.arange(len(labels)))
    again = share_interval(labels * times, np.tile(np.arange(len(labels)), times))
    assert (again.low, again.high) == pytest.approx((once.low, once.high))


def test_the_truth_is_inside_nineteen_times_of_twenty_though_customers_repeat_themselves() -> None:
    rng = np.random.default_rng(4)
    customers = np.repeat(np.arange(80), 6)
    inside = naive = 0
    for _ in range(300):
        levels = rng.beta(1, 3, 80)
        labels = (rng.random(480) < levels[customers]).astype(float)
        found = share_interval(labels, customers)
        inside += found.low <= 0.25 <= found.high
        plain = share_interval(labels, np.arange(480))
        naive += plain.low <= 0.25 <= plain.high
    assert 0.92 <= inside / 300 <= 0.98
    assert naive / 300 < 0.9


def test_of_nobody_nothing_is_known() -> None:
    assert math.isnan(share_interval([], []).low)
