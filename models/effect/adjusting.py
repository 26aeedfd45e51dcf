"""CUPED: what was known of customers before they were alerted, taken out of what came after.

Who came often before comes more often after, treated or not. That part of the differences
between customers says nothing about the treatment, and only blurs it.

The slopes are learnt from both arms together, each around its own mean, so that the effect
itself cannot lean on them; and since nothing that is known before a customer is drawn can depend
on the draw, the difference of the arms stays what it was, but for noise.

How well a slope is known hangs on how much customers differ *within* the arms, and how much its
error then moves the difference, on how far apart the arms lie. A number that tells little but the
arms apart would therefore move it to any length. Two limits, neither of them chosen:

- Differences that are no larger than the rounding of the means they are taken from are none:
  n times the precision of a float, of numbers as large as 1.
- Where the arms lie further apart than customers do within them, one number alone or several
  together, nothing is adjusted: the error of the slopes alone would add as much to the variance of
  the difference as there is without them. With 50 customers an arm and three numbers, chance draws
  that less than once in 10^13 times; so it was not chance that drew, or not with one for all.

Source: Deng, Xu, Kohavi, Walker, "Improving the sensitivity of online controlled experiments by
utilizing pre-experiment data", WSDM 2013. The variance of the difference with slopes that are
estimated is that of the analysis of covariance (Cochran, "Analysis of covariance", Biometrics
1957).
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from models.effect.sequence import Floats

Flags = npt.NDArray[np.bool_]

_PRECISION: Final = float(np.finfo(np.float64).eps)


def adjusted(values: Floats, treated: Flags, before: Floats) -> Floats:
    """Return values with the part that was to be expected from before taken out.

    Parameters
    ----------
    values
        One a customer.
    treated
        Their arms.
    before
        Customers by numbers known before anybody was treated.

    Returns
    -------
    array
        With the same mean over all customers.

    Examples
    --------
    >>> rng = np.random.default_rng(3)
    >>> before = rng.normal(size=(400, 1))
    >>> treated = np.arange(400) % 2 == 0
    >>> values = 5 * before[:, 0] + treated + rng.normal(size=400)
    >>> rest = adjusted(values, treated, before)
    >>> print(f"{values.var():.1f}, {rest.var():.1f}")
    25.7, 1.2
    >>> bool(np.isclose(values.mean(), rest.mean()))
    True
    """
    largest = np.abs(before).max(axis=0, initial=0.0)
    numbers = before / np.where(largest > 0, largest, 1.0)
    count, share = len(values), float(treated.mean())
    both = share * (1 - share)
    wide, inside = numbers - numbers.mean(axis=0), _around_own_mean(numbers, treated)
    gap = numbers[treated].mean(axis=0) - numbers[~treated].mean(axis=0) if both else wide[0]
    within, rounding = (inside**2).mean(axis=0), count * _PRECISION
    tells = (within > rounding**2) & (within > both * gap**2)
    # In one measure, so that none is lost beside larger ones.
    unit = np.sqrt(within[tells])
    wide, inside, gap = wide[:, tells] / unit, inside[:, tells] / unit, gap[tells] / unit
    spreads, ways = np.linalg.eigh(inside.T @ inside / count)
    least = len(spreads) * rounding
    if both * ((ways.T @ gap) ** 2 / np.maximum(spreads, least)).sum() >= 1:
        return values.copy()
    # Numbers that say the same twice get no slope of their own.
    ways, spreads = ways[:, spreads > least], spreads[spreads > least]
    along = ways.T @ (inside.T @ _around_own_mean(values, treated)) / count
    found: Floats = values - wide @ (ways @ (along / spreads))
    return found


def _around_own_mean(numbers: Floats, treated: Flags) -> Floats:
    found = np.array(numbers, dtype=np.float64)
    for arm in (treated, ~treated):
        if arm.any():
            found[arm] -= found[arm].mean(axis=0)
    return found
