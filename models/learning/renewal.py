"""A churn model for a shop on its first day: what the rhythm alone says, before any label.

Each customer is one of 192 kinds: a mean gap m, a Weibull shape k of the gaps, and a probability
p of leaving after each visit. The gaps seen so far, and the silence since, say which kinds are
likely; each kind says how likely it is that nothing more comes. Nothing is learnt from labels.

Notes
-----
With silence s, S(s) = exp(-(s / sigma)^k) and a = p + (1 - p) S(s), the log posterior of a kind is

    ln pi + n (ln k - k ln sigma + ln(1 - p)) + (k - 1) sum(ln g) - sigma^-k sum(g^k) + ln a

and P(no visit until tau) is the posterior mean of (p + (1 - p) S(s + tau)) / a. The weights pi
start around the horizon: ln m is normal around ln H with standard deviation 1.5.

It is the renewal form of the "buy till you die" models (Schmittlein, Morrison and Colombo 1987;
Fader, Hardie and Lee 2005), on a grid instead of in closed form.
"""

from __future__ import annotations

from itertools import product
from math import gamma, log
from typing import Final

import numpy as np
import numpy.typing as npt

from features import POWERS

Floats = npt.NDArray[np.float64]

#: Features of the catalogue that the view reads, in the order of `RenewalView.read`.
READS: Final = (
    "gaps",
    "gap_log",
    "gap_pow_06",
    "gap_pow_1",
    "gap_pow_17",
    "gap_pow_3",
    "visit_silence",
)
_MEANS: Final = 12
_LEAVING: Final = (0.005, 0.05, 0.2, 0.6)


class Reading:
    """What the view says of each customer.

    Parameters
    ----------
    silent
        P(no visit until tau), shape (customers, 3), for tau = H/4, H/2, H.
    left
        P(left for good), shape (customers,).
    means
        Posterior means of ln m, ln k and ln p, shape (customers, 3).
    """

    __slots__ = ("left", "means", "silent")

    def __init__(self, silent: Floats, left: Floats, means: Floats) -> None:
        self.silent = silent
        self.left = left
        self.means = means


class RenewalView:
    """The shop as 192 kinds of customer.

    Parameters
    ----------
    horizon_days
        H, in days.

    Examples
    --------
    Ten visits nine days apart, then silence: for a day, and for a month.

    >>> view = RenewalView(horizon_days=30.0)
    >>> gaps = [9.0, 9 * log(9), 9 * 9**0.6, 81.0, 9 * 9**1.7, 9 * 9**3.0]
    >>> reading = view.read(np.array([[*gaps, 1.0], [*gaps, 31.0]]))
    >>> [round(float(risk), 3) for risk in reading.silent[:, 2]]
    [0.037, 0.998]
    """

    def __init__(self, horizon_days: float) -> None:
        self.horizon_days = horizon_days
        means = np.geomspace(max(horizon_days / 40, 0.8), 10 * horizon_days, _MEANS)
        kinds = list(product(means, range(len(POWERS)), _LEAVING))
        mean = np.array([m for m, _, _ in kinds])
        self._shape_index = np.array([shape for _, shape, _ in kinds])
        shape = np.array(POWERS)[self._shape_index]
        self._shape = shape
        self._leaving = np.array([p for _, _, p in kinds])
        self._scale = mean / np.array([gamma(1 + 1 / k) for k in shape])
        weights = np.exp(-(((np.log(mean) - log(horizon_days)) / 1.5) ** 2) / 2)
        self._log_weight = np.log(weights / weights.sum())
        self._by_gap = np.log(shape) - shape * np.log(self._scale) + np.log1p(-self._leaving)
        self._rate = self._scale**-shape
        self._logs = np.column_stack((np.log(mean), np.log(shape), np.log(self._leaving)))

    def read(self, statistics: Floats) -> Reading:
        """Return what the rhythm of each customer says.

        Parameters
        ----------
        statistics
            The features of `READS`, shape (customers, 7).

        Returns
        -------
        Reading
            Probabilities strictly between 0 and 1.
        """
        gaps, log_gap = statistics[:, 0:1], statistics[:, 1:2]
        powers = statistics[:, 2:6][:, self._shape_index]
        silence = np.maximum(statistics[:, 6:7], 0.0)
        here = self._alive_or_left(silence)
        score = (
            self._log_weight
            + gaps * self._by_gap
            + (self._shape - 1) * log_gap
            - self._rate * powers
            + np.log(here)
        )
        score -= score.max(axis=1, keepdims=True)
        weight = np.exp(score)
        weight /= weight.sum(axis=1, keepdims=True)
        share = weight / here
        horizons = (self.horizon_days / 4, self.horizon_days / 2, self.horizon_days)
        silent = np.column_stack(
            [(share * self._alive_or_left(silence + tau)).sum(axis=1) for tau in horizons]
        )
        left = (share * self._leaving).sum(axis=1)
        return Reading(_inside(silent), _inside(left), weight @ self._logs)

    def _alive_or_left(self, silence: Floats) -> Floats:
        # Survival does not depend on p, the innermost of the grid: a quarter of the powers.
        step = len(_LEAVING)
        survival = np.exp(-((silence / self._scale[::step]) ** self._shape[::step]))
        result: Floats = self._leaving + (1 - self._leaving) * np.repeat(survival, step, axis=1)
        return result


def _inside(probability: Floats) -> Floats:
    return np.clip(probability, 1e-6, 1 - 1e-6)


def logit(probability: Floats) -> Floats:
    """Return ln(p / (1 - p)).

    Examples
    --------
    >>> float(logit(np.array(0.5)))
    0.0
    """
    result: Floats = np.log(probability) - np.log1p(-probability)
    return result
