"""From the raw vector of the catalogue to what a linear model can use.

Counts, days and money are taken to logarithms; rates become log odds against what the shop
would expect; the renewal view adds what the customer's own rhythm says. The raw vector is what
is kept with a prediction, and this view is computed from it wherever it is needed, so
`features` knows nothing of any model.
"""

from __future__ import annotations

from math import log
from typing import Final

import numpy as np
import numpy.typing as npt

from features import Catalogue
from models.bayes import READS, Kinds
from models.learning import Floats, logit

#: Units whose values are used as they are; all others are counts, days or money.
_LINEAR_UNITS: Final = frozenset({"flag", "share", "ratio", "stars"})
#: The statistics of the gaps reach the model through the renewal view only.
_THROUGH_THE_VIEW: Final = frozenset(READS) | {"visit_span", "since_negative"}
_VISITS: Final = (
    ("visits_h4", 0.25),
    ("visits_h2", 0.5),
    ("visits_h", 1.0),
    ("visits_2h", 2.0),
    ("visits_4h", 4.0),
)
#: Trouble further back than so many horizons is forgotten.
_TROUBLE_HORIZONS: Final = 12.0


class Inputs:
    """The inputs of a linear model, by name and in order.

    Parameters
    ----------
    catalogue
        Whose vectors are read.
    horizon_days
        H, in days.

    Examples
    --------
    >>> from features import Definition, build_catalogue
    >>> inputs = Inputs(build_catalogue(Definition()), 30.0)
    >>> inputs.names[-3:]
    ('trouble', 'renewal', 'left')
    """

    def __init__(self, catalogue: Catalogue, horizon_days: float) -> None:
        self.catalogue = catalogue
        self.horizon_days = horizon_days
        self.kinds = Kinds(horizon_days)
        rates = {name for name, _ in _VISITS}
        kept = [
            feature
            for feature in catalogue.features
            if feature.name not in _THROUGH_THE_VIEW and feature.name not in rates
        ]
        index = catalogue.index
        self._logged = [index[f.name] for f in kept if f.unit not in _LINEAR_UNITS]
        self._linear = [index[f.name] for f in kept if f.unit in _LINEAR_UNITS]
        self._view_reads = [index[name] for name in READS]
        self._visits = [index[name] for name, _ in _VISITS]
        self._span = index["visit_span"]
        self._since_negative = index["since_negative"]
        self._half_lives = np.array([share for _, share in _VISITS]) * horizon_days
        self.names: tuple[str, ...] = (
            *(catalogue.names[place] for place in (*self._logged, *self._linear)),
            *(name.replace("visits", "rate") for name, _ in _VISITS),
            "trouble",
            "renewal",
            "left",
        )

    def matrix(self, vectors: npt.NDArray[np.float32]) -> Floats:
        """Return the inputs of many vectors.

        Parameters
        ----------
        vectors
            Raw vectors, shape (decision points, features).

        Returns
        -------
        array
            Shape (decision points, inputs), finite.
        """
        raw = vectors.astype(np.float64)
        reading = self.kinds.read(raw[:, self._view_reads], self.kinds.at_first)
        logged = raw[:, self._logged]
        since = raw[:, self._since_negative]
        trouble = np.where(
            since < 0,
            0.0,
            1
            / (
                1
                + np.minimum(np.maximum(since, 0), _TROUBLE_HORIZONS * self.horizon_days)
                / self.horizon_days
            ),
        )
        return np.column_stack(
            (
                np.sign(logged) * np.log1p(np.abs(logged)),
                raw[:, self._linear],
                self._rates(raw),
                trouble,
                logit(reading.silent[:, 2]),
                logit(reading.left),
            )
        )

    def _rates(self, raw: Floats) -> Floats:
        """Log of the visits within each half-life against what the time seen would allow."""
        decay = log(2.0) / self._half_lives
        exposure = (1 - np.exp(-decay * np.maximum(raw[:, [self._span]], 0.0))) / decay
        visits = np.maximum(raw[:, self._visits], 0.0)
        result: Floats = np.log(
            self.horizon_days * (visits + 0.3) / (exposure + self.horizon_days / 2)
        )
        return result
