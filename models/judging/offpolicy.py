"""What another policy would have brought, from what was tried by the one that ran.

Each logged row has the arm that was taken (an offer, a call, nothing), the probability with which
it was drawn, and what came of it. Rows in which the other policy might have done the same stand
for those in which it would have.

Sources: Horvitz, Thompson, "A generalization of sampling without replacement from a finite
universe", JASA 47, 1952 (inverse propensity); Hesterberg, "Weighted average importance sampling
and defensive mixture distributions", Technometrics 37, 1995 (self-normalised); Dudik, Langford,
Li, "Doubly robust policy evaluation and learning", ICML 2011; Kish, "Survey Sampling", 1965
(effective sample size); Liang, Zeger, Biometrika 73, 1986 (variance by customers).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from models.judging.curves import Floats, Indices
from models.judging.intervals import Interval

#: With fewer customers that count, a normal error is not to be relied on.
_ENOUGH: Final = 100.0
#: One customer should not make more than this share of the estimate.
_HEAVY: Final = 0.05
#: Of more of the other policy's choices than this it should be said that the log is silent.
_SILENT: Final = 0.01
#: So many standard errors off, the mean weight is not 1 by chance.
_ODD: Final = 3.0
_FOLDS: Final = 5
_NAN: Final = float("nan")


@dataclass(frozen=True)
class PolicyValue:
    """The mean reward of a row under another policy, with 95 % intervals or as asked.

    Parameters
    ----------
    logged
        The mean reward that was seen.
    inverse_propensity
        The other policy's, by rows that agree with it, weighted; self-normalised.
    doubly_robust
        The other policy's, by a model of the rewards, corrected by the rows that agree: right if
        either the propensities or the model are.
    gain
        The doubly robust value above what was seen. Real if the interval leaves out 0.
    effective_size, effective_customers
        So many rows, and customers, of the other policy's own would tell as much.
    mean_weight
        Near 1, if every arm of the other policy was tried with the propensity that is logged.
    unsupported
        Share of the other policy's choices in the log's rows that could not have been drawn.
    elsewhere
        Share of what the other policy does that lies where the log has no row.
    warnings
        Why the support is thin; empty if it is not.
    """

    logged: Interval
    inverse_propensity: Interval
    doubly_robust: Interval
    gain: Interval
    effective_size: float
    effective_customers: float
    mean_weight: float
    unsupported: float
    elsewhere: float
    warnings: tuple[str, ...]

    @property
    def thin(self) -> bool:
        """Tell whether the log says too little about the other policy to act on."""
        return bool(self.warnings)


def policy_value(
    arms: npt.ArrayLike,
    rewards: npt.ArrayLike,
    propensities: npt.ArrayLike,
    target: npt.ArrayLike,
    customers: npt.ArrayLike,
    *,
    predicted: npt.ArrayLike | None = None,
    elsewhere: float = 0.0,
    level: float = 0.95,
) -> PolicyValue:
    """Return what another policy would have brought a row, and how sure that is.

    Parameters
    ----------
    arms
        The arm that was taken in each row, from 0 on.
    rewards
        What came of it: 1 for a customer kept, or an amount.
    propensities
        The probability with which that arm was drawn; above 0.
    target
        Rows by arms: with which probability the other policy takes each arm. 0 and 1 where it
        does not draw.
    customers
        Whom each row is about; customers are independent, their rows are not.
    predicted
        Rows by arms: the reward that a model expects, learnt without the row's customer. Without
        it, the mean of the arm among other customers, which is right by the propensities alone.
    level
        How many of a hundred such intervals hold the truth, as a share.

    Raises
    ------
    ValueError
        If the rows do not agree, a propensity is not in (0, 1], the target's rows are not
        probabilities, or an arm is not among them.

    Examples
    --------
    An offer (arm 1) keeps 6 of 10, nothing (arm 0) keeps 3 of 10; each was drawn by a fair coin.
    What would an offer to everybody bring?

    >>> arms = [0, 1] * 500
    >>> rewards = ([1, 1] * 3 + [0, 1] * 3 + [0, 0] * 4) * 50
    >>> found = policy_value(arms, rewards, [0.5] * 1000, [[0, 1]] * 1000, range(1000))
    >>> round(found.logged.estimate, 2), round(found.inverse_propensity.estimate, 2)
    (0.45, 0.6)
    >>> found.effective_size, found.gain.leaves_out(0.0), found.thin
    (500.0, True, False)
    """
    if not 0 < level < 1:
        raise ValueError(f"level is between 0 and 1, not {level:g}")
    if not 0 <= elsewhere <= 1:
        raise ValueError(f"a share is from 0 to 1, not {elsewhere:g}")
    taken, reward, chance, wanted = _logged(arms, rewards, propensities, target)
    rows = len(reward)
    named = np.asarray(customers)
    if named.shape != (rows,):
        raise ValueError(f"one customer a row is needed: {rows} rows, {named.shape} customers")
    names, codes = np.unique(named, return_inverse=True)
    who, number = codes.astype(np.int64), len(names)
    if predicted is None:
        expected = _means_elsewhere(taken, reward, who, wanted.shape[1])
    else:
        expected = np.asarray(predicted, dtype=np.float64)
        if expected.shape != wanted.shape or not np.isfinite(expected).all():
            raise ValueError("predicted rewards are finite numbers, one a row and arm")
    if not rows:
        none = Interval(_NAN, _NAN, _NAN)
        warning = ("no rows were logged",)
        return PolicyValue(none, none, none, none, 0.0, 0.0, _NAN, _NAN, elsewhere, warning)

    row = np.arange(rows)
    weight = wanted[row, taken] / chance
    corrected = (wanted * expected).sum(axis=1) + weight * (reward - expected[row, taken])
    ones = np.ones(rows)

    # Here, because it takes long to import and each worker comes past this door.
    from scipy.special import stdtrit

    times = float(stdtrit(max(number - 1, 1), (1 + level) / 2))

    def interval(top: Floats, bottom: Floats) -> Interval:
        estimate, error = _ratio(top, bottom, who, number)
        reach = times * error
        return Interval(estimate, estimate - reach, estimate + reach)

    of_customer = np.bincount(who, weight, minlength=number).astype(np.float64)
    mean_weight, error = _ratio(weight, ones, who, number)
    effective = _kish(of_customer)
    warnings = []
    if effective < _ENOUGH:
        warnings.append(f"only {effective:.0f} customers count for the other policy")
    if of_customer.max() > _HEAVY * of_customer.sum() > 0:
        share = of_customer.max() / of_customer.sum()
        warnings.append(f"one customer makes {share:.0%} of the estimate")
    if elsewhere > _SILENT:
        warnings.append(f"{elsewhere:.0%} of what the other policy does is where nothing was tried")
    # What was certain left nothing else to chance.
    unsupported = float((1 - wanted[row, taken])[chance >= 1].sum()) / rows
    never = np.setdiff1d(np.flatnonzero(wanted.any(axis=0)), taken)
    if len(never):
        share = wanted[:, never].sum() / rows
        warnings.append(f"{share:.0%} of the other policy's choices are arms never tried")
    elif unsupported > _SILENT:
        warnings.append(f"{unsupported:.0%} of the other policy's choices could not be drawn")
    elif abs(mean_weight - 1) > max(_ODD * error, 1e-9):
        warnings.append(
            f"the mean weight is {mean_weight:.2f}, not 1: "
            "propensities are wrong, or some choices were never tried"
        )
    return PolicyValue(
        logged=interval(reward, ones),
        inverse_propensity=interval(weight * reward, weight),
        doubly_robust=interval(corrected, ones),
        gain=interval(corrected - reward, ones),
        effective_size=_kish(weight),
        effective_customers=effective,
        mean_weight=mean_weight,
        unsupported=unsupported,
        elsewhere=elsewhere,
        warnings=tuple(warnings),
    )


def _logged(
    arms: npt.ArrayLike, rewards: npt.ArrayLike, propensities: npt.ArrayLike, target: npt.ArrayLike
) -> tuple[Indices, Floats, Floats, Floats]:
    """Return the log as arrays that agree."""
    given = np.asarray(arms)
    reward = np.asarray(rewards, dtype=np.float64)
    chance = np.asarray(propensities, dtype=np.float64)
    wanted = np.asarray(target, dtype=np.float64)
    rows = len(reward)
    if not rows and not wanted.size:
        wanted = wanted.reshape(0, max(wanted.shape[-1], 1))
    if given.shape != (rows,) or chance.shape != (rows,) or wanted.shape[:-1] != (rows,):
        raise ValueError(
            f"the log's rows do not agree: {given.shape} arms, {reward.shape} rewards, "
            f"{chance.shape} propensities, {wanted.shape} of the target"
        )
    if not np.isfinite(reward).all():
        raise ValueError("rewards are finite numbers")
    if not ((chance > 0) & (chance <= 1)).all():
        raise ValueError("propensities are above 0 and at most 1: what was taken could be taken")
    if not ((wanted >= 0).all() and np.allclose(wanted.sum(axis=1), 1, atol=1e-6)):
        raise ValueError("each row of the target is probabilities that add up to 1")
    taken = given.astype(np.int64)
    if not ((taken == given) & (taken >= 0) & (taken < wanted.shape[1])).all():
        raise ValueError(f"arms are whole numbers from 0 to {wanted.shape[1] - 1}")
    return taken, reward, chance, wanted


def _means_elsewhere(taken: Indices, reward: Floats, who: Indices, arms: int) -> Floats:
    """Return each arm's mean reward among customers of the other folds; 0 where not tried.

    A mean that the row itself is part of would make the correction too small.
    """
    place = (who % _FOLDS) * arms + taken
    sums = np.bincount(place, reward, minlength=_FOLDS * arms).reshape(_FOLDS, arms)
    count = np.bincount(place, minlength=_FOLDS * arms).reshape(_FOLDS, arms)
    elsewhere = sums.sum(axis=0) - sums, count.sum(axis=0) - count
    means = elsewhere[0] / np.maximum(elsewhere[1], 1)
    found: Floats = means[who % _FOLDS]
    return found


def _ratio(top: Floats, bottom: Floats, who: Indices, number: int) -> tuple[float, float]:
    """Return a ratio of sums and its standard error, linearised, with customers independent."""
    whole = float(bottom.sum())
    if not whole:
        return _NAN, _NAN
    estimate = float(top.sum()) / whole
    if number < 2:
        return estimate, _NAN
    pull = np.bincount(who, top - estimate * bottom, minlength=number)
    return estimate, math.sqrt(float(pull @ pull) * number / (number - 1)) / whole


def _kish(weights: Floats) -> float:
    square = float(weights @ weights)
    return float(weights.sum()) ** 2 / square if square else 0.0
