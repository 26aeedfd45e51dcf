"""Batch models are retrained on what had matured, and tried out on nothing that came later."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features import DAY
from models.learning import Floats, Snapshot, TrainingExample
from models.registry.batch import BatchJudge, BatchLearner, Predict, Rows, Train, _library, folds
from models.registry.plain import MissingLibrary
from models.registry.registry import judge_of
from tests.models.portraits import TASK, customers, examples_of


@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(1, 20)), min_size=1, max_size=60),
    st.integers(1, 4),
)
def test_what_tests_was_looked_at_when_all_that_teaches_had_matured(
    times: list[tuple[int, int]], count: int
) -> None:
    looked = np.array([at for at, _ in times])
    matured = looked + np.array([wait for _, wait in times])
    found = folds(looked, matured, count)
    assert len(found) <= count
    tested: list[int] = []
    for teaches, tests in found:
        assert matured[teaches].max() <= looked[tests].min()
        tested += tests.tolist()
    assert len(set(tested)) == len(tested)


class Spy:
    """Says one risk, and notes what it was trained on."""

    def __init__(self, risk: float) -> None:
        self.risk = risk
        self.sizes: list[int] = []

    def __call__(self, rows: Rows, labels: Floats, weights: Floats) -> Predict:
        self.sizes.append(len(rows))
        return lambda fresh: np.full(len(fresh), self.risk)


def some(count: int, first_day: int = 0) -> list[TrainingExample]:
    """Return examples a day apart, three of four of them churned."""
    vectors = np.repeat(customers(1, 1), count, axis=0)
    found = examples_of(vectors, [int(place % 4 > 0) for place in range(count)])
    return [msgspec.structs.replace(each, at=each.at + first_day * DAY) for each in found]


def learner_with(settings: Sequence[Train]) -> BatchLearner:
    return BatchLearner("batch-forest", TASK, settings)


def test_the_setting_that_predicts_best_is_taken_and_trained_on_everything() -> None:
    bad, good = Spy(0.3), Spy(0.75)
    learner = learner_with([bad, good])
    learner.learn(some(400))
    judge = BatchJudge(TASK, learner.snapshot(1, {}))
    assert judge.judge(customers(5, 2)).risks == pytest.approx(0.75)
    assert good.sizes[-1] == 400
    assert all(size < 400 for size in bad.sizes)


def test_settings_are_tried_again_only_when_there_is_twice_as_much() -> None:
    spies = Spy(0.5), Spy(0.75)
    learner = learner_with(spies)
    learner.learn(some(400))
    learner.snapshot(1, {})
    tried = len(spies[0].sizes)
    learner.learn(some(100))
    learner.snapshot(2, {})
    assert (len(spies[0].sizes), spies[1].sizes[-1]) == (tried, 500)
    learner.learn(some(300))
    learner.snapshot(3, {})
    assert len(spies[0].sizes) > tried


def test_while_there_is_too_little_to_try_out_the_first_setting_stands() -> None:
    first, other = Spy(0.4), Spy(0.75)
    learner = learner_with([first, other])
    learner.learn(some(40))
    judge = BatchJudge(TASK, learner.snapshot(1, {}))
    assert judge.judge(customers(2, 2)).risks == pytest.approx(0.4)
    assert other.sizes == []


def test_of_one_label_only_nothing_is_trained_and_the_prior_judges() -> None:
    spy = Spy(0.5)
    learner = learner_with([spy])
    learner.learn([each for each in some(40) if each.label])
    snapshot = learner.snapshot(1, {})
    assert (snapshot.learnt, snapshot.returned, spy.sizes) == (30, 0, [])
    assert judge_of(TASK, snapshot, 0).version == "prior"


def test_certainty_is_held_within_bounds() -> None:
    learner = learner_with([Spy(1.0)])
    learner.learn(some(40))
    risks = BatchJudge(TASK, learner.snapshot(1, {})).judge(customers(2, 2)).risks
    assert np.all(risks < 1)


def test_it_cannot_be_written_down_and_what_was_read_judges_nobody() -> None:
    learner = learner_with([Spy(0.5)])
    learner.learn(some(40))
    snapshot = learner.snapshot(7, {})
    with pytest.raises(TypeError):
        msgspec.json.encode(snapshot)
    bare = msgspec.structs.replace(snapshot, state={})
    read = msgspec.json.decode(msgspec.json.encode(bare), type=Snapshot)
    with pytest.raises(ValueError, match="batch-forest-7 judges only where it was trained"):
        judge_of(TASK, read, 0)


def test_a_library_that_is_missing_is_named_with_how_to_bring_it() -> None:
    with pytest.raises(MissingLibrary, match=r"batch-x needs nowhere: pip install 'ebbtide\[batch"):
        _library("nowhere.to.be_found", "batch-x")
