"""The slow, obvious landmark benchmark: each customer's events gone through again and again.

Everything is offline here: who was eligible when, what was known of them, and when they came back
is worked out first, from all events; the models then go from landmark to landmark.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features import Catalogue, CustomerState, Definition, Event, Millis
from models.learning import CUTS, LAST, NOT_YET, TrainingExample, in_learning_order
from models.registry import REGISTRY, Task, judge_of

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Landmark:
    """Everybody who was eligible at a time, and how long they then stayed away, in milliseconds."""

    at: Millis
    users: list[str]
    vectors: npt.NDArray[np.float32]
    away: Floats


def portraits(
    definition: Definition, catalogue: Catalogue, events: Sequence[Event], times: Sequence[Millis]
) -> list[Landmark]:
    """Return what was known at each time, and what then happened."""
    found = []
    for at in times:
        users, vectors, away = [], [], []
        for user in dict.fromkeys(event.user_id for event in events):
            mine = [event for event in events if event.user_id == user]
            counting = [e.at for e in mine if definition.counts_as_activity(e.type)]
            if not any(at - definition.active <= time < at for time in counting):
                continue
            state = CustomerState(definition)
            for event in mine:
                if event.at < at:
                    _fire(state, event.at)
                    state.apply(event)
            _fire(state, at)
            users.append(user)
            vectors.append(catalogue.vector(state, at))
            away.append(min((time - at for time in counting if time >= at), default=np.inf))
        table = np.array(vectors, dtype=np.float32).reshape(len(users), len(catalogue.names))
        found.append(Landmark(at, users, table, np.array(away, dtype=np.float64)))
    return found


def _fire(state: CustomerState, at: Millis) -> None:
    while state.due() <= at:
        state.fire()


def matured(landmark: Landmark, horizon: Millis, catalogue: Catalogue) -> list[TrainingExample]:
    """Return the examples that a landmark becomes."""
    examples = []
    for place, user in enumerate(landmark.users):
        away = landmark.away[place]
        returned_in = next((n for n, cut in enumerate(CUTS) if away < cut * horizon), NOT_YET)
        for stage, cut in enumerate(CUTS):
            if returned_in >= stage or stage == LAST:
                examples.append(
                    TrainingExample(
                        example_id=f"{user}-{landmark.at}-{stage}",
                        user_id=user,
                        at=landmark.at,
                        matured_at=landmark.at + round(cut * horizon),
                        cause="landmark",
                        label=int(away >= cut * horizon),
                        risk=0.5,
                        model_version="",
                        treated=False,
                        catalogue=catalogue.fingerprint,
                        vector=landmark.vectors[place].tolist(),
                        stage=stage,
                        returned_in=returned_in if returned_in <= stage else NOT_YET,
                    )
                )
    return examples


def race(
    name: str, task: Task, horizon: Millis, landmarks: Sequence[Landmark], *, warmup: int, seed: int
) -> list[Floats]:
    """Return the risks of a model at each landmark."""
    learner = REGISTRY[name].learner(task, None)
    waiting: list[TrainingExample] = []
    risks = []
    for landmark in landmarks:
        ready = [each for each in waiting if each.matured_at <= landmark.at]
        waiting = [each for each in waiting if each.matured_at > landmark.at]
        for block in sorted({(each.matured_at, each.stage) for each in ready}):
            of_block = [each for each in ready if (each.matured_at, each.stage) == block]
            learner.learn(in_learning_order(of_block, seed))
        judge = judge_of(task, learner.snapshot(1, {}), warmup)
        some = len(landmark.users) > 0
        risks.append(judge.judge(landmark.vectors).risks if some else np.zeros(0))
        waiting += matured(landmark, horizon, task.catalogue)
    return risks
