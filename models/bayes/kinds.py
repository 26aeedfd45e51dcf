"""The kinds of customer that a shop has, and how many there are of each.

Each customer is one of 192 kinds: a mean gap m, a Weibull shape k of the gaps, and a probability
p of leaving after each visit. The gaps seen so far, and the silence since, say which kinds are
likely; each kind says how likely it is that nothing more comes. Nothing is learnt from labels.
How common each kind is starts around the horizon, and follows the shop.

Notes
-----
With silence s, S(s) = exp(-(s / sigma)^k) and a = p + (1 - p) S(s), the posterior of a kind is
proportional to

    pi exp(n (ln k - k ln sigma) + (k - 1) sum(ln g) - sigma^-k sum(g^k)) (1 - p)^n a

and P(no visit until tau) is the posterior mean of (p + (1 - p) S(s + tau)) / a. Only pi and
(1 - p)^n tell kinds of one m and k apart besides a, so sums over p come first and nothing is ever
as large as customers times 192. No matrix product is used where customers are read: its rounding
depends on how many are read at once, and a score must not.

It is the renewal form of the "buy till you die" models (Schmittlein, Morrison and Colombo 1987;
Fader, Hardie and Lee 2005), on a grid instead of in closed form.
"""

from __future__ import annotations

from itertools import product
from math import gamma, log
from typing import Final, NamedTuple

import numpy as np

from features import POWERS
from models.learning import CUTS, Floats

#: Features of the catalogue that are read, in the order of `Kinds.read`.
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
_SHAPES: Final = np.array(POWERS)
_LEAVING: Final = np.array([0.005, 0.05, 0.2, 0.6])
_LOG_LEAVING: Final = np.log(_LEAVING)
#: Gaps that fade by .97 never weigh more than 33.4 together.
_MOST_GAPS: Final = 34.0
#: Conditional probabilities are kept this far from 0 and 1.
_MARGIN: Final = 1e-6
#: One step of expectation maximisation: so much of the new, smoothed by so many customers of
#: the kinds that a shop starts with.
_STEP: Final = 0.3
_PSEUDO_COUNTS: Final = 20.0


class KindReading(NamedTuple):
    """What the kinds say of each customer.

    Parameters
    ----------
    hazards
        P(no visit in a stage, given none before it), shape (customers, 3).
    silent
        P(no visit until H/4, H/2, H), shape (customers, 3): the products of ``hazards``.
    left
        P(left for good), shape (customers,).
    means
        Posterior means of ln m, ln k and ln p, shape (customers, 3).
    """

    hazards: Floats
    silent: Floats
    left: Floats
    means: Floats


