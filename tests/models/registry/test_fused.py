"""The logistic model in one loop equals River's pipeline in every digit, wherever it came from."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river import linear_model, optim

from models.registry.fused import LEARNING_RATE, FusedLogistic
from models.registry.logistic import Glm
from tests.models.portraits import INPUTS, some_examples

NAMES = ("a", "b", "c", "d")


def glm(names: tuple[str, ...] = NAMES) -> Glm:
    return Glm(names, linear_model.LogisticRegression(optim.AdaGrad(LEARNING_RATE)), None)


def rows_of(seed: int, count: int) -> list[list[float]]:
    """Some inputs are constant, some tiny, some enormous."""
    chance = np.random.default_rng(seed)
    scale = chance.choice([0.0, 1e-9, 1.0, 1e6], len(NAMES))
    rows: list[list[float]] = (chance.normal(3.0, 1.0, (count, len(NAMES))) * scale).tolist()
    return rows


def taught(belief: Glm, rows: list[list[float]], labels: list[int], weights: list[float]) -> Glm:
    for row, label, weight in zip(rows, labels, weights, strict=True):
        belief.pipeline.learn_one(dict(zip(NAMES, row, strict=True)), bool(label), w=weight)
    return belief


@settings(max_examples=60)
@given(st.integers(0, 2**32), st.integers(0, 60), st.data())
def test_every_digit_is_rivers(seed: int, count: int, data: st.DataObject) -> None:
    rows = rows_of(seed, count)
    labels = data.draw(st.lists(st.integers(0, 1), min_size=count, max_size=count))
    weights = data.draw(
        st.lists(st.sampled_from([0.3, 1.0, 2.5, 1e4]), min_size=count, max_size=count)
    )
    belief = FusedLogistic(len(NAMES))
    for row, label, weight in zip(rows, labels, weights, strict=True):
        belief.take(row, label, weight)
    assert belief.dump() == taught(glm(), rows, labels, weights).dump()


def test_beyond_all_doubt_a_gradient_is_rivers_too() -> None:
    rows, belief = rows_of(5, 400), FusedLogistic(len(NAMES))
    belief.intercept, river = 40.0, glm()
    river.classifier.intercept = 40.0
    labels = [number % 2 for number in range(400)]
    for row, label in zip(rows, labels, strict=True):
        belief.take(row, label)
    assert belief.dump() == taught(river, rows, labels, [1.0] * 400).dump()


def test_it_goes_on_from_what_river_wrote_down_and_river_from_what_it_wrote() -> None:
    examples = some_examples()
    vectors = np.array([each.vector for each in examples], dtype=np.float32)
    taken = list(zip(INPUTS.matrix(vectors), examples, strict=True))
    river, fused = glm(INPUTS.names), FusedLogistic(len(INPUTS.names))
    for row, example in taken[:50]:
        river.learn(row, example, 1.0)
        fused.learn(row, example, 1.0)
    river_on = FusedLogistic(len(INPUTS.names), river.dump())
    fused_on = Glm(INPUTS.names, glm().classifier, fused.dump())
    for row, example in taken[50:]:
        river_on.learn(row, example, 1.0)
        fused_on.learn(row, example, 1.0)
    assert river_on.dump() == fused_on.dump()


def test_a_probability_is_rivers_before_anything_is_learnt_and_after() -> None:
    rows, labels = rows_of(7, 80), [number % 3 == 0 for number in range(80)]
    belief, river = FusedLogistic(len(NAMES)), glm()
    for row, label in zip(rows, labels, strict=True):
        x = dict(zip(NAMES, row, strict=True))
        assert belief.probability(row) == pytest.approx(
            river.pipeline.predict_proba_one(x)[True], abs=1e-9
        )
        belief.take(row, int(label))
        river.pipeline.learn_one(x, label)
