"""What is found of a shop is what was planted; likelihoods are the integrals they stand for."""

from __future__ import annotations

from math import lgamma, log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.playbooks import PolicyWrong, Spender, TooFew, fit_prior, read_plan
from models.playbooks.fitting import count_likelihood, spend_likelihood


def shop(
    seed: int, many: int, order: float, weight: float, rate: float, days: float
) -> list[Spender]:
    """Draw customers by the two models themselves."""
    dice = np.random.default_rng(seed)
    p = 3.0
    q = weight * p + 1
    true = p / dice.gamma(q, 1 / (order * weight), many)
    tenures = dice.uniform(20, 300, many)
    orders = 1 + dice.poisson(dice.gamma(rate, 1 / days, many) * tenures)
    pairs = zip(true, orders, strict=True)
    means = [dice.gamma(p, mean / p, count).mean() for mean, count in pairs]
    return [
        Spender(float(count), float(mean), float(tenure), True)
        for count, mean, tenure in zip(orders, means, tenures, strict=True)
    ]


@pytest.mark.parametrize(
    ("order", "weight", "rate", "days"), [(45.0, 3.0, 1.0, 60.0), (120.0, 1.2, 2.5, 40.0)]
)
def test_what_was_planted_is_found_again(
    order: float, weight: float, rate: float, days: float
) -> None:
    found = fit_prior(shop(3, 6_000, order, weight, rate, days), margin=0.4)
    assert found.margin == 0.4
    assert found.order / 100 == pytest.approx(order, rel=0.05)
    assert found.orders == pytest.approx(weight, rel=0.15)
    assert found.rate == pytest.approx(rate, rel=0.1)
    assert found.rate / found.days == pytest.approx(rate / days, rel=0.05)


def test_the_gone_and_those_who_never_bought_change_nothing_of_the_rate() -> None:
    known = shop(4, 1_000, 50.0, 3.0, 1.0, 60.0)
    gone = [each._replace(there=False, tenure=900.0) for each in known]
    lookers = [Spender(0.0, 0.0, 100.0, True)] * 500
    one, other = fit_prior(known), fit_prior([*known, *gone, *lookers])
    assert (other.rate, other.days) == (one.rate, one.days)
    assert other.order == pytest.approx(one.order, rel=0.02)


@pytest.mark.parametrize(
    ("spenders", "said"),
    [
        ([], "0 of 0 customers have orders, and it takes 100 to tell"),
        ([Spender(1.0, 5.0, 9.0, True)] * 99, "99 of 99 customers have orders"),
        ([Spender(1.0, 5.0, 9.0, False)] * 200, "0 customers with orders are still there"),
    ],
)
def test_too_few_customers_are_refused(spenders: list[Spender], said: str) -> None:
    with pytest.raises(TooFew, match=said):
        fit_prior(spenders)


@pytest.mark.parametrize("mean", [1e-9, 1e9])
def test_whatever_customers_spend_the_numbers_can_be_used(mean: float) -> None:
    found = fit_prior([Spender(1.0, mean, 0.0, True)] * 100)
    assert all(np.isfinite(number) and number > 0 for number in found)
    values = f"order = {found.order / 100:.2f}\n"
    for name, number in (("orders", found.orders), ("rate", found.rate), ("days", found.days)):
        values += f"{name} = {number:.4g}\n"
    text = f"version = 1\nplaybook = []\n[value]\n{values}"
    with pytest.raises(PolicyWrong) as caught:
        read_plan(text, ())
    assert [fault.where for fault in caught.value.faults] == ["the file"]


@settings(max_examples=30, deadline=None)
@given(
    st.integers(1, 30),
    st.floats(0.5, 200),
    st.floats(5, 100),
    st.floats(0.5, 8),
    st.floats(0.5, 5),
)
def test_the_likelihood_of_a_spend_is_the_integral_over_what_a_customer_could_be(
    orders: int, mean: float, order: float, weight: float, p: float
) -> None:
    q, scale = weight * p + 1, order * weight
    v = np.exp(np.linspace(-40, 25, 40_001))
    # The mean of x gammas (p, v) is a gamma (p x, v x); over ln v, which adds one power.
    shape = p * orders
    logs = shape * np.log(v * orders) - lgamma(shape) + (shape - 1) * log(mean) - v * orders * mean
    logs += q * log(scale) - lgamma(q) + q * np.log(v) - scale * v
    most = logs.max()
    step = 65 / 40_000
    integral = most + log(float(np.exp(logs - most).sum()) * step)
    found = spend_likelihood(np.array([float(orders)]), np.array([mean]), order, weight, p)
    assert float(found[0]) == pytest.approx(integral, rel=1e-6, abs=1e-6)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 60), st.floats(1, 900), st.floats(0.2, 6), st.floats(1, 200))
def test_the_likelihood_of_a_count_is_the_integral_over_all_rates(
    repeats: int, tenure: float, rate: float, days: float
) -> None:
    rates = np.exp(np.linspace(-90, 12, 40_001))
    logs = rate * log(days) - lgamma(rate) + rate * np.log(rates) - days * rates
    logs += repeats * np.log(rates) - rates * tenure
    most = logs.max()
    integral = most + log(float(np.exp(logs - most).sum()) * 102 / 40_000)
    found = count_likelihood(np.array([float(repeats)]), np.array([tenure]), rate, days)
    assert float(found[0]) == pytest.approx(integral, rel=1e-6, abs=1e-6)
