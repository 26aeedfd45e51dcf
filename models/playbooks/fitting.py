"""What a shop's customers are worth before anything is known of one, found from all of them.

By maximum likelihood: of the gamma-gamma model for what an order comes to, and of Poisson counts
with gamma-distributed rates for how many come. Only customers who are still there are counted for
the rate, since of the others nobody knows when they left.

Source: Fader, Hardie, "The gamma-gamma model of monetary value", 2013, equation 1a; the counts are
the negative binomial model of Ehrenberg, "The pattern of consumer purchases", Applied Statistics
8, 1959.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from models.playbooks.plan import MOST, MOST_CENTS, MOST_DAYS, USUAL, Prior

Floats = npt.NDArray[np.float64]
#: Fewer customers with orders say too little.
LEAST: Final = 100
#: The logarithms of the numbers lie within so many of where they start, more likely near it.
_WIDEST: Final = 7.0
_SPREAD: Final = 3.0
#: A customer of today has had no time to come back.
_LEAST_DAYS: Final = 1.0


class TooFew(ValueError):
    """There are not enough customers with orders to tell."""


class Spender(NamedTuple):
    """What is known of one customer's orders.

    Parameters
    ----------
    orders, mean
        How many, and what they came to in the mean.
    tenure
        Days since the customer was first seen.
    there
        Whether the customer is still one.
    """

    orders: float
    mean: float
    tenure: float
    there: bool


def fit_prior(spenders: Sequence[Spender], margin: float = USUAL.margin) -> Prior:
    """Return what is known of customers before anything is known of one.

    Parameters
    ----------
    spenders
        A sample of the shop's customers.
    margin
        The share of an order that the shop earns: orders do not tell it.

    Raises
    ------
    TooFew
        If fewer than 100 of them have orders.

    Examples
    --------
    >>> found = fit_prior([Spender(4.0, 10.0 + each, 100.0, True) for each in range(101)])
    >>> round(found.order, -2), round(100 * found.rate / found.days, 2)
    (6000, 3.0)
    """
    table = np.array([each[:3] for each in spenders], dtype=np.float64).reshape(-1, 3)
    there = np.array([each.there for each in spenders], dtype=np.bool_)
    orders, means, tenures = table.T
    bought = (orders >= 1) & (means > 0)
    if bought.sum() < LEAST:
        count = int(bought.sum())
        raise TooFew(f"{count} of {len(table)} customers have orders, and it takes {LEAST} to tell")
    known = there & (orders >= 1)
    if known.sum() < LEAST:
        count = int(known.sum())
        raise TooFew(f"{count} customers with orders are still there, and it takes {LEAST} to tell")
    order, weight = _fit_order(orders[bought], means[bought])
    rate, days = _fit_rate(np.maximum(orders[known] - 1, 0), tenures[known])
    # Of customers who are all alike, less than everything is enough.
    many = max(rate / MOST, days / MOST_DAYS, 1.0)
    cents = min(max(round(order * 100), 1), MOST_CENTS)
    return Prior(margin, cents, min(weight, MOST), rate / many, days / many)


def spend_likelihood(
    orders: Floats, means: Floats, order: float, weight: float, p: float
) -> Floats:
    """Return the log likelihood of what each customer's orders came to in the mean.

    Parameters
    ----------
    orders, means
        How many, and the mean.
    order, weight
        The mean order of the shop, and as how many of one's own it counts: (q - 1) / p.
    p
        How little the orders of one customer scatter.
    """
    from scipy.special import gammaln

    q = weight * p + 1
    scale = order * weight
    px = p * orders
    found: Floats = (
        gammaln(px + q)
        - gammaln(px)
        - gammaln(q)
        + q * np.log(scale)
        + (px - 1) * np.log(means)
        + px * np.log(orders)
        - (px + q) * np.log(scale + orders * means)
    )
    return found


def count_likelihood(repeats: Floats, tenures: Floats, rate: float, days: float) -> Floats:
    """Return the log likelihood of how often each customer came back, up to what is always so."""
    from scipy.special import gammaln

    found: Floats = (
        gammaln(rate + repeats)
        - gammaln(rate)
        + rate * np.log(days)
        - (rate + repeats) * np.log(days + np.maximum(tenures, _LEAST_DAYS))
    )
    return found


def _fit_order(orders: Floats, means: Floats) -> tuple[float, float]:
    typical = float(np.exp(np.log(means).mean()))

    def loss(steps: Floats) -> float:
        order, weight, p = np.array([typical, USUAL.orders, 2.0]) * np.exp(steps)
        return -float(spend_likelihood(orders, means, order, weight, p).sum())

    order, weight, _ = np.array([typical, USUAL.orders, 2.0]) * np.exp(_least(loss, 3))
    return float(order), float(weight)


def _fit_rate(repeats: Floats, tenures: Floats) -> tuple[float, float]:
    start = np.array([USUAL.rate, USUAL.days])

    def loss(steps: Floats) -> float:
        rate, days = start * np.exp(steps)
        return -float(count_likelihood(repeats, tenures, rate, days).sum())

    rate, days = start * np.exp(_least(loss, 2))
    return float(rate), float(days)


def _least(loss: Callable[[Floats], float], size: int) -> Floats:
    """Return the steps at which a loss is least; without many customers, near to none."""
    from scipy.optimize import minimize

    def weighed(steps: Floats) -> float:
        return loss(steps) + float((steps * steps).sum()) / (2 * _SPREAD**2)

    bounds = [(-_WIDEST, _WIDEST)] * size
    found: Floats = minimize(weighed, np.zeros(size), method="L-BFGS-B", bounds=bounds).x
    return found


__all__ = ["LEAST", "Spender", "TooFew", "count_likelihood", "fit_prior", "spend_likelihood"]