class Kinds:
    """The shop as 192 kinds of customer.

    Parameters
    ----------
    horizon_days
        H, in days.

    Examples
    --------
    Ten visits nine days apart, then silence: for a day, and for a month.

    >>> kinds = Kinds(horizon_days=30.0)
    >>> gaps = [9.0, 9 * log(9), 9 * 9**0.6, 81.0, 9 * 9**1.7, 9 * 9**3.0]
    >>> said = kinds.read(np.array([[*gaps, 1.0], [*gaps, 31.0]]), kinds.at_first)
    >>> [round(float(risk), 3) for risk in said.silent[:, 2]]
    [0.037, 0.998]
    """

    def __init__(self, horizon_days: float) -> None:
        self.horizon_days = horizon_days
        means = np.geomspace(max(horizon_days / 40, 0.8), 10 * horizon_days, _MEANS)
        rows = list(product(means, range(len(POWERS))))
        mean = np.array([m for m, _ in rows])
        self._shape_index = np.array([shape for _, shape in rows])
        #: Where among the statistics the sum of g^k is.
        self._powers = self._shape_index + READS.index("gap_pow_06")
        shape = _SHAPES[self._shape_index]
        scale = mean / np.array([gamma(1 + 1 / k) for k in shape])
        self._shape_less_one = shape - 1
        self._by_gap = np.log(shape) - shape * np.log(scale)
        self._rate = scale**-shape
        self._logs = (np.log(mean), np.log(shape))
        self._moments = np.array([0.0, *CUTS]) * horizon_days
        popularity = np.exp(-(((np.log(mean) - log(horizon_days)) / 1.5) ** 2) / 2)
        popularity = np.repeat(popularity[:, np.newaxis], len(_LEAVING), axis=1)
        #: How common each kind is in a shop that nothing is known of, shape (48, 4), sum 1.
        self.at_first: Floats = popularity / popularity.sum()

    def read(self, statistics: Floats, popularity: Floats) -> KindReading:
        """Return what the rhythm of each customer says.

        Parameters
        ----------
        statistics
            The features of `READS`, shape (customers, 7).
        popularity
            How common each kind is, shape (48, 4).

        Returns
        -------
        KindReading
            The same for a customer whoever else is read.
        """
        gaps, stayed = self._weigh(statistics)
        survival = self._survival(np.maximum(statistics[:, 6:7], 0.0) + self._moments)
        # Over p, of each m and k: who left at the last visit, who stays; and both times ln p.
        left_each, stays_each = popularity * _LEAVING, popularity * (1 - _LEAVING)
        left = gaps * _blend(stayed, left_each)
        stays = gaps * _blend(stayed, stays_each)
        log_leaving = _blend(stayed, left_each * _LOG_LEAVING)
        log_leaving += survival[:, 0] * _blend(stayed, stays_each * _LOG_LEAVING)
        log_leaving *= gaps
        left_total = left.sum(axis=1)
        left += survival[:, 0] * stays
        totals = left_total[:, np.newaxis] + (survival * stays[:, np.newaxis]).sum(axis=2)
        hazards = totals[:, 1:] / totals[:, :-1]
        hazards = np.minimum(np.maximum(hazards, _MARGIN), 1 - _MARGIN)
        total = totals[:, 0]
        means = np.stack(
            [*((left * each).sum(axis=1) for each in self._logs), log_leaving.sum(axis=1)], axis=1
        )
        return KindReading(
            hazards,
            np.multiply.accumulate(hazards, axis=1),
            np.minimum(np.maximum(left_total / total, _MARGIN), 1 - _MARGIN),
            means / total[:, np.newaxis],
        )

    def follow(self, statistics: Floats, popularity: Floats, steps: int) -> Floats:
        """Return how common each kind is, after a look at customers of this shop.

        Parameters
        ----------
        statistics
            The features of `READS` of some customers, the inactive ones included.
        popularity
            How common each kind was thought to be.
        steps
            Steps of expectation maximisation.
        """
        gaps, stayed = self._weigh(statistics)
        alive = gaps * self._survival(np.maximum(statistics[:, 6:7], 0.0))[:, 0]
        count = len(statistics)
        for _ in range(steps):
            total = (
                gaps * (stayed @ (popularity * _LEAVING).T)
                + alive * (stayed @ (popularity * (1 - _LEAVING)).T)
            ).sum(axis=1, keepdims=True)
            share = stayed / total
            found = popularity * ((gaps.T @ share) * _LEAVING + (alive.T @ share) * (1 - _LEAVING))
            smoothed = (found + _PSEUDO_COUNTS * self.at_first) / (count + _PSEUDO_COUNTS)
            popularity = (1 - _STEP) * popularity + _STEP * smoothed
        return popularity

    def _weigh(self, statistics: Floats) -> tuple[Floats, Floats]:
        """Return the relative likelihood of the gaps for each m and k, and (1 - p)^n."""
        gaps = np.minimum(np.maximum(statistics[:, 0:1], 0.0), _MOST_GAPS)
        score = (
            gaps * self._by_gap
            + statistics[:, 1:2] * self._shape_less_one
            - self._rate * statistics[:, self._powers]
        )
        score -= score.max(axis=1, keepdims=True)
        return np.exp(score), (1 - _LEAVING) ** gaps

    def _survival(self, silences: Floats) -> Floats:
        """Return S of each silence, shape (customers, silences, 48)."""
        # A power for each shape only, and not for each kind: powers are what is slow here.
        powers = silences[:, :, np.newaxis] ** _SHAPES
        result: Floats = powers[:, :, self._shape_index]
        result *= -self._rate
        return np.exp(result, out=result)


def _blend(stayed: Floats, weights: Floats) -> Floats:
    """Return ``stayed @ weights.T``, rounded alike for one customer and for many."""
    result: Floats = stayed[:, 0:1] * weights[:, 0]
    for place in range(1, weights.shape[1]):
        result += stayed[:, place : place + 1] * weights[:, place]
    return result
