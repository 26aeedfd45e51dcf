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
        The lowest at which, and at all above it, no day has more alerts than the capacity; None
        without a capacity, infinite if not even the highest risks fit.
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
    replaced_at: npt.ArrayLike | None = None,
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
    replaced_at
        Of each prediction the threshold at and below which it is no offer any more, since an
        earlier prediction of the same customer is one in its place (`first_offers`); minus
        infinity where there is none. Without it every prediction is an offer of its own.

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
    # As the threshold falls, a prediction becomes an offer, and may cease to be one again.
    begins, ends = np.ones(len(p), dtype=np.int64), _ends(replaced_at, p)
    kept_from = np.flatnonzero(np.isfinite(ends))
    rows = np.append(np.arange(len(p)), kept_from)
    heights = np.append(p, ends[kept_from])
    order = np.argsort(-heights, kind="stable")
    rows, heights = rows[order], heights[order]
    signs = np.append(begins, -begins[kept_from])[order]
    # Equal risks are alerted together: a threshold ends at the last of them.
    last = np.flatnonzero(np.append(heights[1:] != heights[:-1], True)[: len(heights)])
    thresholds = np.append(np.inf, heights[last])
    alerts = np.append(0, np.cumsum(signs)[last])
    value = offer.saved * offer.margin
    foreseen = value * np.append(0.0, np.cumsum(p[rows] * signs)[last]) - offer.cost * alerts
    found = value * np.append(0.0, np.cumsum(y[rows] * signs)[last]) - offer.cost * alerts

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
        on = _of_day(days, len(p))[rows]
        ceiling = _lowest_that_fits(heights, signs, on, offer.capacity, thresholds)
        within = int(found[: int((thresholds >= ceiling).sum())].argmax())
    even = int((thresholds >= offer.break_even).sum()) - 1
    kept = np.arange(len(thresholds))
    if len(kept) > points:
        # Evenly along the offers that begin; those that cease make none fewer on the way.
        begun = np.append(0, np.cumsum(signs > 0)[last])
        even_steps = np.searchsorted(begun, np.linspace(0, begun[-1], points))
        kept = np.union1d(even_steps, [best, even, within])
    return Choice(
        best=profit(best),
        calibrated=profit(even),
        capacity_threshold=ceiling,
        within_capacity=profit(within),
        curve=[profit(int(place)) for place in kept],
    )


def first_offers(
    risks: Values, at: npt.ArrayLike, who: npt.ArrayLike
) -> tuple[npt.NDArray[np.int64], Floats]:
    """Return which predictions can be the first at or above a threshold, and for which ones.

    Who is made one offer gets it at their first prediction at or above the threshold. Which one
    that is goes by the threshold: a later prediction is it only if its risk is higher than all
    before it, and only for thresholds above those.

    Parameters
    ----------
    risks
        One a prediction.
    at
        When each was made, as any number that grows.
    who
        Whom at most one offer goes to, as a number: a customer, or a customer in a while.

    Returns
    -------
    rows, replaced_at
        The predictions, by `who` and time, and for each the threshold at and below which an
        earlier one takes its place; minus infinity for the first.

    Examples
    --------
    >>> rows, replaced_at = first_offers([0.3, 0.2, 0.7, 0.9], [1, 2, 3, 4], [1, 1, 1, 2])
    >>> rows.tolist(), replaced_at.tolist()
    ([0, 2, 3], [-inf, 0.3, -inf])
    """
    p = np.asarray(risks, dtype=np.float64)
    order = np.lexsort((np.asarray(at), np.asarray(who)))
    _, group = np.unique(np.asarray(who)[order], return_inverse=True)
    # Ranks that are higher in every later group, so that one running maximum serves them all.
    levels, rank = np.unique(p[order], return_inverse=True)
    lifted = group * (len(levels) + 1) + rank + 1
    before = np.append(-1, np.maximum.accumulate(lifted)[:-1])[: len(p)]
    first = np.append(True, group[1:] != group[:-1])[: len(p)]
    record = first | (lifted > before)
    held = before[record] - group[record] * (len(levels) + 1) - 1
    replaced_at = np.where(first[record], -np.inf, levels[np.maximum(held, 0)])
    return order[record].astype(np.int64), replaced_at


def _ends(replaced_at: npt.ArrayLike | None, risks: Floats) -> Floats:
    if replaced_at is None:
        return np.full(len(risks), -np.inf)
    ends = np.asarray(replaced_at, dtype=np.float64)
    if ends.shape != risks.shape:
        raise ValueError(f"one end a risk is needed: {risks.shape} risks, {ends.shape} ends")
    if (ends >= risks).any():
        raise ValueError("an offer is replaced at a threshold below its own risk")
    return ends


def _of_day(days: npt.ArrayLike, rows: int) -> npt.NDArray[np.int64]:
    day = np.asarray(days)
    if day.shape != (rows,):
        raise ValueError(f"one day a risk is needed: {rows} risks, {day.shape} days")
    return np.unique(day, return_inverse=True)[1].astype(np.int64)


def _lowest_that_fits(
    heights: Floats,
    signs: npt.NDArray[np.int64],
    days: npt.NDArray[np.int64],
    capacity: int,
    thresholds: Floats,
) -> float:
    """Return the lowest threshold, of those given, above which no day goes beyond the capacity.

    Offers that begin and cease come by height, highest first.
    """
    by_day = np.argsort(days, kind="stable")
    day, height = days[by_day], heights[by_day]
    total = np.cumsum(signs[by_day])
    begins = np.searchsorted(day, day)
    count = total - (total - signs[by_day])[begins]
    changes = (day[1:] != day[:-1]) | (height[1:] != height[:-1])
    over = np.append(changes, True)[: len(day)] & (count > capacity)
    if not over.any():
        return float(thresholds[-1])
    return float(thresholds[thresholds > height[over].max()][-1])
