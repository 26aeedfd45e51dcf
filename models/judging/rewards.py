"""What each arm may be expected to bring, learnt from what was tried: for a doubly robust value."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from models.judging.curves import Floats

#: Customers in the same fold are not learnt from when the fold is predicted.
_FOLDS: Final = 5
#: As many pseudo-rows pull the slope towards 0, so that few rows draw no wild line.
_PULL: Final = 5.0


def expected_rewards(
    arms: npt.ArrayLike,
    rewards: npt.ArrayLike,
    risks: npt.ArrayLike,
    customers: npt.ArrayLike,
    count: int,
) -> Floats:
    """Return, rows by arms, the reward to expect: a line over the risk, of other customers' rows.

    Parameters
    ----------
    arms
        The arm that was taken in each row, from 0 on.
    rewards
        What came of it.
    risks
        What a model said at that moment.
    customers
        Whom each row is about.
    count
        How many arms there are.

    Returns
    -------
    array
        Never beyond the rewards that were seen; the mean of all where an arm was not tried.

    Examples
    --------
    >>> risks = [0.1, 0.9] * 50
    >>> found = expected_rewards([0, 0, 1, 1] * 25, [1, 0, 1, 1] * 25, risks, range(100), 2)
    >>> found[:2].round(1).tolist()
    [[1.0, 1.0], [0.0, 1.0]]
    """
    taken = np.asarray(arms, dtype=np.int64)
    reward = np.asarray(rewards, dtype=np.float64)
    risk = np.asarray(risks, dtype=np.float64)
    fold = np.unique(np.asarray(customers), return_inverse=True)[1] % _FOLDS
    found = np.zeros((len(reward), count))
    for held in range(_FOLDS):
        here = fold == held
        for arm in range(count):
            others = ~here & (taken == arm)
            found[here, arm] = _line(risk[others], reward[others], risk[here], reward)
    return found


def _line(risks: Floats, rewards: Floats, asked: Floats, every: Floats) -> Floats:
    """Return a line drawn through rewards, at the risks that are asked for."""
    if not len(rewards):
        return np.full(len(asked), every.mean() if len(every) else 0.0)
    middle, mean = risks.mean(), rewards.mean()
    spread = risks - middle
    # The pull is in units of the widest spread that probabilities can have.
    slope = float(spread @ (rewards - mean)) / (float(spread @ spread) + _PULL / 12)
    line: Floats = np.clip(mean + slope * (asked - middle), every.min(), every.max())
    return line
