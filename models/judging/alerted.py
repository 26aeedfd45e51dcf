"""Who is alerted, at a threshold or within a budget, and who of them churned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from models.judging.curves import judged
from models.judging.metrics import Values

_NAN: Final = float("nan")


@dataclass(frozen=True)
class AtBudget:
    """What a team finds that can take so many alerts a day, and takes the highest risks.

    Parameters
    ----------
    budget
        Alerts a day, at most.
    alerts
        On all days together; fewer than the budget on a day with fewer predictions.
    churned
        Alerts of customers who did churn; equal risks at the edge count in part.
    precision
        Share of the alerts that were of churners.
    recall
        Share of the churners' predictions that were alerted.
    """

    budget: int
    alerts: int
    churned: float
    precision: float
    recall: float


def at_budgets(
    risks: Values, labels: Values, days: npt.ArrayLike, budgets: Sequence[int]
) -> list[AtBudget]:
    """Return precision and recall when only the highest risks of each day are alerted.

    Parameters
    ----------
    risks, labels
        One value a prediction; a label is 1 for churned.
    days
        Of each prediction the day, as any number that is the same all day.
    budgets
        Alerts a day; one result for each.

    Raises
    ------
    ValueError
        If the rows do not agree, or a budget is below 1.

    Examples
    --------
    >>> [found] = at_budgets([0.9, 0.2, 0.3, 0.4], [1, 1, 0, 0], [1, 1, 2, 2], [1])
    >>> found.alerts, found.precision, found.recall
    (2, 0.5, 0.5)
    """
    p, y = judged(risks, labels)
    day = np.asarray(days)
    if day.shape != p.shape:
        raise ValueError(f"one day a risk is needed: {p.shape} risks, {day.shape} days")
    if any(budget < 1 for budget in budgets):
        raise ValueError(f"a budget is at least 1 alert a day, not {min(budgets)}")
    if not len(p):
        return [AtBudget(budget, 0, 0.0, _NAN, _NAN) for budget in budgets]
    order = np.lexsort((-p, day))
    p, y, day = p[order], y[order], day[order]
    new_day = np.append(True, day[1:] != day[:-1])
    starts = np.flatnonzero(new_day | np.append(True, p[1:] != p[:-1]))
    count = np.diff(np.append(starts, len(p)))
    churned = np.add.reduceat(y, starts)
    first = np.maximum.accumulate(np.where(new_day, np.arange(len(p)), 0))[starts]
    before = starts - first
    results = []
    for budget in budgets:
        taken = np.clip(budget - before, 0, count)
        alerts, found = int(taken.sum()), float((churned * taken / count).sum())
        recall = found / float(y.sum()) if y.any() else _NAN
        results.append(AtBudget(budget, alerts, found, found / alerts, recall))
    return results


@dataclass(frozen=True)
class Confusion:
    """Who was alerted at a threshold, and who churned.

    Shares are not a number where there is nobody to be shared among.
    """

    threshold: float
    alerted_churned: int
    alerted_stayed: int
    missed_churned: int
    passed_stayed: int

    @property
    def accuracy(self) -> float:
        """Which share of all was judged rightly."""
        right = self.alerted_churned + self.passed_stayed
        return _share(right, right + self.alerted_stayed + self.missed_churned)

    @property
    def precision(self) -> float:
        """Which share of those alerted churned."""
        return _share(self.alerted_churned, self.alerted_churned + self.alerted_stayed)

    @property
    def recall(self) -> float:
        """Which share of those who churned was alerted."""
        return _share(self.alerted_churned, self.alerted_churned + self.missed_churned)

    @property
    def f1(self) -> float:
        """Return the harmonic mean of precision and recall."""
        twice = 2 * self.alerted_churned
        return _share(twice, twice + self.alerted_stayed + self.missed_churned)


def confusion(risks: Values, labels: Values, threshold: float) -> Confusion:
    """Return who is alerted at a threshold, as the policy does it: at or above it.

    Examples
    --------
    >>> found = confusion([0.1, 0.6, 0.35, 0.8], [0, 0, 1, 1], threshold=0.6)
    >>> found.accuracy, found.precision, found.recall, found.f1
    (0.5, 0.5, 0.5, 0.5)
    """
    p, y = judged(risks, labels)
    alerted, churned = p >= threshold, y > 0
    return Confusion(
        threshold=threshold,
        alerted_churned=int((alerted & churned).sum()),
        alerted_stayed=int((alerted & ~churned).sum()),
        missed_churned=int((~alerted & churned).sum()),
        passed_stayed=int((~alerted & ~churned).sum()),
    )


def confusions(risks: Values, labels: Values, thresholds: Sequence[float]) -> list[Confusion]:
    """Return who is alerted at each of many thresholds; sorted once, whatever their number.

    Examples
    --------
    >>> found = confusions([0.1, 0.6, 0.35, 0.8], [0, 0, 1, 1], [0.3, 0.7])
    >>> [(each.alerted_churned, each.alerted_stayed) for each in found]
    [(2, 1), (1, 0)]
    """
    p, y = judged(risks, labels)
    order = np.argsort(p, kind="stable")
    sorted_risks = p[order]
    churned_below = np.append(0, np.cumsum(y[order])).astype(np.int64)
    total, gone = len(p), int(churned_below[-1])
    found = []
    for threshold in thresholds:
        below = int(np.searchsorted(sorted_risks, threshold))
        missed = int(churned_below[below])
        found.append(
            Confusion(
                threshold=threshold,
                alerted_churned=gone - missed,
                alerted_stayed=total - below - (gone - missed),
                missed_churned=missed,
                passed_stayed=below - missed,
            )
        )
    return found


def _share(part: int, whole: int) -> float:
    return part / whole if whole else _NAN
