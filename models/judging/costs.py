"""From which risk on an offer pays: what it costs, whom it saves, and how many can be called.

Source: Elkan, "The foundations of cost-sensitive learning", IJCAI 2001: with calibrated risks the
best threshold follows from the costs alone. Verbraken, Verbeke, Baesens, "A novel profit
maximizing metric for measuring classification performance of customer churn prediction models",
IEEE TKDE 25, 2013, for profit as the measure of a churn campaign.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.judging.curves import Floats, judged
from models.judging.metrics import Values


@dataclass(frozen=True)
class Offer:
    """What is done about an alert, in money.

    Parameters
    ----------
    cost
        Of one offer, whoever receives it: the call, the discount.
    margin
        Earned with a customer who stays because of it.
    saved
        Share of the churners with an offer who stay because of it.
    capacity
        Offers that can be made on one day; None for any number.

    Raises
    ------
    ValueError
        If the cost is below 0, the margin not above 0, the share not in (0, 1], or the capacity
        below 0.

    Examples
    --------
    >>> Offer(cost=5.0, margin=100.0, saved=0.2).break_even
    0.25
    """

    cost: float
    margin: float
    saved: float
    capacity: int | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.cost) and self.cost >= 0):
            raise ValueError(f"the cost of an offer is 0 or more, not {self.cost:g}")
        if not (math.isfinite(self.margin) and self.margin > 0):
            raise ValueError(f"the margin of a saved customer is above 0, not {self.margin:g}")
        if not 0 < self.saved <= 1:
            raise ValueError(f"the share saved is above 0 and at most 1, not {self.saved:g}")
        if self.capacity is not None and self.capacity < 0:
            raise ValueError(f"the capacity is 0 or more offers a day, not {self.capacity}")

    @property
    def break_even(self) -> float:
        """From which risk on an offer pays for itself; above 1 where it never does."""
        return self.cost / (self.saved * self.margin)


@dataclass(frozen=True)
class Profit:
    """What offers to all at or above a threshold bring.

    Parameters
    ----------
    threshold
        Infinite where nobody is alerted.
    alerts
        How many offers.
    foreseen
        The profit that the risks promise: true if they are calibrated.
    found
        The profit by who churned: the labels are of customers left alone, so a churner with an
        offer is saved with the share of the offer.
    """

    threshold: float
    alerts: int
    foreseen: float
    found: float


@dataclass(frozen=True)
class Choice:
    """Which threshold to take.

    Parameters
    ----------
    best
        The highest profit by the labels; the higher threshold of two that bring the same.
    calibrated
        What the threshold at break-even brings: the best one if risks are calibrated. If it
        brings much less than the best, they are not.
    capacity_threshold
        The lowest at which no day has more alerts than the capacity; None without a capacity,
        infinite if not even the highest risks fit.
    within_capacity
        The best at or above that; the best of all without a capacity.
    curve
        Profit by threshold, from nobody to everybody, thinned; what was chosen is on it.
    """

    best: Profit
    calibrated: Profit
    capacity_threshold: float | None
    within_capacity: Profit
    curve: list[Profit]


def choose(
    risks: Values,
    labels: Values,
    offer: Offer,
    days: npt.ArrayLike | None = None,
    points: int = 200,
) -> Choice:
    """Return the thresholds that bring most, and what each threshold brings.

    Parameters
    ----------
    risks, labels
        One value a prediction; a risk is a probability, a label is 1 for churned.
    offer
        The costs. One prediction is one offer: give the predictions that would be acted on.
    days
        Of each prediction the day, as any number that is the same all day; needed with a
        capacity.
    points
        So many of the thresholds are kept in the curve, at most, and those chosen.

    Raises
    ------
    ValueError
        If the rows do not agree, a risk is outside 0 to 1, a capacity comes without days, or
        fewer than 2 points are asked for.

    Examples
    --------
    >>> offer = Offer(cost=5.0, margin=100.0, saved=0.2)
    >>> found = choose([0.9, 0.6, 0.3, 0.1], [1, 1, 0, 0], offer)
    >>> found.best
    Profit(threshold=0.6, alerts=2, foreseen=20.0, found=30.0)
    """
    p, y = judged(risks, labels)
    if len(p) and not (p.min() >= 0 and p.max() <= 1):
        raise ValueError("risks are probabilities from 0 to 1")
    if points < 2:
        raise ValueError(f"a curve has at least 2 points, not {points}")
    order = np.argsort(-p, kind="stable")
    p, y = p[order], y[order]
    # Equal risks are alerted together: a threshold ends at the last of them.
    last = np.flatnonzero(np.append(p[1:] != p[:-1], True)[: len(p)])
    thresholds = np.append(np.inf, p[last])
    alerts = np.append(0, last + 1)
    value = offer.saved * offer.margin
    foreseen = value * np.append(0.0, np.cumsum(p)[last]) - offer.cost * alerts
    found = value * np.append(0.0, np.cumsum(y)[last]) - offer.cost * alerts

    def profit(place: int) -> Profit:
        return Profit(
            threshold=float(thresholds[place]),
            alerts=int(alerts[place]),
            foreseen=float(foreseen[place]),
            found=float(found[place]),
        )

    best = int(found.argmax())
    ceiling, within = None, best
    if offer.capacity is not None:
        if days is None:
            raise ValueError("a capacity is of a day: give the day of each prediction")
        ceiling = _lowest_that_fits(p, _of_day(days, order), offer.capacity, thresholds)
        within = int(found[: int((thresholds >= ceiling).sum())].argmax())
    even = int((thresholds >= offer.break_even).sum()) - 1
    kept = np.arange(len(thresholds))
    if len(kept) > points:
        even_steps = np.searchsorted(alerts, np.linspace(0, alerts[-1], points))
        kept = np.union1d(even_steps, [best, even, within])
    return Choice(
        best=profit(best),
        calibrated=profit(even),
        capacity_threshold=ceiling,
        within_capacity=profit(within),
        curve=[profit(int(place)) for place in kept],
    )


def _of_day(days: npt.ArrayLike, order: npt.NDArray[np.intp]) -> npt.NDArray[np.int64]:
    day = np.asarray(days)
    if day.shape != order.shape:
        raise ValueError(f"one day a risk is needed: {order.shape} risks, {day.shape} days")
    return np.unique(day[order], return_inverse=True)[1].astype(np.int64)


def _lowest_that_fits(
    risks: Floats, days: npt.NDArray[np.int64], capacity: int, thresholds: Floats
) -> float:
    """Return the lowest threshold, of those given, with which no day goes above the capacity.

    Risks come highest first.
    """
    by_day = np.argsort(days, kind="stable")
    sorted_days = days[by_day]
    first = np.searchsorted(sorted_days, sorted_days)
    # The first in each day who does not fit any more: nobody with that risk can be alerted.
    left_out = risks[by_day][np.arange(len(risks)) - first == capacity]
    if not len(left_out):
        return float(thresholds[-1])
    return float(thresholds[thresholds > left_out.max()][-1])
