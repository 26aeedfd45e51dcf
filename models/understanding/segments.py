"""In which part of their life with the shop a customer is: five words that a shop owner uses.

The rules go by the horizon H, so that one set of words fits a supermarket and a furniture shop.
A visit day is a day (UTC) with activity that counts. The first rule that holds is it:

==============  =================================================================================
``new``         first seen less than H ago: too early to tell, however often they came
``one-time``    at most one visit day, ever
``loyal``       regular, on at least 6 days, and at least 2 H lie between the first and the last
``regular``     at least 3 visit days, and the usual gap between them is at most H
``occasional``  everybody else: came back, but less than once in a horizon, or twice in all
==============  =================================================================================

How long a customer has been silent plays no part in it, but for *new*, which ends with time: the
segment says who the customer was while they came, and the risk says whether they still will. So
a loyal customer who falls silent stays loyal, and can be found among the alerts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

#: From the first day to the best customers; the places are those that `Lifecycle.places` gives.
SEGMENTS: Final = ("new", "one-time", "occasional", "regular", "loyal")
_NEW, _ONE_TIME, _OCCASIONAL, _REGULAR, _LOYAL = range(len(SEGMENTS))
#: Visit days from which on there is a rhythm to speak of, and of somebody who keeps coming.
RHYTHM_DAYS: Final = 3
LOYAL_DAYS: Final = 6
#: Horizons between the first and the last visit day of a loyal customer.
LOYAL_HORIZONS: Final = 2.0


class Lifecycle:
    """Tells the segment of customers from what was known of them at a time.

    Parameters
    ----------
    index
        Where in a vector each feature is, as of `Catalogue.index`; ``tenure``, ``visit_days``,
        ``gap_mean`` and ``gap_usual`` are read.
    horizon_days
        H, in days.

    Examples
    --------
    A shop that counts on its customers within 30 days: first seen 100 days ago, who came on 12
    days, 8 days from one to the next.

    >>> index = {"tenure": 0, "visit_days": 1, "gap_mean": 2, "gap_usual": 3}
    >>> lifecycle = Lifecycle(index, horizon_days=30.0)
    >>> lifecycle.of_one([100.0, 12.0, 8.0, 8.0])
    'loyal'
    >>> vectors = np.array([[9, 4, 3, 3], [90, 1, 0, 0], [90, 2, 40, 40]], dtype=np.float32)
    >>> lifecycle.of(vectors)
    ['new', 'one-time', 'occasional']
    """

    def __init__(self, index: Mapping[str, int], horizon_days: float) -> None:
        read = ("tenure", "visit_days", "gap_mean", "gap_usual")
        self._columns = [index[name] for name in read]
        self._horizon = horizon_days

    def places(self, vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.int8]:
        """Return the place in `SEGMENTS` of each row of a matrix of vectors."""
        tenure, days, mean, usual = vectors[:, self._columns].astype(np.float64).T
        horizon = self._horizon
        # Gaps are whole days, and single precision is not: rounded, the span is exact again.
        span = np.rint(mean * np.maximum(days - 1, 0))
        regular = (days >= RHYTHM_DAYS) & (usual <= horizon)
        loyal = regular & (days >= LOYAL_DAYS) & (span >= LOYAL_HORIZONS * horizon)
        found = np.full(len(vectors), _OCCASIONAL, dtype=np.int8)
        found[regular] = _REGULAR
        found[loyal] = _LOYAL
        found[days <= 1] = _ONE_TIME
        found[tenure < horizon] = _NEW
        return found

    def of(self, vectors: npt.NDArray[np.float32]) -> list[str]:
        """Return the segment of each row of a matrix of vectors."""
        return [SEGMENTS[place] for place in self.places(vectors).tolist()]

    def of_one(self, vector: Sequence[float]) -> str:
        """Return the segment of one vector."""
        return self.of(np.asarray(vector, dtype=np.float32).reshape(1, -1))[0]
