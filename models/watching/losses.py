"""When a model began to judge worse: the drift detectors, run over losses that are all known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from features import Millis
from models.watching.challenge import FLOOR, MOST
from models.watching.drift import QUIET, Adwin, PageHinkley

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class LossAlarm:
    """A detector found that the log loss had risen.

    Parameters
    ----------
    detector
        ``page_hinkley``, for slow rises, or ``adwin``, for sudden ones.
    at
        When it found out: the maturity of the prediction that made it certain, in milliseconds.
    before, after
        Mean log loss before the rise and from it on, of the predictions since the last alarm.
    """

    detector: str
    at: Millis
    before: float
    after: float


def loss_alarms(
    risks: Floats, labels: Floats, matured_at: npt.NDArray[np.int64], horizon: Millis
) -> list[LossAlarm]:
    """Return the alarms that `Watch` would have raised, in order of time.

    Parameters
    ----------
    risks, labels
        Of each prediction, in the order in which the labels became known. Risks are held within
        .01 and .99, so that no single label decides.
    matured_at
        When that was, in milliseconds.
    horizon
        H, in milliseconds: in a quarter of it a detector raises one alarm at most.

    Examples
    --------
    >>> risks, day = np.full(4_000, 0.1), 86_400_000
    >>> labels = (np.arange(4_000) % 10 < np.where(np.arange(4_000) < 2_000, 1, 5)).astype(float)
    >>> found = loss_alarms(risks, labels, np.arange(4_000) * day, 30 * day)
    >>> sorted({(each.detector, each.before < each.after) for each in found})
    [('adwin', True), ('page_hinkley', True)]
    """
    held = np.clip(risks, FLOOR, 1 - FLOOR)
    losses = -np.log(np.where(labels > 0, held, 1 - held))
    found = [*_page_hinkley(losses, matured_at), *_adwin(losses, matured_at)]
    quiet: dict[str, Millis] = {}
    told = []
    for alarm in sorted(found, key=lambda each: (each.at, each.detector)):
        if alarm.at >= quiet.get(alarm.detector, alarm.at):
            quiet[alarm.detector] = alarm.at + round(QUIET * horizon)
            told.append(alarm)
    return told


def _page_hinkley(losses: Floats, at: npt.NDArray[np.int64]) -> list[LossAlarm]:
    found = []
    detector, began, rose = PageHinkley(), 0, 0
    for place, value in enumerate(losses.tolist()):
        if detector.update(value):
            before = losses[began:rose].mean() if rose > began else detector.mean
            after = float(losses[rose : place + 1].mean())
            found.append(LossAlarm("page_hinkley", int(at[place]), float(before), after))
            detector, began, rose = PageHinkley(), place + 1, place + 1
        elif detector.sum == detector.lowest:
            # Whatever has risen, rose after this.
            rose = place + 1
    return found


def _adwin(losses: Floats, at: npt.NDArray[np.int64]) -> list[LossAlarm]:
    found = []
    detector = Adwin()
    shares: list[Any] = (losses / MOST).tolist()
    for place, value in enumerate(shares):
        if detector.update(value):
            before, after = detector.older * MOST, detector.newer * MOST
            found.append(LossAlarm("adwin", int(at[place]), before, after))
            detector = Adwin()
    return found
