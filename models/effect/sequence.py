"""How sure a mean is, however often one looks: asymptotic confidence sequences.

A usual interval of 95 % holds the truth 95 times in 100 if one looks once, at a time that was
fixed before. Who looks every day, and stops when it looks good, is wrong far more often. A
confidence sequence holds the truth at all looks together; it is wider for that, by about a half
at its best.

Source: Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas, "Time-uniform central limit theory and
asymptotic confidence sequences", Annals of Statistics 52, 2024: the two-sided sequence from
Robbins' normal mixture, with rho chosen so that it is narrowest at about N* customers.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
#: How many customers the sequence is narrowest for, about; to be chosen before anybody looks.
TUNED: Final = 5_000.0


def reach(counts: npt.ArrayLike, variances: npt.ArrayLike, alpha: float) -> Floats:
    """Return how far the sequence reaches to either side of the mean.

    Parameters
    ----------
    counts
        How many were averaged.
    variances
        Of one of them.
    alpha
        The chance that the truth is ever outside.

    Returns
    -------
    array
        Infinite where nobody was averaged.

    Raises
    ------
    ValueError
        If alpha is not between 0 and 1.

    Examples
    --------
    At 5,000 customers half as wide again as an interval for a single look:

    >>> reach([500, 5_000], 1.0, 0.05).round(4).tolist()
    [0.1724, 0.0429]
    >>> round(1.96 / 5_000**0.5, 4)
    0.0277
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha is between 0 and 1, not {alpha:g}")
    count = np.asarray(counts, dtype=np.float64)
    spread = np.sqrt(np.asarray(variances, dtype=np.float64))
    doubt = -2 * np.log(alpha)
    squared = (doubt + np.log(doubt + 1)) / TUNED
    there = np.maximum(count, 1.0)
    grown = there * squared
    widths = spread * np.sqrt(
        2 * (grown + 1) / (there * grown) * np.log(np.sqrt(grown + 1) / alpha)
    )
    found: Floats = np.where(count > 0, widths, np.inf)
    return found
