"""The 26 signs of drifting away, from the raw vector of the catalogue; and what the kinds say.

Counts, days and money are taken to logarithms; visits become log rates against the time in which
they could have happened; what the kinds of the shop say comes as log odds. The raw vector is what
is kept with a prediction, and the signs are made of it wherever they are needed.
"""

from __future__ import annotations

from math import log
from typing import Final

import numpy as np
import numpy.typing as npt

from features import Catalogue
from models.bayes.kinds import READS, KindReading, Kinds
from models.learning import Floats, logit

_LOGGED: Final = (
    *("recency", "visit_days", "tenure", "events", "gap_last", "gap_mean", "negatives"),
    *("spent", "order_mean"),
)
_VISITS: Final = ("visits_h4", "visits_h2", "visits_h", "visits_2h", "visits_4h")
_HALF_LIVES: Final = (0.25, 0.5, 1.0, 2.0, 4.0)
_TWO_HORIZONS: Final = 3
_PLAIN: Final = ("tenure", "visit_days", "visit_span", "since_negative")
#: The signs, in order.
SIGNS: Final = (
    *_LOGGED,
    "rate_own",
    *("rate_h4", "rate_h2", "rate_h", "rate_2h", "rate_4h"),
    *("rate_h4_h2", "rate_h2_h", "rate_h_2h", "rate_2h_4h"),
    "rate_none",
    *("renewal", "left", "renewal_gap", "renewal_shape", "renewal_leaving"),
    "trouble",
)
#: What the kinds say of each stage, as log odds; taken as it is and never standardised.
OFFSETS: Final = ("renewal_quarter", "renewal_half", "renewal_whole")
#: Trouble further back than so many times A is forgotten.
_TROUBLE: Final = 4.0
_LARGEST: Final = 50.0


class Signs:
    """From raw vectors to signs.

    Parameters
    ----------
    catalogue
        Whose vectors are read.
    horizon_days, active_days
        H and A, in days.

    Examples
    --------
    >>> from features import Definition, build_catalogue
    >>> signs = Signs(build_catalogue(Definition()), 30.0, 90.0)
    >>> len(signs.names), signs.names[-1]
    (26, 'trouble')
    """

    names = SIGNS

    def __init__(self, catalogue: Catalogue, horizon_days: float, active_days: float) -> None:
        self.fingerprint = catalogue.fingerprint
        self.horizon_days = horizon_days
        self.active_days = active_days
        self.kinds = Kinds(horizon_days)
        index = catalogue.index
        #: Where in a vector the statistics of the gaps are.
        self.reads = [index[name] for name in READS]
        self._wanted = [*self.reads, *(index[name] for name in (*_LOGGED, *_VISITS, *_PLAIN))]
        self._decay = log(2.0) / (np.array(_HALF_LIVES) * horizon_days)

    def read(self, vectors: npt.NDArray[np.float32], popularity: Floats) -> KindReading:
        """Return what the kinds of the shop say of raw vectors."""
        return self.kinds.read(vectors[:, self.reads].astype(np.float64), popularity)

    def matrix(self, vectors: npt.NDArray[np.float32], popularity: Floats) -> Floats:
        """Return the signs of many vectors, and the offsets of the three stages.

        Parameters
        ----------
        vectors
            Raw vectors, shape (decision points, features).
        popularity
            How common each kind of customer is; see `Kinds`.

        Returns
        -------
        array
            Shape (decision points, 26 + 3), finite.
        """
        raw = vectors[:, self._wanted].astype(np.float64)
        gaps, logged, counts = raw[:, 0:7], raw[:, 7:16], raw[:, 16:21]
        # Nothing below zero but money and "never": the catalogue's vectors have none.
        plain = np.maximum(raw[:, 21:24], 0.0)
        said = self.kinds.read(gaps, popularity)
        horizon, last = self.horizon_days, len(SIGNS)
        found = np.empty((len(raw), last + len(OFFSETS)))
        found[:, 0:9] = np.copysign(np.log1p(np.abs(logged)), logged)
        days = np.maximum(plain[:, 1] - 0.5, 0.5)
        found[:, 9] = np.log(horizon * days / (plain[:, 0] + self.active_days / 2))
        visits = np.maximum(counts, 0.0) + 0.3
        exposure = np.expm1(-self._decay * plain[:, 2:3]) / -self._decay
        found[:, 10:15] = rates = np.log(horizon * visits / (exposure + horizon / 2))
        found[:, 15:19] = rates[:, :-1] - rates[:, 1:]
        seen = exposure[:, _TWO_HORIZONS]
        none = visits[:, _TWO_HORIZONS] * np.log((0.5 * horizon + seen) / (1.5 * horizon + seen))
        # Ten thousand visits make it -4,000; beyond -50 nobody waits for who comes that often.
        none = np.maximum(none, -_LARGEST)
        found[:, 19] = none - np.log(-np.expm1(none))
        odds = logit(np.column_stack((said.silent[:, 2], said.left, said.hazards)))
        found[:, 20:22] = odds[:, :2]
        found[:, 22:25] = said.means
        since = raw[:, 24]
        faded = np.minimum(np.maximum(since, 0.0), _TROUBLE * self.active_days) / horizon
        found[:, 25] = np.where(since < 0, 0.0, 1 / (1 + faded))
        found[:, last:] = odds[:, 2:]
        return found


__all__ = ["OFFSETS", "SIGNS", "Signs"]
