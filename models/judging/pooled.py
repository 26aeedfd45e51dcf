"""How good risks were, counted as they come: memory does not grow with their number."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from models.judging.metrics import precision_by_steps, precision_of_top

#: Bins of risk in which churners and stayers are counted: ranks are exact to their width.
BINS: Final = 10_000
#: Bins of the calibration and of its error.
CALIBRATION_BINS: Final = 20
_EPS: Final = 1e-12
_TOP: Final = 0.1

Floats = npt.NDArray[np.float64]


class Pooled:
    """The quality of many predictions together.

    Parameters
    ----------
    bins
        In so many equal bins of risk the labels are counted, for what goes by rank; log loss,
        Brier score and calibration are exact.

    Examples
    --------
    >>> quality = Pooled()
    >>> quality.add(np.array([0.1, 0.4, 0.35, 0.8]), np.array([0, 0, 1, 1]))
    >>> found = quality.summary()
    >>> found["auc"], round(found["pr_auc"], 4), found["precision_top_tenth"]
    (0.75, 0.8333, 1.0)
    """

    def __init__(self, bins: int = BINS) -> None:
        self._bins = bins
        self._stayed = np.zeros(bins, dtype=np.int64)
        self._churned = np.zeros(bins, dtype=np.int64)
        self._log_loss = 0.0
        self._square = 0.0
        #: Of each bin of the calibration: how many, their risks, and who churned.
        self._calibration = np.zeros((3, CALIBRATION_BINS))

    def add(self, risks: Floats, labels: npt.NDArray[Any]) -> None:
        """Test predictions by their labels, 1 for churned."""
        if not len(risks):
            return
        truth = labels > 0
        place = np.minimum((risks * self._bins).astype(np.int64), self._bins - 1)
        self._churned += np.bincount(place[truth], minlength=self._bins)
        self._stayed += np.bincount(place[~truth], minlength=self._bins)
        p = np.clip(risks, _EPS, 1 - _EPS)
        self._log_loss -= float(np.log(np.where(truth, p, 1 - p)).sum())
        self._square += float(((risks - truth) ** 2).sum())
        coarse = np.minimum((risks * CALIBRATION_BINS).astype(np.int64), CALIBRATION_BINS - 1)
        for row, weights in enumerate((np.ones(len(risks)), risks, truth.astype(np.float64))):
            self._calibration[row] += np.bincount(coarse, weights, minlength=CALIBRATION_BINS)

    @property
    def count(self) -> int:
        """How many predictions were tested."""
        return int(self._stayed.sum() + self._churned.sum())

    def summary(self) -> dict[str, Any]:
        """Return the metrics by name; None where one is not defined."""
        stayed, churned = int(self._stayed.sum()), int(self._churned.sum())
        count = stayed + churned
        if not count:
            nothing = (
                "churned",
                "auc",
                "pr_auc",
                "precision_top_tenth",
                "log_loss",
                "brier",
                "ece",
            )
            return {"count": 0} | dict.fromkeys(nothing)
        auc = None
        if stayed and churned:
            below = np.cumsum(self._stayed) - self._stayed
            auc = float((self._churned * (below + self._stayed / 2)).sum()) / (stayed * churned)
        # The highest risks first.
        of_risk = self._churned[::-1], (self._stayed + self._churned)[::-1]
        _, predicted, observed = self._calibration
        return {
            "count": count,
            "churned": churned / count,
            "auc": auc,
            "pr_auc": precision_by_steps(*of_risk) if churned else None,
            "precision_top_tenth": precision_of_top(*of_risk, _TOP),
            "log_loss": self._log_loss / count,
            "brier": self._square / count,
            "ece": float(np.abs(predicted - observed).sum()) / count,
        }

    def calibration(self) -> list[dict[str, float]]:
        """Return, for equal bins of risk, what was said and what came true; empty bins not."""
        return [
            {
                "low": number / CALIBRATION_BINS,
                "high": (number + 1) / CALIBRATION_BINS,
                "count": int(held),
                "predicted": predicted / held,
                "observed": observed / held,
            }
            for number, (held, predicted, observed) in enumerate(self._calibration.T.tolist())
            if held
        ]
