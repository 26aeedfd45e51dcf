"""A logistic regression that knows how sure it is: learnt by a filter, one example at a time.

The weights have a joint normal distribution, and each label moves all of it (an extended Kalman
filter; Bayesian logistic regression without a pass over the past). Between blocks of examples
what was learnt grows a little less sure, and the shop's own shock, a part of the intercept that
all customers of a time share, fades.

Notes
-----
With z what is known of an example, p its predicted probability and y its label:
v = max(p (1 - p), .02); c = 1 / (1 / v + z' P z); w += P z c (y - p) / v; P -= (P z)(P z)' c.
An example of weight u has u v for the first v: it counts as u examples in one.

Between blocks P is scaled by congruence only (D P D with D diagonal), which keeps it positive
definite; scaling parts of it otherwise does not. All of it stays exactly symmetric, because the
products are of equal numbers in equal order.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, sqrt
from typing import Any, Final

import numpy as np

from models.learning import MEMORY_HORIZONS, Floats, sigmoid

#: Prior variances.
FEATURE: Final = 0.003
OFFSET: Final = 0.3
INTERCEPT: Final = 0.1
SHOCK: Final = 0.03
#: Horizons in which the shock fades by e.
SHOCK_HORIZONS: Final = 3.0
#: No example is taken to be more certain than so much of p (1 - p) says.
LEAST_VARIANCE: Final = 0.02


class Filter:
    """The weights of some features, an offset, an intercept and a shock, in this order.

    Parameters
    ----------
    features
        How many features there are.
    memory
        Horizons in which the variance of what is not looked at doubles.

    Examples
    --------
    Before any label, the prediction is the offset.

    >>> belief = Filter(features=1)
    >>> z = np.array([2.0, -1.0, 1.0, 1.0])
    >>> belief.logit(z)
    -1.0
    >>> for _ in range(20):
    ...     belief.learn(z, 1)
    >>> belief.logit(z) > 0
    True
    """

    def __init__(self, features: int, memory: float = MEMORY_HORIZONS) -> None:
        self.features = features
        self.memory = memory
        self.weights: Floats = np.zeros(features + 3)
        self.weights[features] = 1.0
        self.covariance: Floats = np.diag([*([FEATURE] * features), OFFSET, INTERCEPT, SHOCK])

    def logit(self, z: Floats) -> float:
        """Return the log odds of an example."""
        return float(self.weights @ z)

    def learn(self, z: Floats, label: int, weight: float = 1.0) -> None:
        """Learn an example.

        Parameters
        ----------
        z
            The standardised features, the offset, 1, 1.
        label
            0 or 1.
        weight
            As how many examples it counts.
        """
        p = sigmoid(float(self.weights @ z))
        v = max(p * (1.0 - p), LEAST_VARIANCE)
        spread = self.covariance @ z
        gain = 1.0 / (1.0 / (weight * v) + float(z @ spread))
        self.weights += spread * (gain * (label - p) / v)
        spread *= sqrt(gain)
        self.covariance -= spread[:, np.newaxis] * spread

    def advance(self, horizons: float) -> None:
        """Let time pass.

        Parameters
        ----------
        horizons
            How much, in horizons.
        """
        if horizons <= 0:
            return
        # Forgetting leads back to the prior, not beyond it.
        room = FEATURE / float(self.covariance.diagonal()[: self.features].mean())
        growth = max(min(2.0 ** (horizons / self.memory), room), 1.0)
        kept = exp(-horizons / SHOCK_HORIZONS)
        scale = np.full(len(self.weights), sqrt(growth))
        scale[-1] = kept
        self.weights[-1] *= kept
        self.covariance *= np.multiply.outer(scale, scale)
        self.covariance[-1, -1] += (1.0 - kept * kept) * SHOCK

    def dump(self) -> dict[str, Any]:
        """Return everything as plain data; of the covariance, the lower triangle by rows."""
        triangle = self.covariance[np.tril_indices(len(self.weights))]
        return {"weights": self.weights.tolist(), "covariance": triangle.tolist()}

    @classmethod
    def load(cls, data: dict[str, Any], memory: float = MEMORY_HORIZONS) -> Filter:
        """Return what `dump` wrote."""
        size = len(data["weights"])
        belief = cls(size - 3, memory)
        belief.weights = np.array(data["weights"], dtype=np.float64)
        full = np.zeros((size, size))
        full[np.tril_indices(size)] = data["covariance"]
        belief.covariance = full + np.tril(full, -1).T
        return belief


class Scaler:
    """Means and deviations as they build up (Welford 1962), and features in these terms.

    Parameters
    ----------
    columns
        How many columns there are.

    Examples
    --------
    >>> scaler = Scaler(1)
    >>> for value in (1.0, 3.0):
    ...     scaler.learn(np.array([value]))
    >>> scaler.standardise(np.array([4.0, 400.0]))
    array([2., 5.])
    """

    #: Nothing is further from its mean than so many deviations.
    CLIP: Final = 5.0
    #: What varies less than this is a constant, and at its mean.
    LEAST: Final = 1e-6

    def __init__(self, columns: int) -> None:
        self.count = 0
        self.means: Floats = np.zeros(columns)
        self.squares: Floats = np.zeros(columns)

    def learn(self, row: Floats) -> None:
        """Take a row into account."""
        self.count += 1
        away = row - self.means
        self.means += away / self.count
        away *= row - self.means
        self.squares += away

    def deviations(self) -> Floats:
        """Return the standard deviation of each column, `LEAST` at least."""
        result: Floats = np.maximum(np.sqrt(self.squares / max(self.count, 1)), self.LEAST)
        return result

    def standardise(self, rows: Floats) -> Floats:
        """Return rows in deviations from the mean, clipped."""
        z: Floats = rows - self.means
        z /= self.deviations()
        np.minimum(z, self.CLIP, out=z)
        return np.maximum(z, -self.CLIP, out=z)

    def dump(self) -> dict[str, Any]:
        """Return everything as plain data."""
        return {
            "count": self.count,
            "means": self.means.tolist(),
            "squares": self.squares.tolist(),
        }

    @classmethod
    def load(cls, data: dict[str, Any]) -> Scaler:
        """Return what `dump` wrote."""
        scaler = cls(len(data["means"]))
        scaler.count = data["count"]
        scaler.means = np.array(data["means"], dtype=np.float64)
        scaler.squares = np.array(data["squares"], dtype=np.float64)
        return scaler


def stack(filters: Sequence[Filter]) -> Floats:
    """Return the weights of several filters, one row each."""
    return np.array([each.weights for each in filters])
