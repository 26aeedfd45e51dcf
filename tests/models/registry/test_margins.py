"""Margins are River's own, and become the share of those who churn at such a distance."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from river import linear_model, optim, preprocessing

from models.learning import TrainingExample, Weighing
from models.registry.folded import folded_judge
from models.registry.margins import (
    LARGEST_STEP,
    LEARNING_RATE,
    SHRINKAGE,
    PassiveAggressive,
    PlattScale,
    passive_aggressive_learner,
    svm_learner,
)
from tests.models.portraits import INPUTS, TASK, customers, some_examples

EXAMPLES = some_examples(150)
PLAIN = {
    "linear-svm": linear_model.LogisticRegression(
        optim.AdaGrad(LEARNING_RATE), loss=optim.losses.Hinge(), l2=SHRINKAGE
    ),
    "passive-aggressive": linear_model.PAClassifier(C=LARGEST_STEP),
}
LEARNERS = {"linear-svm": svm_learner, "passive-aggressive": passive_aggressive_learner}


def named(example: TrainingExample) -> dict[str, float]:
    row = INPUTS.matrix(np.array([example.vector], dtype=np.float32))[0]
    return dict(zip(INPUTS.names, row.tolist(), strict=True))


@pytest.mark.parametrize("name", PLAIN)
def test_it_learns_what_a_plain_river_pipeline_learns_in_every_digit(name: str) -> None:
    plain: Any = PLAIN[name].clone()
    river = preprocessing.StandardScaler() | plain
    for example in EXAMPLES:
        river.learn_one(named(example), bool(example.label))
    learner = LEARNERS[name](TASK, None)
    learner.learn(EXAMPLES)
    state = learner.snapshot(1, {}).state
    assert state["weights"] == [plain.weights[each] for each in INPUTS.names]
    assert state["intercept"] == plain.intercept
    assert any(state["weights"])


@pytest.mark.parametrize("name", PLAIN)
def test_the_judge_says_what_the_pipeline_says(name: str) -> None:
    learner = LEARNERS[name](TASK, None)
    learner.learn(EXAMPLES)
    fresh = customers(30, 9)
    pipeline = learner.belief.pipeline  # type: ignore[attr-defined]  # a belief of these two
    said = [
        pipeline.predict_proba_one(dict(zip(INPUTS.names, row.tolist(), strict=True)))[True]
        for row in INPUTS.matrix(fresh)
    ]
    judgement = folded_judge(TASK, learner.snapshot(1, {})).judge(fresh)
    assert judgement.risks == pytest.approx(said, abs=1e-9)
    assert np.ptp(said) > 0.1


def test_margins_become_the_odds_that_they_had() -> None:
    chance = np.random.default_rng(2)
    scale = PlattScale()
    for margin in chance.normal(0.0, 2.0, 6_000):
        risk = 1 / (1 + np.exp(-(0.4 * margin - 1.0)))
        scale.learn(float(margin), int(chance.random() < risk), 1.0)
    assert scale.slope == pytest.approx(0.4, abs=0.05)
    assert scale.shift == pytest.approx(-1.0, abs=0.12)


def test_slope_and_shift_follow_a_margin_that_changes_its_scale() -> None:
    chance = np.random.default_rng(2)
    scale = PlattScale()
    for number in range(60_000):
        stretch = 1.0 if number < 30_000 else 3.0
        logit = chance.normal(0.0, 1.5)
        label = int(chance.random() < 1 / (1 + np.exp(-logit)))
        scale.learn(stretch * logit, label, 1.0)
    assert scale.slope == pytest.approx(1 / 3, abs=0.05)


def test_an_absurd_margin_leaves_the_scale_finite() -> None:
    scale = PlattScale()
    for margin in (1e300, -1e300, 1e9, 0.0) * 50:
        scale.learn(margin, 1, 1.0)
    assert np.all(np.isfinite([scale.slope, scale.shift, *scale.spread]))


def test_a_margin_is_taken_before_its_example_is_learnt() -> None:
    learner = svm_learner(TASK, None)
    learner.learn(EXAMPLES[:1])
    state = learner.snapshot(1, {}).state
    # Nothing was known: the margin was 0, whatever the example then made of the weights.
    assert state["slope"] == 1.0
    assert state["shift"] != 0.0


def test_a_weight_multiplies_the_largest_step() -> None:
    one, other = PassiveAggressive(C=0.03), PassiveAggressive(C=0.01)
    one.learn_one({"silence": 0.5}, True)
    other.learn_one({"silence": 0.5}, True, w=3.0)
    assert one.weights == other.weights
    assert other.C == 0.01


def test_weights_reach_both_the_model_and_the_scale() -> None:
    heavy = svm_learner(TASK, None)
    heavy.weighing = Weighing(churned=3.0)
    light = svm_learner(TASK, None)
    for learner in (heavy, light):
        learner.learn(EXAMPLES)
    one, other = (learner.snapshot(1, {}).state for learner in (heavy, light))
    assert one["weights"] != other["weights"]
    assert one["shift"] != other["shift"]
