"""The curve of silence: counted by hand, and never falling."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.registry.recency import RecencyJudge, recency_learner, rising
from tests.models.portraits import CATALOGUE, TASK, customers, examples_of

PLACE = CATALOGUE.index["recency"]


def silent_for(*days: float) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    vectors = np.repeat(customers(1, 1), len(days), axis=0)
    vectors[:, PLACE] = days
    return vectors


def test_a_step_has_its_own_share_drawn_to_the_shops() -> None:
    learner = recency_learner(TASK, None)
    # At a quarter of the horizon 4 of 20 churn, at all of it 30 of 40.
    vectors = silent_for(*[7.5] * 20, *[30.0] * 40)
    learner.learn(examples_of(vectors, [1] * 4 + [0] * 16 + [1] * 30 + [0] * 10))
    judge = RecencyJudge(TASK, learner.snapshot(1, {}))
    shop = (34 + 1) / (60 + 2)
    assert judge.judge(silent_for(7.5, 30.0)).risks == pytest.approx(
        [(4 + 10 * shop) / 30, (30 + 10 * shop) / 50]
    )


def test_who_is_silent_for_longer_is_never_at_less_risk() -> None:
    chance = np.random.default_rng(3)
    days = chance.gamma(1.0, 30.0, 400)
    labels = (chance.random(400) < 0.5).astype(int).tolist()
    learner = recency_learner(TASK, None)
    learner.learn(examples_of(silent_for(*days), labels))
    judge = RecencyJudge(TASK, learner.snapshot(1, {}))
    risks = judge.judge(silent_for(*np.linspace(0.0, 400.0, 900))).risks
    assert np.all(np.diff(risks) >= -1e-12)


def test_nothing_but_silence_is_looked_at() -> None:
    learner = recency_learner(TASK, None)
    learner.learn(examples_of(silent_for(1.0, 90.0), [0, 1]))
    judge = RecencyJudge(TASK, learner.snapshot(1, {}))
    vectors = customers(20, 4)
    vectors[:, PLACE] = 12.0
    judgement = judge.judge(vectors)
    assert np.ptp(judgement.risks) == 0.0
    assert judgement.names == ("recency",)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0.1, 10)), min_size=1, max_size=30))
def test_rising_values_keep_the_mean_and_are_no_worse_than_a_constant(
    pairs: list[tuple[float, float]],
) -> None:
    values, weights = (list(each) for each in zip(*pairs, strict=True))
    found = rising(values, weights)
    assert all(one <= other for one, other in pairwise(found))
    mean = np.average(values, weights=weights)
    assert np.average(found, weights=weights) == pytest.approx(mean)
    error = np.average((np.array(found) - values) ** 2, weights=weights)
    assert error <= np.average((mean - np.array(values)) ** 2, weights=weights) + 1e-12


def test_a_snapshot_survives_json_to_the_digit() -> None:
    learner = recency_learner(TASK, None)
    learner.learn(examples_of(silent_for(1.0, 90.0, 3.0), [0, 1, 0]))
    snapshot = learner.snapshot(1, {})
    assert msgspec.json.decode(msgspec.json.encode(snapshot.state)) == snapshot.state
