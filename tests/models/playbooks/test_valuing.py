"""What a customer is worth, against the two models integrated by brute force."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.playbooks import Prior, order_mean, orders_expected, worth


def mean_by_integral(amounts: int, mean: float, prior: Prior, shape: float) -> float:
    """Integrate the gamma-gamma model over all that a customer's scale could be.

    An amount is gamma with `shape` and the rate v; v is gamma with q and g, such that the mean of
    the means is the shop's, and a mean of its own counts as much as after `orders` orders.
    """
    q = prior.orders * shape + 1
    g = prior.order / 100 * (q - 1) / shape
    v = np.exp(np.linspace(-80, 12, 40_001))
    # Over ln v, which adds one power.
    logs = q * np.log(v) - g * v + amounts * (shape * np.log(v) - v * mean)
    weights = np.exp(logs - logs.max())
    return float((weights * shape / v).sum() / weights.sum())


def orders_by_integral(repeats: int, tenure: float, horizon: float, prior: Prior) -> float:
    """Integrate a Poisson count over all rates that somebody who is still there could have."""
    rate = np.exp(np.linspace(-40, 8, 20_001))
    logs = prior.rate * np.log(rate) - prior.days * rate
    logs += repeats * np.log(rate) - tenure * rate
    weights = np.exp(logs - logs.max())
    return float((weights * rate * horizon).sum() / weights.sum())


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 60),
    st.floats(0.5, 500),
    st.floats(0, 900),
    st.floats(0.5, 10),
    st.sampled_from([0.7, 2.0, 6.0]),
)
def test_the_closed_forms_are_the_integrals(
    orders: int, mean: float, tenure: float, weight: float, shape: float
) -> None:
    prior = Prior(margin=0.3, order=4_500, orders=weight, rate=1.2, days=40.0)
    facts = {"orders": float(orders), "order_mean": mean if orders else 0.0, "tenure": tenure}
    by_hand = mean_by_integral(orders, facts["order_mean"], prior, shape)
    assert order_mean(facts, prior) == pytest.approx(100 * by_hand, rel=1e-4)
    expected = orders_by_integral(max(orders - 1, 0), tenure, 30.0, prior)
    assert orders_expected(facts, 30.0, prior) == pytest.approx(expected, rel=1e-4)
    assert worth(facts, 30.0, prior) == pytest.approx(0.3 * 100 * by_hand * expected, rel=1e-3)


def test_shrinkage_beats_both_the_own_mean_and_the_shops_on_simulated_customers() -> None:
    """Of customers whose true mean is known, what is expected lies nearer than either alone."""
    chance = np.random.default_rng(5)
    shape, weight, typical = 4.0, 3.0, 45.0
    prior = Prior(order=4_500, orders=weight)
    q = weight * shape + 1
    true = shape / chance.gamma(q, 1 / (typical * (q - 1) / shape), 4_000)
    orders = chance.integers(1, 12, 4_000)
    own = np.array(
        [chance.gamma(shape, m / shape, n).mean() for m, n in zip(true, orders, strict=True)]
    )
    guessed = np.array(
        [
            order_mean({"orders": float(n), "order_mean": m}, prior) / 100
            for n, m in zip(orders, own, strict=True)
        ]
    )
    errors = [
        float(((guess - true) ** 2).mean()) for guess in (guessed, own, np.full(4_000, typical))
    ]
    assert errors[0] < 0.8 * min(errors[1:])
    assert float((guessed - true).mean()) == pytest.approx(0, abs=1.0)


@given(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9), st.floats(0, 1e9))
def test_a_value_is_never_below_nothing(orders: float, mean: float, tenure: float) -> None:
    value = worth({"orders": orders, "order_mean": mean, "tenure": tenure}, 30.0)
    assert np.isfinite(value) and value >= 0
