"""The logistic model is River's own, in every digit, and survives being written down."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river import linear_model, optim, preprocessing

from features import DAY, Definition, build_catalogue
from models.learning import Snapshot, TrainingExample, Weighing
from models.registry.folded import folded_judge
from models.registry.inputs import Inputs
from models.registry.logistic import LogisticLearner
from tests.models.portraits import CATALOGUE, INPUTS, TASK, customers, some_examples

EXAMPLES = some_examples()
FRESH = customers(40, 9)


def plain_river(examples: list[TrainingExample]) -> Any:
    """Return River's pipeline as its documentation would have it, fed the same dictionaries."""
    model = preprocessing.StandardScaler() | linear_model.LogisticRegression(optim.AdaGrad(0.05))
    for example in examples:
        row = INPUTS.matrix(np.array([example.vector], dtype=np.float32))[0].tolist()
        model.learn_one(dict(zip(INPUTS.names, row, strict=True)), bool(example.label))
    return model


def learnt(examples: list[TrainingExample]) -> LogisticLearner:
    learner = LogisticLearner(INPUTS)
    learner.learn(examples)
    return learner


def through_json(snapshot: Snapshot) -> Snapshot:
    return msgspec.json.decode(msgspec.json.encode(snapshot), type=Snapshot)


def test_it_learns_what_a_plain_river_pipeline_learns_in_every_digit() -> None:
    river = plain_river(EXAMPLES)["LogisticRegression"]
    ours = learnt(EXAMPLES).classifier
    assert dict(ours.weights) == dict(river.weights)
    assert ours.intercept == river.intercept
    assert any(river.weights.values())


@settings(max_examples=15)
@given(st.lists(st.integers(1, len(EXAMPLES)), max_size=5))
def test_it_does_not_matter_in_which_batches_examples_come(cuts: list[int]) -> None:
    learner = LogisticLearner(INPUTS)
    places = [0, *sorted(cuts), len(EXAMPLES)]
    for start, end in pairwise(places):
        learner.learn(EXAMPLES[start:end])
    assert learner.snapshot(1, {}) == learnt(EXAMPLES).snapshot(1, {})


@settings(max_examples=15)
@given(st.integers(0, len(EXAMPLES)))
def test_written_down_and_read_again_it_goes_on_as_if_it_had_never_stopped(stop: int) -> None:
    written = through_json(learnt(EXAMPLES[:stop]).snapshot(4, {"auc": 0.7}))
    resumed = LogisticLearner(INPUTS, written)
    resumed.learn(EXAMPLES[stop:])
    assert resumed.snapshot(5, {}) == learnt(EXAMPLES).snapshot(5, {})
    assert (written.version, written.quality) == ("logistic-4", {"auc": 0.7})


def test_a_snapshot_counts_labels() -> None:
    snapshot = learnt(EXAMPLES).snapshot(1, {})
    churned = sum(example.label for example in EXAMPLES)
    assert (snapshot.learnt, snapshot.churned) == (len(EXAMPLES), churned)
    assert snapshot.returned == len(EXAMPLES) - churned > 0


@pytest.mark.parametrize("count", [1, 2, 80])
def test_the_judge_says_what_river_says(count: int) -> None:
    river = plain_river(EXAMPLES[:count])
    judge = folded_judge(TASK, through_json(learnt(EXAMPLES[:count]).snapshot(1, {})))
    rows = INPUTS.matrix(FRESH)
    expected = [
        river.predict_proba_one(dict(zip(INPUTS.names, row.tolist(), strict=True)))[True]
        for row in rows
    ]
    assert judge.judge(FRESH).risks == pytest.approx(expected, abs=1e-9)


def test_contributions_and_the_intercept_are_the_logit() -> None:
    judgement = folded_judge(TASK, learnt(EXAMPLES).snapshot(7, {})).judge(FRESH)
    logits = judgement.contributions.sum(axis=1) + judgement.intercept
    assert np.log(judgement.risks / (1 - judgement.risks)) == pytest.approx(logits, abs=1e-9)
    assert judgement.contributions.shape == (len(FRESH), len(judgement.names))
    assert judgement.names == INPUTS.names
    assert judgement.version == "logistic-7"


@settings(max_examples=30)
@given(st.floats(-1e9, 1e9), st.integers(0, len(CATALOGUE.names) - 1))
def test_a_risk_is_a_probability_however_far_out_a_customer_lies(value: float, place: int) -> None:
    judge = folded_judge(TASK, learnt(EXAMPLES).snapshot(1, {}))
    vectors = FRESH[:3].copy()
    vectors[:, place] = abs(value) if CATALOGUE.names[place] != "spent" else value
    risks = judge.judge(vectors).risks
    assert np.all((risks > 0) & (risks < 1))


def test_a_weight_counts_as_rivers_does() -> None:
    learner = LogisticLearner(INPUTS, weighing=Weighing(churned=2.5))
    learner.learn(EXAMPLES)
    model = preprocessing.StandardScaler() | linear_model.LogisticRegression(optim.AdaGrad(0.05))
    for example in EXAMPLES:
        row = INPUTS.matrix(np.array([example.vector], dtype=np.float32))[0].tolist()
        x = dict(zip(INPUTS.names, row, strict=True))
        model.learn_one(x, bool(example.label), w=2.5 if example.label else 1.0)
    assert dict(learner.classifier.weights) == dict(model["LogisticRegression"].weights)


def test_an_example_of_another_catalogue_is_refused_and_nothing_of_its_batch_is_learnt() -> None:
    alien = msgspec.structs.replace(EXAMPLES[1], example_id="alien", catalogue="other")
    learner = LogisticLearner(INPUTS)
    with pytest.raises(ValueError, match="example alien has the features other"):
        learner.learn([EXAMPLES[0], alien])
    assert learner.snapshot(0, {}) == LogisticLearner(INPUTS).snapshot(0, {})


def test_a_horizon_is_part_of_what_was_learnt() -> None:
    longer = Definition(horizon=90 * DAY)
    inputs = Inputs(build_catalogue(longer), longer.horizon_days)
    assert LogisticLearner(inputs).snapshot(0, {}).horizon_days == 90.0
