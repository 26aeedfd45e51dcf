"""Judges for the pipeline: the prior, one that has learnt, and one that says what it is told."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from models.learning import Judge, Judgement, TrainingExample
from models.registry import REGISTRY, prior_judge
from streams.composition import task_of
from streams.pipeline import Shop


def prior_of(shop: Shop) -> Judge:
    return prior_judge(task_of(shop))


def taught(shop: Shop) -> Judge:
    """Return a logistic model that has learnt something, so that every input has a weight."""
    task = task_of(shop)
    learner = REGISTRY["logistic"].learner(task, None)
    chance = np.random.default_rng(5)
    learner.learn(
        [
            TrainingExample(
                example_id=str(number),
                user_id="x",
                at=0,
                matured_at=1,
                cause="silence",
                label=int(number % 2),
                risk=0.5,
                model_version="prior",
                treated=False,
                catalogue=shop.catalogue.fingerprint,
                vector=chance.gamma(
                    0.5, 10.0 * (1 + number % 2), len(shop.catalogue.names)
                ).tolist(),
            )
            for number in range(60)
        ]
    )
    return REGISTRY["logistic"].judge(task, learner.snapshot(1, {}))


class Told:
    """A judge that says what it was told to, decision point after decision point."""

    version = "told"

    def __init__(self, risk: float) -> None:
        self.risk = risk

    def judge(self, vectors: npt.NDArray[np.float32]) -> Judgement:
        count = len(vectors)
        return Judgement(
            np.full(count, self.risk), np.zeros((count, 1)), 0.0, ("renewal",), self.version
        )


JUDGES = st.sampled_from([prior_of, taught])
