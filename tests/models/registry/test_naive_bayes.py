"""Naive Bayes says what its two bells say, and no more than it can know."""

from __future__ import annotations

from math import log

import numpy as np
import pytest
from river import naive_bayes

from models.registry.gaussians import STEEPEST, NaiveJudge
from models.registry.naive_bayes import CautiousGaussianNB, naive_learner
from tests.models.portraits import INPUTS, TASK, customers, some_examples


def test_the_judge_says_what_the_pipeline_says_and_adds_it_up() -> None:
    learner = naive_learner(TASK, None)
    learner.learn(some_examples(150))
    fresh = customers(40, 9)
    pipeline = learner.belief.pipeline  # type: ignore[attr-defined]  # this belief has one
    said = [
        pipeline.predict_proba_one(dict(zip(INPUTS.names, row.tolist(), strict=True)))[True]
        for row in INPUTS.matrix(fresh)
    ]
    judgement = NaiveJudge(TASK, learner.snapshot(1, {})).judge(fresh)
    assert judgement.risks == pytest.approx(said, abs=1e-9)
    logits = judgement.contributions.sum(axis=1) + judgement.intercept
    assert logits == pytest.approx(np.log(judgement.risks / (1 - judgement.risks)), abs=1e-9)
    assert np.abs(logits).max() == pytest.approx(STEEPEST)


def test_where_bells_are_wide_and_data_are_many_it_is_rivers_own() -> None:
    chance = np.random.default_rng(1)
    ours, theirs = CautiousGaussianNB(), naive_bayes.GaussianNB()
    for _ in range(2_000):
        label = bool(chance.random() < 0.4)
        x = {name: float(chance.normal(0.5 * label, 1.0)) for name in "ab"}
        ours.learn_one(x, label)
        theirs.learn_one(x, label)
    for x in ({"a": 0.3, "b": -0.4}, {"a": 2.0, "b": 1.0}):
        expected = theirs.predict_proba_one(x)[True]
        assert ours.predict_proba_one(x)[True] == pytest.approx(expected, abs=1e-3)


def test_two_examples_are_one_of_twice_the_weight() -> None:
    one, other = CautiousGaussianNB(), CautiousGaussianNB()
    for value, label in ((1.0, True), (3.0, True), (0.0, False), (0.5, False)):
        one.learn_one({"silence": value}, label, w=2.0)
        for _ in range(2):
            other.learn_one({"silence": value}, label)
    for value in (-1.0, 0.7, 2.0):
        x = {"silence": value}
        assert one.predict_proba_one(x) == pytest.approx(other.predict_proba_one(x))


def test_what_never_varied_among_those_who_left_does_not_rule_leaving_out() -> None:
    model = CautiousGaussianNB()
    for number in range(200):
        model.learn_one({"orders": 1.0 if number % 2 else number / 100}, bool(number % 2))
    # River's own gives a bell without width no chance anywhere.
    assert model.predict_proba_one({"orders": 1.0})[True] > 0.5


def test_it_is_never_surer_than_one_in_a_hundred() -> None:
    model = CautiousGaussianNB()
    for number in range(100):
        label = bool(number % 2)
        model.learn_one({f"{place}": 5.0 * label + number % 3 for place in range(20)}, label)
    risk = model.predict_proba_one({f"{place}": 5.0 for place in range(20)})[True]
    assert log(risk / (1 - risk)) == pytest.approx(STEEPEST)
