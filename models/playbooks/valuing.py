"""What is lost with a customer: the margin of the orders that the horizon would bring.

Three numbers, of which little is known of one customer and more of all of them:

- **the mean order**: the customer's own, shrunk to the shop's. Of spends that scatter as a gamma
  around a mean that is spread over the shop as another one (gamma-gamma), the expected mean is a
  mean of the two, the shop's counting as so many orders as are needed to tell customers apart;
- **the orders in the horizon**: those who stay order at a rate that is spread over the shop as a
  gamma. Whoever has come back x times in T days and is still there has the expected rate
  (rate + x) / (days + T), the shop's counting as ``rate`` orders in ``days`` days;
- **the margin**, a share, as the shop says it.

It is the value of a customer who stays: the risk that they do not is not in it.

Source: Fader, Hardie, Lee, "RFM and CLV: using iso-value curves for customer base analysis",
Journal of Marketing Research 42, 2005, for the order (their equation 2, with what p x + q - 1
weighs counted in orders); Fader, Hardie, Lee, "Counting your customers the easy way", Marketing
Science 24, 2005, for the rate of who is still there, as in the model ``bgnbd``.
"""

from __future__ import annotations

from collections.abc import Mapping

from models.playbooks.plan import USUAL, Prior


def order_mean(facts: Mapping[str, float], prior: Prior = USUAL) -> float:
    """Return what an order of a customer is expected to come to, in cents.

    Parameters
    ----------
    facts
        A vector by name; ``orders`` and ``order_mean`` are read.
    prior
        Of the shop.

    Examples
    --------
    Three orders of 20.00 count as much as the shop's usual 50.00.

    >>> order_mean({"orders": 3.0, "order_mean": 20.0}, Prior(order=50_00, orders=3.0))
    3500.0
    """
    orders = max(facts["orders"], 0.0)
    own = max(facts["order_mean"], 0.0) * 100
    return (prior.orders * prior.order + orders * own) / (prior.orders + orders)


def orders_expected(facts: Mapping[str, float], horizon_days: float, prior: Prior = USUAL) -> float:
    """Return how many orders a customer who stays is expected to make in the horizon.

    Parameters
    ----------
    facts
        A vector by name; ``orders`` and ``tenure`` are read.
    horizon_days
        H.
    prior
        Of the shop.

    Examples
    --------
    Five orders in 100 days, the first of which made a customer of them.

    >>> facts = {"orders": 5.0, "tenure": 100.0}
    >>> orders_expected(facts, 30.0, Prior(rate=1.0, days=50.0))
    1.0
    """
    repeats = max(facts["orders"] - 1.0, 0.0)
    return horizon_days * (prior.rate + repeats) / (prior.days + max(facts["tenure"], 0.0))


def worth(facts: Mapping[str, float], horizon_days: float, prior: Prior = USUAL) -> float:
    """Return the margin that is lost with a customer within the horizon, in cents.

    Parameters
    ----------
    facts
        A vector by name; ``orders``, ``order_mean`` and ``tenure`` are read.
    horizon_days
        H.
    prior
        Of the shop.

    Examples
    --------
    >>> facts = {"orders": 5.0, "order_mean": 80.0, "tenure": 100.0}
    >>> round(worth(facts, 30.0, Prior(margin=0.5, order=50_00, orders=5.0, rate=1.0, days=50.0)))
    3250
    """
    expected = orders_expected(facts, horizon_days, prior)
    return prior.margin * order_mean(facts, prior) * expected


__all__ = ["order_mean", "orders_expected", "worth"]
