"""What a backtest found out about each model: as a whole, by month, and at each landmark."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from features import Millis, to_iso
from models.judging import (
    Pooled,
    average_precision,
    calibration_error,
    log_loss,
    precision_at,
    roc_auc,
)
from streams.replay.racing import Runner

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int8]

#: Bins in which a month's labels are counted; there are many months.
_MONTHLY_BINS: Final = 2_000
#: Means over the landmarks; all else is pooled.
_BY_LANDMARK: Final = ("auc", "pr_auc", "precision_top_tenth")


class Scoreboard:
    """The quality of each model, as labels become known.

    Parameters
    ----------
    names
        The models.
    landmarks
        Whether ranks are compared at each landmark, and not over all time.
    """

    def __init__(self, names: Sequence[str], *, landmarks: bool) -> None:
        self._names = tuple(names)
        self._landmarks = landmarks
        self._whole = [Pooled() for _ in names]
        self._months: list[dict[str, Pooled]] = [{} for _ in names]
        self._standings: list[list[dict[str, Any]]] = [[] for _ in names]
        self._looks: list[list[dict[str, Any]]] = [[] for _ in names]

    def add(self, model: int, at: npt.NDArray[np.int64], risks: Floats, labels: Labels) -> None:
        """Test predictions of a model, made at times in milliseconds, by their labels."""
        self._whole[model].add(risks, labels)
        if self._landmarks:
            return
        months = at.astype("datetime64[ms]").astype("datetime64[M]")
        for month in np.unique(months):
            quality = self._months[model].setdefault(str(month), Pooled(_MONTHLY_BINS))
            of_month = months == month
            quality.add(risks[of_month], labels[of_month])

    def add_look(
        self, model: int, at: Millis, risks: Floats, labels: Labels, standing: dict[str, Any]
    ) -> None:
        """Compare the ranks of all customers of a landmark."""
        truth = labels.astype(np.float64)
        whole = len(risks) > 0
        found = {
            "at": to_iso(at),
            "count": len(risks),
            "churned": float(truth.mean()) if whole else None,
            "auc": _defined(roc_auc(risks, truth)) if whole else None,
            "pr_auc": _defined(average_precision(risks, truth)) if whole else None,
            "precision_top_tenth": precision_at(risks, truth) if whole else None,
            "log_loss": log_loss(risks, truth) if whole else None,
            "brier": float(np.mean((risks - truth) ** 2)) if whole else None,
            "ece": calibration_error(risks, truth) if whole else None,
        }
        self._looks[model].append(found | standing)

    def note(self, month: str, runners: Sequence[Runner]) -> None:
        """Note how far each model had come at the end of a month."""
        for standings, runner in zip(self._standings, runners, strict=True):
            standings.append({"month": month} | standing_of(runner))

    def summary(self) -> list[dict[str, Any]]:
        """Return what there is to say of each model, by name."""
        return [self._summary_of(place, name) for place, name in enumerate(self._names)]

    def _summary_of(self, place: int, name: str) -> dict[str, Any]:
        whole = self._whole[place]
        found: dict[str, Any] = {"model": name} | whole.summary()
        if self._landmarks:
            looks = self._looks[place]
            found |= {metric: _mean(looks, metric) for metric in _BY_LANDMARK}
            found |= {"calibration": whole.calibration(), "landmarks": looks}
        else:
            months = sorted(self._months[place].items())
            found |= {
                "calibration": whole.calibration(),
                "months": [{"month": month} | each.summary() for month, each in months],
                "evidence": self._standings[place],
            }
        return found


def standing_of(runner: Runner) -> dict[str, Any]:
    """Return how far a model has come: examples learnt, and how far labels count by now."""
    return {"learnt": runner.learnt, "evidence": runner.evidence()}


def _defined(value: float) -> float | None:
    return None if isnan(value) else value


def _mean(looks: Sequence[dict[str, Any]], metric: str) -> float | None:
    values = [look[metric] for look in looks if look[metric] is not None]
    return float(np.mean(values)) if values else None
