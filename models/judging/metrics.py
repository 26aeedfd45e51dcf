"""How good predicted risks were, once their labels are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

_BINS: Final = 200
_EPS: Final = 1e-12
Values = Sequence[float] | npt.NDArray[np.float64]
_Counts = npt.NDArray[Any]


def roc_auc(risks: Values, labels: Values) -> float:
    """Return the probability that a churner was given a higher risk than a customer who stayed.

    Parameters
    ----------
    risks, labels
        One value a customer; a label is 1 for churned.

    Returns
    -------
    float
        Ties count one half; not a number without both labels.

    Examples
    --------
    >>> roc_auc([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1])
    0.75
    """
    truth = np.asarray(labels) > 0.5
    churned, stayed = int(truth.sum()), int((~truth).sum())
    if not churned or not stayed:
        return float("nan")
    _, place, count = np.unique(np.asarray(risks), return_inverse=True, return_counts=True)
    # Of equal risks, each has the mean of the ranks that they take together.
    ranks = (np.cumsum(count) - (count - 1) / 2)[place]
    return float((ranks[truth].sum() - churned * (churned + 1) / 2) / (churned * stayed))


def average_precision(risks: Values, labels: Values) -> float:
    """Return the area under the precision-recall curve, by its steps.

    Parameters
    ----------
    risks, labels
        One value a customer; a label is 1 for churned.

    Returns
    -------
    float
        Equal risks are one step; not a number without a churner.

    Examples
    --------
    >>> round(average_precision([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1]), 4)
    0.8333
    """
    levels, place = np.unique(-np.asarray(risks, dtype=np.float64), return_inverse=True)
    truth = np.asarray(labels, dtype=np.float64)
    churned = np.bincount(place, truth, minlength=len(levels))
    return precision_by_steps(churned, np.bincount(place, minlength=len(levels)))


def precision_at(risks: Values, labels: Values, share: float = 0.1) -> float:
    """Return which share of the customers with the highest risks churned.

    Parameters
    ----------
    risks, labels
        One value a customer; a label is 1 for churned.
    share
        How many of all customers, at least one. Of equal risks at the edge each counts in part.

    Examples
    --------
    >>> precision_at([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1], share=0.5)
    0.5
    >>> precision_at([0.5, 0.5, 0.5, 0.5], [0, 0, 1, 0], share=0.25)
    0.25
    """
    levels, place = np.unique(-np.asarray(risks, dtype=np.float64), return_inverse=True)
    truth = np.asarray(labels, dtype=np.float64)
    churned = np.bincount(place, truth, minlength=len(levels))
    return precision_of_top(churned, np.bincount(place, minlength=len(levels)), share)


def precision_by_steps(churned: _Counts, count: _Counts) -> float:
    """Return the average precision; who has the same risk is counted together, highest first."""
    total = churned.sum()
    if not total:
        return float("nan")
    reached = np.maximum(np.cumsum(count), 1)
    return float((churned / total * (np.cumsum(churned) / reached)).sum())


def precision_of_top(churned: _Counts, count: _Counts, share: float) -> float:
    """Return the share of churners in the top; counted by risk, highest first."""
    total = int(count.sum())
    if not total:
        return float("nan")
    wanted = max(round(share * total), 1)
    taken = np.clip(wanted - (np.cumsum(count) - count), 0, count)
    return float((churned * taken / np.maximum(count, 1)).sum() / wanted)


def log_loss(risks: Values, labels: Values) -> float:
    """Return the mean negative log likelihood of the labels.

    Examples
    --------
    >>> round(log_loss([0.5, 0.5], [0, 1]), 4)
    0.6931
    """
    p = np.clip(np.asarray(risks, dtype=np.float64), _EPS, 1 - _EPS)
    y = np.asarray(labels, dtype=np.float64)
    return float(-np.mean(y * np.log(p) + (1 - y) * np.log1p(-p))) if len(p) else float("nan")


@dataclass(frozen=True)
class CalibrationBin:
    """Customers of similar risk: what was said of them, and what came true."""

    low: float
    high: float
    count: int
    predicted: float
    observed: float


def calibration(risks: Values, labels: Values, bins: int = 10) -> list[CalibrationBin]:
    """Return, for equal bins of risk, the mean risk and the share that churned; empty bins not.

    Examples
    --------
    >>> calibration([0.1, 0.3, 0.9], [0, 1, 1], bins=2)[0]
    CalibrationBin(low=0.0, high=0.5, count=2, predicted=0.2, observed=0.5)
    """
    p = np.asarray(risks, dtype=np.float64)
    y = np.asarray(labels, dtype=np.float64)
    place = np.minimum((p * bins).astype(int), bins - 1)
    return [
        CalibrationBin(
            low=number / bins,
            high=(number + 1) / bins,
            count=int(mask.sum()),
            predicted=float(p[mask].mean()),
            observed=float(y[mask].mean()),
        )
        for number in range(bins)
        if (mask := place == number).any()
    ]


def calibration_error(risks: Values, labels: Values, bins: int = 20) -> float:
    """Return the expected calibration error: how far, on average, risk is from what comes true."""
    held = calibration(risks, labels, bins)
    total = sum(each.count for each in held)
    if not total:
        return float("nan")
    return sum(each.count * abs(each.predicted - each.observed) for each in held) / total


class Prequential:
    """Quality as it builds up: every prediction is tested by its label before it is learnt.

    Counts by bins of risk, so that memory does not grow and the counts can be stored; the ROC
    AUC is exact to the width of a bin.

    Examples
    --------
    >>> quality = Prequential()
    >>> for risk, label in ((0.1, 0), (0.4, 0), (0.35, 1), (0.8, 1)):
    ...     quality.add(risk, label)
    >>> quality.summary()["auc"], quality.summary()["count"]
    (0.75, 4)
    """

    def __init__(self) -> None:
        self._stayed = np.zeros(_BINS, dtype=np.int64)
        self._churned = np.zeros(_BINS, dtype=np.int64)
        self._log_loss = 0.0
        self._square = 0.0

    def add(self, risk: float, label: int) -> None:
        """Test one prediction."""
        place = min(int(risk * _BINS), _BINS - 1)
        (self._churned if label else self._stayed)[place] += 1
        p = min(max(risk, _EPS), 1 - _EPS)
        self._log_loss -= float(np.log(p if label else 1 - p))
        self._square += (risk - label) ** 2

    def summary(self) -> dict[str, Any]:
        """Return count, share churned, AUC, log loss and Brier score; None where not defined."""
        stayed, churned = int(self._stayed.sum()), int(self._churned.sum())
        count = stayed + churned
        auc = None
        if stayed and churned:
            below = np.cumsum(self._stayed) - self._stayed
            wins = float((self._churned * (below + self._stayed / 2)).sum())
            auc = wins / (stayed * churned)
        return {
            "count": count,
            "churned": churned / count if count else None,
            "auc": auc,
            "log_loss": self._log_loss / count if count else None,
            "brier": self._square / count if count else None,
        }

    def dump(self) -> dict[str, Any]:
        """Return everything as plain data."""
        return {
            "stayed": self._stayed.tolist(),
            "churned": self._churned.tolist(),
            "log_loss": self._log_loss,
            "square": self._square,
        }

    @classmethod
    def load(cls, data: dict[str, Any]) -> Prequential:
        """Return what `dump` wrote."""
        quality = cls()
        quality._stayed = np.array(data["stayed"], dtype=np.int64)
        quality._churned = np.array(data["churned"], dtype=np.int64)
        quality._log_loss = float(data["log_loss"])
        quality._square = float(data["square"])
        return quality
