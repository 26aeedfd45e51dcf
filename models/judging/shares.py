"""How sure a share is, when one customer counts many times.

Sources: Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22,
1927; Kish, "Survey Sampling", 1965, for the design effect of clusters.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from models.judging.intervals import Interval
from models.judging.metrics import Values

_NAN: Final = float("nan")
#: Of the normal distribution, what leaves out one in twenty.
_DEVIATIONS: Final = 1.959963984540054


def share_interval(labels: Values, customers: npt.ArrayLike) -> Interval:
    """Return the share of churners, and an interval of 95 % (Wilson) for it.

    The predictions about one customer resemble each other, and tell less than as many of
    different ones. How much less is told by how much more customers differ than chance would
    have it (the design effect): so many independent predictions are taken as there would be with
    the same certainty. Where all have one label, which tells nothing of that, every customer
    counts once.

    Parameters
    ----------
    labels
        One a prediction; 1 for churned.
    customers
        Whom each is about, as whole numbers.

    Examples
    --------
    >>> round(share_interval([1, 0, 0, 0, 1, 0, 0, 0, 0, 0], np.arange(10)).high, 2)
    0.51
    >>> share_interval([1, 1, 1, 0, 0, 0, 0, 0, 0, 0], [1, 1, 1, 2, 2, 2, 3, 3, 3, 3]).high > 0.75
    True
    """
    y = np.asarray(labels, dtype=np.float64)
    who, codes = np.unique(np.asarray(customers), return_inverse=True)
    if not len(y):
        return Interval(_NAN, _NAN, _NAN)
    share, number = float(y.mean()), len(who)
    independent = float(number)
    if 0 < share < 1:
        apart = np.bincount(codes, y - share, minlength=number)
        effect = float((apart**2).sum()) / (len(y) * share * (1 - share))
        independent = len(y) / max(effect, 1.0)
    square = _DEVIATIONS**2 / independent
    middle = (share + square / 2) / (1 + square)
    reach = np.sqrt(share * (1 - share) * square + square**2 / 4) / (1 + square)
    return Interval(share, max(middle - float(reach), 0.0), min(middle + float(reach), 1.0))
