"""How sure a figure is: it is computed again as if other customers had come.

Customers are drawn, not rows: the predictions about one customer resemble each other, and
intervals that take them for independent are too narrow.

Sources: Efron, Tibshirani, "An Introduction to the Bootstrap", 1993 (percentile intervals,
chapter 13); Field, Welsh, "Bootstrapping clustered data", JRSS B 69, 2007.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from models.judging.curves import Floats, Indices, judged
from models.judging.metrics import Values, precision_by_steps, precision_of_top

#: What can be given an interval.
MEASURES: Final = ("auc", "pr_auc", "log_loss", "brier", "precision_top")
_BY_RANK: Final = frozenset({"auc", "pr_auc", "precision_top"})
#: Draws that are measured together.
_TOGETHER: Final = 50
#: Steps of risk at one landmark, at least.
_FEWEST_STEPS: Final = 1_000
_EPS: Final = 1e-12
_NAN: Final = float("nan")


@dataclass(frozen=True)
class Interval:
    """A figure, and between which bounds it would be for other customers of the same kind.

    Examples
    --------
    >>> Interval(0.02, -0.01, 0.05).leaves_out(0.0)
    False
    """

    estimate: float
    low: float
    high: float

    def leaves_out(self, value: float) -> bool:
        """Tell whether a value is outside; of a difference and 0: whether it is real."""
        return value < self.low or value > self.high


def bootstrap(
    risks: Values,
    labels: Values,
    customers: npt.ArrayLike,
    rng: np.random.Generator,
    *,
    measures: Iterable[str] = MEASURES,
    top: float = 0.1,
    resamples: int = 200,
    level: float = 0.95,
    looks: npt.ArrayLike | None = None,
    steps: int | None = None,
) -> dict[str, Interval]:
    """Return figures with percentile intervals, by name.

    Parameters
    ----------
    risks, labels
        One value a prediction; a label is 1 for churned.
    customers
        Whom each prediction is about, as numbers or names; whole numbers are quickest.
    rng
        Seeded: the same seed gives the same bounds.
    measures
        Some of `auc`, `pr_auc` (average precision), `log_loss`, `brier`, and `precision_top`
        (the share of churners among the highest risks).
    top
        Share of all predictions that is the top.
    resamples
        So many times the customers are drawn anew, with replacement.
    level
        How many of a hundred such intervals hold the truth, as a share.
    looks
        Of each prediction the landmark at which it was made, as any number: what goes by rank is
        then the mean over the landmarks where it is defined.
    steps
        In the draws, risks are told apart in so many equal steps (of all landmarks together, but
        at least 1,000 of each), which makes them several times quicker with many predictions; the
        figures themselves are exact. None tells all risks apart.

    Returns
    -------
    dict of str to Interval
        Not numbers where a figure is not defined; bounds are not numbers with fewer than two
        customers, or where most draws have one label only.

    Raises
    ------
    ValueError
        If the rows do not agree or a measure is unknown.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> labels = rng.integers(0, 2, 400)
    >>> found = bootstrap(rng.normal(labels), labels, np.arange(400) // 2, rng, measures=["auc"])
    >>> found["auc"].low < found["auc"].estimate < found["auc"].high
    True
    """
    names = _known(measures)
    sensible(resamples, level, top)
    p, y = judged(risks, labels)
    who, number = _codes(customers, len(p))
    make = Weighted if looks is None else _Looked(np.asarray(looks))
    estimate = make(p, y, who, number, names, top).measure(np.ones(number, dtype=np.int64))
    weighted = make(p, y, who, number, names, top, steps)
    drawn = [
        figures
        for draws in _blocks(drawn_anew(rng, number, resamples))
        for figures in weighted.measure_all(draws)
    ]
    return intervals_of(names, estimate, np.array(drawn), level)


def bootstrap_difference(
    risks: Values,
    others: Values,
    labels: Values,
    customers: npt.ArrayLike,
    rng: np.random.Generator,
    *,
    measures: Iterable[str] = MEASURES,
    top: float = 0.1,
    resamples: int = 200,
    level: float = 0.95,
) -> dict[str, Interval]:
    """Return by how much the figures of one model are above another's, on the same rows.

    Both are computed for the same customers each time, so that what is hard for both cancels:
    the interval is much narrower than the two models' own. It knows of other customers, not of
    another seed of the same model.

    Parameters
    ----------
    risks, others
        What each model said of the same predictions; the figure of `others` is taken off.
    labels, customers, rng, measures, top, resamples, level
        As for `bootstrap`.

    Raises
    ------
    ValueError
        If the rows do not agree or a measure is unknown.

    Examples
    --------
    >>> risks, labels = [0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1]
    >>> rng = np.random.default_rng(1)
    >>> found = bootstrap_difference(risks, risks, labels, [1, 2, 3, 4], rng, measures=["brier"])
    >>> found["brier"]
    Interval(estimate=0.0, low=0.0, high=0.0)
    """
    names = _known(measures)
    sensible(resamples, level, top)
    p, y = judged(risks, labels)
    q, _ = judged(others, labels)
    who, number = _codes(customers, len(p))
    one = Weighted(p, y, who, number, names, top)
    other = Weighted(q, y, who, number, names, top)
    drawn = np.array(
        [one.measure(each) - other.measure(each) for each in drawn_anew(rng, number, resamples)]
    )
    all_once = np.ones(number, dtype=np.int64)
    return intervals_of(names, one.measure(all_once) - other.measure(all_once), drawn, level)


class Weighted:
    """The figures of one model, for customers who count a whole number of times each.

    Sorted once: a draw costs a look-up and a few cumulative sums.
    """

    def __init__(
        self,
        risks: Floats,
        labels: Floats,
        who: Indices,
        number: int,
        names: list[str],
        top: float,
        steps: int | None = None,
    ) -> None:
        self._names = names
        self._top = top
        self._rows = np.bincount(who, minlength=number).astype(np.float64)
        p = np.clip(risks, _EPS, 1 - _EPS)
        losses = {
            "log_loss": -np.log(np.where(labels > 0, p, 1 - p)),
            "brier": (risks - labels) ** 2,
        }
        self._losses = {
            name: np.bincount(who, loss, minlength=number) for name, loss in losses.items()
        }
        if not _BY_RANK.isdisjoint(names):
            height = -(risks if steps is None else np.floor(risks * steps))
            order = np.argsort(height, kind="stable")
            sorted_heights = height[order]
            new = np.append(True, sorted_heights[1:] != sorted_heights[:-1])[: len(risks)]
            #: Whose the predictions of each height are, and which heights these are.
            self._who = who[order]
            self._starts = None if new.all() else np.flatnonzero(new)
            churned = labels[order] > 0
            place = np.cumsum(new) - 1
            #: The same of those who churned.
            self._churned_who = self._who[churned]
            self._churned_at = place[churned]
            self._heights = int(new.sum())
            self._tables = None
            if steps is not None:
                shape = (self._heights, number)
                self._tables = (
                    _counted(place, self._who, shape),
                    _counted(self._churned_at, self._churned_who, shape),
                )

    @property
    def names(self) -> list[str]:
        """Which figures."""
        return self._names

    def measure(self, counts: Indices) -> Floats:
        """Return the figures, in the order of their names."""
        by_rank = not _BY_RANK.isdisjoint(self._names) and len(self._who)
        return self._measure(counts, self._by_rank(*self._at_heights(counts)) if by_rank else {})

    def measure_all(self, draws: Indices) -> list[Floats]:
        """Return the figures of many draws, a row each."""
        if _BY_RANK.isdisjoint(self._names) or self._tables is None:
            return [self.measure(counts) for counts in draws]
        times = np.ascontiguousarray(draws.T, dtype=np.float64)
        count, churned = (np.ascontiguousarray((table @ times).T) for table in self._tables)
        return [
            self._measure(counts, self._by_rank(*each))
            for counts, *each in zip(draws, count, churned, strict=True)
        ]

    def _measure(self, counts: Indices, ranks: dict[str, float]) -> Floats:
        rows = _dot(counts, self._rows)
        found = []
        for name in self._names:
            if name in _BY_RANK:
                found.append(ranks.get(name, _NAN) if rows else _NAN)
            else:
                found.append(_dot(counts, self._losses[name]) / rows if rows else _NAN)
        return np.array(found)

    def _at_heights(self, counts: Indices) -> tuple[Floats, Floats]:
        times = counts.astype(np.float64)
        count = times[self._who]
        if self._starts is not None:
            count = np.add.reduceat(count, self._starts)
        churned = np.bincount(self._churned_at, times[self._churned_who], self._heights)
        return count, churned.astype(np.float64)

    def _by_rank(self, count: Floats, churned: Floats) -> dict[str, float]:
        found = {}
        if "auc" in self._names:
            stayed = count - churned
            all_stayed, pairs = stayed.sum(), stayed.sum() * churned.sum()
            below = all_stayed - np.cumsum(stayed) + stayed / 2
            found["auc"] = _dot(churned, below) / float(pairs) if pairs else _NAN
        if "pr_auc" in self._names:
            found["pr_auc"] = precision_by_steps(churned, count)
        if "precision_top" in self._names:
            found["precision_top"] = precision_of_top(churned, count, self._top)
        return found


class _Looked:
    """The figures of one model where everybody is judged at set times.

    Parameters
    ----------
    looks
        Of each prediction, at which.
    """

    def __init__(self, looks: npt.NDArray[Any]) -> None:
        self._looks = looks

    def __call__(
        self,
        risks: Floats,
        labels: Floats,
        who: Indices,
        number: int,
        names: list[str],
        top: float,
        steps: int | None = None,
    ) -> _Looked:
        """Return the figures of these predictions, to be measured."""
        if self._looks.shape != risks.shape:
            raise ValueError(f"one look a row is needed: {len(risks)} rows, not {len(self._looks)}")
        self._names = names
        pooled = [name if name not in _BY_RANK else "brier" for name in names]
        self._whole = Weighted(risks, labels, who, number, pooled, top, steps)
        ranks = [name for name in names if name in _BY_RANK]
        different = np.unique(self._looks)
        if steps is not None:
            steps = max(steps // max(len(different), 1), _FEWEST_STEPS)
        self._parts = [
            Weighted(risks[held], labels[held], who[held], number, ranks, top, steps)
            for look in different
            if ranks and (held := self._looks == look).any()
        ]
        return self

    def measure(self, counts: Indices) -> Floats:
        """Return the figures, in the order of their names."""
        return self.measure_all(counts[None])[0]

    def measure_all(self, draws: Indices) -> list[Floats]:
        """Return the figures of many draws, a row each."""
        found = np.array(self._whole.measure_all(draws))
        if self._parts:
            parts = np.array([part.measure_all(draws) for part in self._parts])
            defined = np.isfinite(parts)
            total = np.where(defined, parts, 0.0).sum(axis=0)
            means = np.where(defined.any(axis=0), total, _NAN) / np.maximum(defined.sum(axis=0), 1)
            found[:, [name in _BY_RANK for name in self._names]] = means
        return list(found)


def _known(measures: Iterable[str]) -> list[str]:
    names = list(measures)
    unknown = [name for name in names if name not in MEASURES]
    if unknown:
        raise ValueError(f"unknown measure {unknown[0]!r}: use some of {', '.join(MEASURES)}")
    return names


def sensible(resamples: int, level: float, top: float = 1.0) -> None:
    """Raise `ValueError` for what no interval can be made of."""
    if resamples < 1:
        raise ValueError(f"resamples is at least 1, not {resamples}")
    if not 0 < level < 1:
        raise ValueError(f"level is between 0 and 1, not {level:g}")
    if not 0 < top <= 1:
        raise ValueError(f"top is a share above 0 and at most 1, not {top:g}")


def _codes(customers: npt.ArrayLike, rows: int) -> tuple[Indices, int]:
    """Return each row's customer, numbered from 0 on, and how many there are."""
    who = np.asarray(customers)
    if who.shape != (rows,):
        raise ValueError(f"one customer a row is needed: {rows} rows, {who.shape} customers")
    names, codes = np.unique(who, return_inverse=True)
    return codes.astype(np.int64), len(names)


def drawn_anew(rng: np.random.Generator, number: int, resamples: int) -> Iterator[Indices]:
    """Yield how often each customer is drawn."""
    # One customer drawn again and again would look like certainty.
    for _ in range(resamples if number > 1 else 0):
        yield np.bincount(rng.integers(0, number, number), minlength=number)


def _blocks(draws: Iterator[Indices]) -> Iterator[Indices]:
    """Yield draws a few at a time: together they are quicker, and all of them are large."""
    while block := list(islice(draws, _TOGETHER)):
        yield np.array(block)


def _dot(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> float:
    """Return the sum of products; in one thread, since the many of BLAS wait for one another."""
    return float(np.einsum("i,i->", one, other))


def _counted(height: Indices, who: Indices, shape: tuple[int, int]) -> Any:
    """Return how many predictions of each customer are at each height, as a sparse table."""
    from scipy.sparse import csr_array

    return csr_array((np.ones(len(who)), (height, who)), shape=shape)


def intervals_of(
    names: list[str], estimates: Floats, drawn: Floats, level: float
) -> dict[str, Interval]:
    """Return the percentile intervals of figures, given their values in each draw."""
    found = {}
    for place, name in enumerate(names):
        estimate = float(estimates[place])
        values = drawn[:, place] if len(drawn) else np.empty(0)
        defined = values[np.isfinite(values)]
        low = high = _NAN
        if math.isfinite(estimate) and 2 * len(defined) > len(values):
            low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2]).tolist()
        found[name] = Interval(estimate, low, high)
    return found
