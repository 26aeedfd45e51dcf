"""Two arms, one figure: by how much the treated differ from the held out.

Whom the holdout takes is drawn with a known chance, so the mean difference can be written as one
mean over all customers (the score of augmented inverse propensity weighting, with the arms' own
means and shares), and a confidence sequence for a mean holds for it: the paper that `sequence`
names says so of just this effect. With the arms' own means the score's mean is the difference of
the means, and its variance n (s1^2 / n1 + s0^2 / n0). That is narrower than to give each arm a
sequence of its own and half of alpha.

Where customers were held out with different chances (a playbook with a holdout of its own), the
arms are made of different customers. There each is weighed by one over the chance of their own
arm, so that both arms stand for all of them; who had no choice of arms is left out.

Variances are computed as if each arm had also seen the lowest and the highest value of both: an
arm of few customers who all did the same is not thereby sure of itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from models.effect.adjusting import Flags, adjusted
from models.effect.sequence import Floats, reach
from models.judging import Interval

#: Customers of each arm, at least, before an interval is given: all of this is about many.
LEAST: Final = 50
_NAN: Final = float("nan")


@dataclass(frozen=True)
class Effect:
    """A figure in both arms, and the difference that treating makes.

    Parameters
    ----------
    treated, held_out
        How many customers of each arm are known.
    treated_mean, held_out_mean
        The figure as it was, whatever their chances; not a number where an arm has nobody.
    difference
        Treated less held out, adjusted for what was known before; its bounds are infinite with
        too few customers.
    spread
        Variance of the difference for one customer: what n customers leave of it is an n-th.
    reduction
        The share of that variance that the adjustment took away.
    alpha
        The chance that the truth is ever outside of the bounds.
    """

    treated: int
    held_out: int
    treated_mean: float
    held_out_mean: float
    difference: Interval
    spread: float
    reduction: float
    alpha: float

    @property
    def count(self) -> int:
        """Customers of both arms."""
        return self.treated + self.held_out

    @property
    def enough(self) -> bool:
        """Whether there are enough for bounds."""
        return min(self.treated, self.held_out) >= LEAST


def compare(
    values: Floats,
    treated: Flags,
    before: Floats | None = None,
    chances: Floats | None = None,
    *,
    alpha: float = 0.05,
) -> Effect:
    """Return by how much treated customers differ from those held out.

    Parameters
    ----------
    values
        The figure, one a customer; each customer once.
    treated
        Their arms.
    before
        Customers by numbers known before anybody was treated; None to adjust for nothing.
    chances
        With which each was held out; None if all are the same.
    alpha
        The chance that the truth is ever outside of the bounds, at all looks together.

    Raises
    ------
    ValueError
        If the rows do not agree, or are not finite.

    Examples
    --------
    >>> treated = np.arange(4_000) % 10 != 0
    >>> values = (np.arange(4_000) % 100 < np.where(treated, 52, 33)).astype(float)
    >>> found = compare(values, treated)
    >>> found.treated, found.held_out, round(found.difference.estimate, 3)
    (3600, 400, 0.111)
    >>> found.difference.leaves_out(0.0)
    True
    """
    figures = np.asarray(values, dtype=np.float64)
    arms = np.asarray(treated, dtype=np.bool_)
    known = None if before is None else np.asarray(before, dtype=np.float64)
    drawn = None if chances is None else np.asarray(chances, dtype=np.float64)
    if drawn is not None and drawn.shape != figures.shape:
        raise ValueError("there is a chance for each value")
    if arms.shape != figures.shape or (known is not None and len(known) != len(figures)):
        raise ValueError("values, arms and what was known before have a row a customer")
    if not np.isfinite(figures).all() or (known is not None and not np.isfinite(known).all()):
        raise ValueError("values and what was known before are finite numbers")
    weights = np.ones_like(figures)
    if drawn is not None and len(drawn) and drawn.min() < drawn.max():
        open_to_both = (drawn > 0) & (drawn < 1)
        figures, arms, drawn = figures[open_to_both], arms[open_to_both], drawn[open_to_both]
        known = None if known is None else known[open_to_both]
        weights = 1 / np.where(arms, 1 - drawn, drawn)
    count, held = int(arms.sum()), int((~arms).sum())
    mean, other = (float(figures[arm].mean()) if arm.any() else _NAN for arm in (arms, ~arms))
    if not (count and held):
        none = Interval(_NAN, -math.inf, math.inf)
        return Effect(count, held, mean, other, none, _NAN, 0.0, alpha)
    plain = _spread(figures, arms, weights)
    rest, spread = figures, plain
    if known is not None and min(count, held) >= LEAST:
        rest = adjusted(figures, arms, known)
        spread = _spread(rest, arms, weights)
    sides = [float(np.average(rest[arm], weights=weights[arm])) for arm in (arms, ~arms)]
    estimate = sides[0] - sides[1]
    wide = math.inf
    if min(count, held) >= LEAST:
        wide = float(reach(count + held, spread, alpha))
    return Effect(
        treated=count,
        held_out=held,
        treated_mean=mean,
        held_out_mean=other,
        difference=Interval(estimate, estimate - wide, estimate + wide),
        spread=spread,
        reduction=1 - spread / plain if plain > 0 else 0.0,
        alpha=alpha,
    )


def _spread(values: Floats, arms: Flags, weights: Floats) -> float:
    """Return the variance of the difference for one customer."""
    ends = [values.min(), values.max()]
    total = 0.0
    for arm in (arms, ~arms):
        count = int(arm.sum())
        some = np.append(values[arm], ends)
        # The two ends weigh as much as anybody does in the mean.
        weigh = np.append(weights[arm] / weights[arm].mean(), [1.0, 1.0])
        off = weigh * (some - np.average(some, weights=weigh))
        total += float((off**2).mean()) / count
    return len(values) * total
