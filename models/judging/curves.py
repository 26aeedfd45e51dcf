"""How well risks tell churners from the others at every threshold: the curves of a report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from models.judging.metrics import Values, precision_by_steps

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

_FEWEST: Final = 8
_NAN: Final = float("nan")


class Ranked(NamedTuple):
    """The distinct risks, highest first, with the churners and the customers at each."""

    risks: Floats
    churned: Floats
    customers: Floats


@dataclass(frozen=True, eq=False)
class Curve:
    """A curve that can be drawn, and the area under the whole of it.

    Parameters
    ----------
    x, y
        The points that were kept, from the highest threshold to the lowest; none where the curve
        is not defined.
    thresholds
        Who has this risk or a higher one is alerted at the point; infinite where nobody is.
    area
        Of all points, kept or not; not a number where the curve is not defined.
    """

    x: Floats
    y: Floats
    thresholds: Floats
    area: float


def judged(risks: Values, labels: Values) -> tuple[Floats, Floats]:
    """Return risks and labels as arrays that agree.

    Raises
    ------
    ValueError
        If they are not of one length, a risk is not finite, or a label is neither 0 nor 1.

    Examples
    --------
    >>> judged([0.2, 0.7], [0, 2])
    Traceback (most recent call last):
        ...
    ValueError: label 2 in row 1 is neither 0 (stayed) nor 1 (churned)
    """
    p, y = np.asarray(risks, dtype=np.float64), np.asarray(labels, dtype=np.float64)
    if p.ndim != 1 or p.shape != y.shape:
        raise ValueError(f"one label a risk is needed: {p.shape} risks, {y.shape} labels")
    strange = np.flatnonzero(~np.isfinite(p))
    if len(strange):
        raise ValueError(f"risk {p[strange[0]]:g} in row {strange[0]} is not a finite number")
    strange = np.flatnonzero((y != 0) & (y != 1))
    if len(strange):
        where = strange[0]
        raise ValueError(f"label {y[where]:g} in row {where} is neither 0 (stayed) nor 1 (churned)")
    return p, y


def ranked(risks: Values, labels: Values) -> Ranked:
    """Count churners and customers by risk, highest first; equal risks together."""
    p, y = judged(risks, labels)
    levels, place = np.unique(-p, return_inverse=True)
    churned = np.bincount(place, y, minlength=len(levels)).astype(np.float64)
    customers = np.bincount(place, minlength=len(levels)).astype(np.float64)
    return Ranked(-levels, churned, customers)


def roc_curve(risks: Values, labels: Values, points: int = 400) -> Curve:
    """Return the share of churners found (y) against the share of the others alerted (x).

    Parameters
    ----------
    risks, labels
        One value a prediction; a label is 1 for churned.
    points
        At most so many are kept, evenly along the curve: what is left out lies within
        2 / (points - 1) of one that is kept, both directions added.

    Raises
    ------
    ValueError
        If risks and labels do not agree, or fewer than 8 points are asked for.

    Examples
    --------
    >>> found = roc_curve([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1])
    >>> found.x.tolist(), found.y.tolist(), found.area
    ([0.0, 0.0, 0.5, 0.5, 1.0], [0.0, 0.5, 0.5, 1.0, 1.0], 0.75)
    """
    _enough(points)
    levels, churned, count = ranked(risks, labels)
    stayed = count - churned
    if not churned.sum() or not stayed.sum():
        return _undefined()
    x = np.append(0.0, np.cumsum(stayed) / stayed.sum())
    y = np.append(0.0, np.cumsum(churned) / churned.sum())
    area = float((np.diff(x) * (y[1:] + y[:-1]) / 2).sum())
    kept = np.arange(len(x))
    if len(x) > points:
        # Both rise only, so that their mean is a way along the curve from 0 to 1.
        kept = np.unique(np.searchsorted((x + y) / 2, np.linspace(0, 1, points)))
    return Curve(x[kept], y[kept], np.append(np.inf, levels)[kept], area)


def precision_recall_curve(risks: Values, labels: Values, points: int = 400) -> Curve:
    """Return precision (y) against recall (x); the area is the average precision, by steps.

    Parameters
    ----------
    risks, labels
        One value a prediction; a label is 1 for churned.
    points
        At most so many are kept: of each stretch of the curve the first, the last, the lowest
        and the highest, so that its teeth are drawn as long as they are.

    Raises
    ------
    ValueError
        If risks and labels do not agree, or fewer than 8 points are asked for.

    Notes
    -----
    The way of thinning is M4: Jugel, Jerzak, Hackenbroich, Markl, "M4: a visualization-oriented
    time series data aggregation", VLDB 2014.

    Examples
    --------
    >>> found = precision_recall_curve([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1])
    >>> found.x.tolist(), found.y.round(2).tolist(), round(found.area, 4)
    ([0.5, 0.5, 1.0, 1.0], [1.0, 0.5, 0.67, 0.5], 0.8333)
    """
    _enough(points)
    levels, churned, count = ranked(risks, labels)
    if not churned.sum():
        return _undefined()
    reached = np.cumsum(count)
    recall = np.cumsum(churned) / churned.sum()
    precision = np.cumsum(churned) / reached
    kept = np.arange(len(levels))
    if len(levels) > points:
        kept = _telling((recall + reached / reached[-1]) / 2, precision, points // 4)
    area = precision_by_steps(churned, count)
    return Curve(recall[kept], precision[kept], levels[kept], area)


@dataclass(frozen=True)
class Gain:
    """A tenth of the customers, by risk, and what was found among them.

    Parameters
    ----------
    tenth
        1 is the tenth with the highest risks.
    count, churned
        Customers in it, and churners; in part, where equal risks stand on both sides of its edge.
    lift
        How many times more churn in it than among all.
    reached, captured
        Shares of all customers and of all churners, in this tenth and those above it.
    lift_so_far
        How many times more churn in this tenth and those above it than among all.
    """

    tenth: int
    count: int
    churned: float
    lift: float
    reached: float
    captured: float
    lift_so_far: float


def gains(risks: Values, labels: Values) -> list[Gain]:
    """Return cumulative gains and lift by tenths of the customers; tenths with nobody not.

    Examples
    --------
    >>> first = gains([0.9] + [0.1] * 9, [1] + [0] * 9)[0]
    >>> first.lift, first.reached, first.captured
    (10.0, 0.1, 1.0)
    """
    _, churned, count = ranked(risks, labels)
    total, found = int(count.sum()), float(churned.sum())
    if not total:
        return []
    edges = [max(round(tenth / 10 * total), 1) for tenth in range(1, 11)]
    # Between the ends of a group of equal risks its churners are spread evenly.
    until = np.interp(edges, np.append(0.0, np.cumsum(count)), np.append(0.0, np.cumsum(churned)))
    tenths, last, before = [], 0, 0.0
    for number, (edge, caught) in enumerate(zip(edges, until.tolist(), strict=True), start=1):
        if edge == last:
            continue
        tenths.append(
            Gain(
                tenth=number,
                count=edge - last,
                churned=caught - before,
                lift=(caught - before) / (edge - last) * total / found if found else _NAN,
                reached=edge / total,
                captured=caught / found if found else _NAN,
                lift_so_far=caught / edge * total / found if found else _NAN,
            )
        )
        last, before = edge, caught
    return tenths


def _enough(points: int) -> None:
    if points < _FEWEST:
        raise ValueError(f"a curve has at least {_FEWEST} points, not {points}")


def _undefined() -> Curve:
    return Curve(np.empty(0), np.empty(0), np.empty(0), _NAN)


def _telling(way: Floats, height: Floats, stretches: int) -> npt.NDArray[Any]:
    """Return the first, last, lowest and highest point of each stretch of the way from 0 to 1."""
    ends = np.searchsorted(way, np.linspace(0, 1, stretches + 1)[1:-1])
    kept: set[int] = set()
    for start, end in zip(np.append(0, ends), np.append(ends, len(way)), strict=True):
        if start < end:
            held = height[start:end]
            kept |= {int(start), int(end) - 1}
            kept |= {int(start + held.argmin()), int(start + held.argmax())}
    return np.array(sorted(kept))
