"""The three estimators keep River's conventions, and their pipeline is the learner's arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from models.bayes.estimators import ClippedScaler, RecursiveBayesLogistic, RenewalSigns, pipeline
from models.bayes.staged import StagedLearner
from models.bayes.stages import StagedJudge
from tests.models.portraits import CATALOGUE, customers
from tests.models.river_checks import all_checks
from tests.models.stage_examples import SIGNS_OF_SHOP, stage_examples

ESTIMATORS = (
    RenewalSigns(),
    ClippedScaler(),
    RecursiveBayesLogistic(),
    ClippedScaler() | RecursiveBayesLogistic(),
    pipeline(30.0, 90.0, stage=1, panel=50),
)


@pytest.mark.parametrize(("model", "check"), list(all_checks(ESTIMATORS)))
def test_river_finds_nothing_amiss(model: Any, check: Callable[[Any], None]) -> None:
    check(model.clone())


def test_the_pipeline_of_a_stage_learns_what_the_learner_does() -> None:
    examples = [
        each for each in stage_examples(60, one_block=True) if each.stage == 0 and not each.treated
    ]
    river = pipeline(30.0, 90.0, stage=0, panel=0)
    for example in examples:
        row = dict(zip(CATALOGUE.names, example.vector, strict=True))
        river.learn_one(row, example.label, t=example.matured_at / 86_400_000)
    learner = StagedLearner(SIGNS_OF_SHOP)
    learner.learn(examples)

    fresh = customers(20, 4)
    judged = StagedJudge.of(SIGNS_OF_SHOP, learner.snapshot(1, {})).judge(fresh).stages[:, 0]

    said = [
        river.predict_proba_one(dict(zip(CATALOGUE.names, row.tolist(), strict=True)))[True]
        for row in fresh
    ]
    assert said == pytest.approx(judged, rel=1e-9)
    assert np.ptp(said) > 0.1
