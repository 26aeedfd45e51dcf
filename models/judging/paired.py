"""Whether one run did better than another, on the same customers: figures of different kinds.

A run is told as what each customer contributes to its figures, and nothing else: so runs that
said other things, at other times, or under another policy can be held against each other, as
long as they are of the same customers. When customers are drawn again, each counts in every run
as often as drawn.

Source: Davison, Hinkley, "Bootstrap Methods and their Application", 1997 (chapter 5, ratios and
paired differences).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from models.judging.curves import Floats, Indices
from models.judging.intervals import Interval, drawn_anew, intervals_of, sensible


class Contributions(Protocol):
    """What customers contribute to some figures of a run.

    A place in `measure` is a customer, the same one in all runs that are compared; who
    contributes nothing to a run still has a place.
    """

    @property
    def names(self) -> Sequence[str]:
        """Which figures."""

    def measure(self, counts: Indices) -> Floats:
        """Return the figures, in the order of their names, if each customer counts so often."""


class Ratios:
    """Figures that are one sum over customers divided by another: shares, means, money a day.

    Parameters
    ----------
    parts
        By name, what each customer adds above and below the line. A total is over ``1 / number``
        of each customer, and a total a day over ``days / number``, as those do not change when
        other customers come.

    Raises
    ------
    ValueError
        If not all are of the same number of customers.

    Examples
    --------
    >>> alerts, churned = np.array([2.0, 0.0, 1.0]), np.array([2.0, 0.0, 0.0])
    >>> found = Ratios({"precision": (churned, alerts), "alerts": (alerts, np.full(3, 1 / 3))})
    >>> found.names, found.measure(np.array([1, 1, 1])).round(3).tolist()
    (('precision', 'alerts'), [0.667, 3.0])
    """

    def __init__(self, parts: Mapping[str, tuple[npt.ArrayLike, npt.ArrayLike]]) -> None:
        self.names = tuple(parts)
        above = [np.asarray(each, dtype=np.float64) for each, _ in parts.values()]
        below = [np.asarray(each, dtype=np.float64) for _, each in parts.values()]
        if len({each.shape for each in (*above, *below)}) > 1:
            raise ValueError("all figures need one value a customer, of the same customers")
        self._above, self._below = np.array(above), np.array(below)

    def measure(self, counts: Indices) -> Floats:
        """Return the figures; not a number where the sum below the line is zero."""
        below = self._below @ counts
        there = below != 0
        found: Floats = np.full(len(below), np.nan)
        found[there] = (self._above @ counts)[there] / below[there]
        return found


class Skill:
    """How much of the log loss of knowing only the share of churners is saved: 0 none, 1 all.

    Log losses under different horizons are no more comparable than the weather of two countries:
    where nearly nobody churns the loss is small without any merit. Held to its own share of
    churners, each can be.

    Parameters
    ----------
    losses, churned, rows
        Of each customer: the sum of the log losses, how many predictions ended in churn, and how
        many there are.

    Examples
    --------
    >>> rows = np.ones(4)
    >>> Skill(np.full(4, np.log(2)), np.array([0, 1, 0, 1.0]), rows).measure(np.ones(4)).tolist()
    [0.0]
    >>> Skill(np.full(4, -np.log(0.9)), np.array([0, 1, 0, 1.0]), rows).measure(np.ones(4)).round(3)
    array([0.848])
    """

    names = ("skill",)

    def __init__(self, losses: Floats, churned: Floats, rows: Floats) -> None:
        self._sums = np.array([losses, churned, rows], dtype=np.float64)

    def measure(self, counts: Indices) -> Floats:
        """Return the skill; not a number unless some churned and some stayed."""
        loss, churned, rows = (self._sums @ counts).tolist()
        if not 0 < churned < rows:
            return np.array([np.nan])
        share = churned / rows
        known = -(share * np.log(share) + (1 - share) * np.log1p(-share))
        return np.array([1 - loss / rows / known])


@dataclass(frozen=True, eq=False)
class Paired:
    """Figures of runs, and how they differ.

    Parameters
    ----------
    values
        Of each run, its figures by name; not a number where one is not defined.
    drawn
        Of each run and draw, the figures in the same order.
    level
        How many of a hundred intervals hold the truth, as a share.
    """

    values: list[dict[str, float]]
    drawn: list[Floats]
    level: float

    def differences(self, run: int, held: int = 0) -> dict[str, Interval]:
        """Return by how much a run's figures are above another's, for those that both have."""
        mine, other = list(self.values[run]), list(self.values[held])
        both = [name for name in mine if name in other]
        here, there = [mine.index(name) for name in both], [other.index(name) for name in both]
        whole = [self.values[run][name] - self.values[held][name] for name in both]
        drawn = self.drawn[run][:, here] - self.drawn[held][:, there]
        return intervals_of(both, np.array(whole), drawn, self.level)


def pair(
    runs: Sequence[Sequence[Contributions]],
    customers: int,
    rng: np.random.Generator,
    *,
    resamples: int = 200,
    level: float = 0.95,
) -> Paired:
    """Return the figures of runs, whole and when the same customers are drawn for all of them.

    What is hard in all runs cancels, so the intervals are narrower than those of each run alone.
    They know of other customers of the same kind, not of another season or seed.

    Parameters
    ----------
    runs
        Of each run what its customers contribute; no name twice in one run.
    customers
        How many there are.
    rng
        Seeded: the same seed gives the same bounds.
    resamples, level
        As for `bootstrap`.

    Raises
    ------
    ValueError
        If a figure is twice in a run, or the resamples or level make no sense.

    Examples
    --------
    >>> bought, asked = np.arange(40.0) % 4, np.full(40, 4.0)
    >>> one, other = Ratios({"share": (bought, asked)}), Ratios({"share": (bought / 2, asked)})
    >>> found = pair([[one], [one], [other]], 40, np.random.default_rng(1))
    >>> found.differences(1)["share"]
    Interval(estimate=0.0, low=0.0, high=0.0)
    >>> found.differences(2)["share"].leaves_out(0.0)
    True
    """
    sensible(resamples, level)
    names = [[name for part in run for name in part.names] for run in runs]
    for each in names:
        if len(set(each)) < len(each):
            raise ValueError(f"a figure is twice in a run: {', '.join(each)}")

    def measured(counts: Indices) -> list[Floats]:
        return [
            np.concatenate([np.empty(0), *(part.measure(counts) for part in run)]) for run in runs
        ]

    whole = measured(np.ones(customers, dtype=np.int64))
    drawn = [measured(counts) for counts in drawn_anew(rng, customers, resamples)]
    return Paired(
        values=[
            dict(zip(each, found.tolist(), strict=True))
            for each, found in zip(names, whole, strict=True)
        ],
        drawn=[
            np.array([each[run] for each in drawn]).reshape(-1, len(names[run]))
            for run in range(len(runs))
        ],
        level=level,
    )
