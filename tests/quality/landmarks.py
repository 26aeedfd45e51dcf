"""The landmark benchmark: judge everybody at set times, and learn what has matured by then.

t is the end of a calendar day; events before t are known. Eligible is who did something that
counts in [t - A, t); churned is who then does nothing that counts in [t, t + H). ROC AUC, PR AUC
and precision in the top tenth are means over the landmarks scored; log loss, Brier score and
calibration error (20 bins) are pooled.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from features import DAY, Catalogue, CustomerState, Event, Millis, build_catalogue
from models.judging import calibration_error, log_loss, roc_auc
from models.learning.kinds import CUTS
from models.learning.signs import Signs
from models.learning.staged import StagedLearner, in_learning_order
from models.learning.stages import StagedJudge
from tests.quality.shops import Shop

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Landmark:
    """Everybody who was eligible at a time.

    Parameters
    ----------
    at
        The time.
    users, vectors
        Who, and what the catalogue said of them.
    away
        Milliseconds until the next activity that counts; infinite where none is known.
    """

    at: Millis
    users: list[str]
    vectors: npt.NDArray[np.float32]
    away: Floats


@dataclass(frozen=True, slots=True)
class Matured:
    """An example of one stage."""

    user_id: str
    at: Millis
    matured_at: Millis
    stage: int
    label: int
    treated: bool
    catalogue: str
    vector: Any


@dataclass(frozen=True)
class Scores:
    """How good the risks were."""

    auc: float
    pr_auc: float
    log_loss: float
    ece: float
    brier: float
    top_tenth: float


def portraits(shop: Shop, catalogue: Catalogue) -> list[Landmark]:
    """Return what was known at each landmark, and what then happened."""
    users: list[list[str]] = [[] for _ in shop.landmarks]
    vectors: list[list[Any]] = [[] for _ in shop.landmarks]
    away: list[list[float]] = [[] for _ in shop.landmarks]
    for user, events in shop.events.items():
        for place, vector, wait in _looks(shop, catalogue, events):
            users[place].append(user)
            vectors[place].append(vector)
            away[place].append(wait)
    shape = (-1, len(catalogue.names))
    tables = [np.array(each, dtype=np.float32).reshape(shape) for each in vectors]
    return [
        Landmark(at, users[n], tables[n], np.array(away[n], dtype=np.float64))
        for n, at in enumerate(shop.landmarks)
    ]


def _looks(shop: Shop, catalogue: Catalogue, events: list[Event]) -> list[tuple[int, Any, float]]:
    definition = shop.definition
    counting = [event.at for event in events if definition.counts_as_activity(event.type)]
    state = CustomerState(definition)
    done = 0
    found = []
    for place, at in enumerate(shop.landmarks):
        while done < len(events) and events[done].at < at:
            event = events[done]
            _fire(state, event.at)
            state.apply(event)
            done += 1
        # [t - A, t): the first moment counts, which `is_active` leaves out.
        if state.last_activity < 0 or at - state.last_activity > definition.active:
            continue
        _fire(state, at)
        following = next((time for time in counting if time >= at), None)
        wait = float("inf") if following is None else float(following - at)
        found.append((place, catalogue.vector(state, at), wait))
    return found


def _fire(state: CustomerState, at: Millis) -> None:
    while state.due() <= at:
        state.fire()


def matured(landmark: Landmark, horizon: Millis, catalogue: Catalogue) -> list[list[Matured]]:
    """Return the examples that a landmark becomes, by stage."""
    stages = []
    start = 0
    for stage, cut in enumerate(CUTS):
        end = round(cut * horizon)
        stages.append(
            [
                Matured(
                    user_id=landmark.users[place],
                    at=landmark.at,
                    matured_at=landmark.at + end,
                    stage=stage,
                    label=int(landmark.away[place] >= end),
                    treated=False,
                    catalogue=catalogue.fingerprint,
                    vector=landmark.vectors[place],
                )
                for place in np.flatnonzero(landmark.away >= start)
            ]
        )
        start = end
    return stages


Judging = Callable[[Landmark], Floats]


def race(shop: Shop, landmarks: list[Landmark], seed: int = 0) -> list[Floats]:
    """Return the risks of the default model at each landmark, in one pass."""
    catalogue = build_catalogue(shop.definition)
    horizon = shop.definition.horizon
    signs = Signs(catalogue, horizon / DAY, shop.definition.active / DAY)
    learner = StagedLearner(signs)
    waiting: list[tuple[Millis, int, list[Matured]]] = []
    risks = []
    for landmark in landmarks:
        ready = sorted(
            (each for each in waiting if each[0] <= landmark.at), key=lambda each: each[:2]
        )
        waiting = [each for each in waiting if each[0] > landmark.at]
        for _, _, examples in ready:
            learner.learn(in_learning_order(examples, seed))
        judge = StagedJudge.of(signs, learner.snapshot(1, {}))
        risks.append(judge.judge(landmark.vectors).risks)
        for stage, examples in enumerate(matured(landmark, horizon, catalogue)):
            if examples:
                waiting.append((examples[0].matured_at, stage, examples))
    return risks


def score(shop: Shop, landmarks: list[Landmark], risks: list[Floats]) -> Scores:
    """Return how good risks were, as the benchmark defines it."""
    horizon = shop.definition.horizon
    scored = [
        (risk, (landmark.away >= horizon).astype(np.float64))
        for landmark, risk in zip(landmarks, risks, strict=True)
        if landmark.at >= shop.score_from
    ]
    all_risks = np.concatenate([risk for risk, _ in scored])
    all_labels = np.concatenate([label for _, label in scored])
    return Scores(
        auc=float(np.mean([roc_auc(*each) for each in scored])),
        pr_auc=float(np.mean([average_precision(*each) for each in scored])),
        log_loss=log_loss(all_risks, all_labels),
        ece=calibration_error(all_risks, all_labels, 20),
        brier=float(np.mean((all_risks - all_labels) ** 2)),
        top_tenth=float(np.mean([precision_of_top(*each) for each in scored])),
    )


def average_precision(risks: Floats, labels: Floats) -> float:
    """Return the area under the precision-recall curve, by its steps."""
    order = np.argsort(-risks, kind="stable")
    risks, labels = risks[order], labels[order]
    hits = np.cumsum(labels)
    # Of equal risks only the last is a place to cut.
    ends = np.append(np.flatnonzero(np.diff(risks)), len(risks) - 1)
    precision = hits[ends] / (ends + 1)
    recall = hits[ends] / hits[-1]
    return float(np.sum(np.diff(recall, prepend=0.0) * precision))


def precision_of_top(risks: Floats, labels: Floats, share: float = 0.1) -> float:
    """Return the share of churners among those of the highest risks."""
    count = max(round(share * len(risks)), 1)
    return float(labels[np.argsort(-risks, kind="stable")[:count]].mean())
