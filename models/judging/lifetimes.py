"""How long customers stay: the share that is still there so many days after they came.

Source: Kaplan, Meier, "Nonparametric estimation from incomplete observations", JASA 53, 1958, as
in scipy; intervals by the complementary log-log (Kalbfleisch, Prentice 1980), which stay between
0 and 1.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.judging.curves import Floats


@dataclass(frozen=True, eq=False)
class Survival:
    """Which share was still there after each number of days.

    Parameters
    ----------
    days
        Since the customer came, from 0 on.
    alive
        The share that stayed longer.
    low, high
        Its interval of 95 %; the share itself where all or none are left.
    """

    days: Floats
    alive: Floats
    low: Floats
    high: Floats


def survival(days: npt.ArrayLike, gone: npt.ArrayLike) -> Survival:
    """Return how long customers stay, though many are still there (Kaplan-Meier).

    Parameters
    ----------
    days
        Of each customer, how long they stayed, or how long they have been watched so far.
    gone
        Whether they have left; who has not will do so later than `days`, nobody knows when.

    Raises
    ------
    ValueError
        If the rows do not agree or a number of days is below 0.

    Examples
    --------
    >>> found = survival([1, 2, 2, 5], [True, True, False, False])
    >>> found.days.tolist(), found.alive.tolist()
    ([0.0, 1.0, 2.0, 5.0], [1.0, 0.75, 0.5, 0.5])
    """
    # Takes half a second: not for whoever only judges.
    from scipy import stats

    lasted, left = np.asarray(days, dtype=np.float64), np.asarray(gone, dtype=np.bool_)
    if lasted.shape != left.shape or lasted.ndim != 1:
        raise ValueError(f"one end a customer is needed: {lasted.shape} days, {left.shape} ends")
    if len(lasted) and not lasted.min() >= 0:
        raise ValueError(f"nobody stays for {lasted.min():g} days")
    if not len(lasted):
        return Survival(*(np.empty(0) for _ in range(4)))
    found = stats.ecdf(stats.CensoredData(uncensored=lasted[left], right=lasted[~left])).sf
    alive = np.asarray(found.probabilities, dtype=np.float64)
    # Where all or none are left, the logarithms are not defined.
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)
        bounds = found.confidence_interval(method="log-log")
    low, high = (
        np.where(np.isfinite(each.probabilities), each.probabilities, alive)
        for each in (bounds.low, bounds.high)
    )
    times = np.asarray(found.quantiles, dtype=np.float64)
    if times[0] > 0:
        times = np.append(0.0, times)
        alive, low, high = (np.append(1.0, each) for each in (alive, low, high))
    return Survival(times, alive, low, high)
