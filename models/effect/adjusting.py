"""CUPED: what was known of customers before they were alerted, taken out of what came after.

Who came often before comes more often after, treated or not. That part of the differences
between customers says nothing about the treatment, and only blurs it.

The slopes are learnt from both arms together, each around its own mean, so that the effect
itself cannot lean on them; and since nothing that is known before a customer is drawn can depend
on the draw, the difference of the arms stays what it was, but for noise.

Source: Deng, Xu, Kohavi, Walker, "Improving the sensitivity of online controlled experiments by
utilizing pre-experiment data", WSDM 2013.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from models.effect.sequence import Floats

Flags = npt.NDArray[np.bool_]

#: Where arms are that much further apart than those within them, chance has not drawn them.
_APART: Final = 1e-4


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
    wide = before - before.mean(axis=0)
    inside = np.array(before, dtype=np.float64)
    around = np.array(values, dtype=np.float64)
    for arm in (treated, ~treated):
        if arm.any():
            inside[arm] -= inside[arm].mean(axis=0)
            around[arm] -= around[arm].mean()
    # What only tells the arms apart would be drawn out to any length.
    reach, within = (np.abs(each).max(axis=0, initial=0.0) for each in (wide, inside))
    inside[:, within <= _APART * reach] = 0.0
    # Numbers that are the same for all, or say the same twice, get no slope of their own.
    slopes = np.linalg.lstsq(inside.T @ inside, inside.T @ around, rcond=1e-12)[0]
    found: Floats = values - wide @ slopes
    return found
