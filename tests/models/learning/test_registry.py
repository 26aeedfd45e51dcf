"""Who judges: the prior until enough has been learnt, then the model of the snapshot."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from models.learning import PRIOR, REGISTRY, Snapshot, judge_of
from tests.models.portraits import INPUTS, customers, some_examples


def snapshot_of(count: int) -> Snapshot:
    learner = REGISTRY["logistic"].learner(INPUTS, None)
    learner.learn(some_examples(count))
    return learner.snapshot(2, {})


SNAPSHOT = snapshot_of(60)


def test_before_anything_is_learnt_the_prior_judges() -> None:
    assert judge_of(INPUTS, None, 0).version == PRIOR


def test_the_model_takes_over_when_it_has_learnt_enough_and_not_before() -> None:
    assert judge_of(INPUTS, SNAPSHOT, 61).version == PRIOR
    assert judge_of(INPUTS, SNAPSHOT, 60).version == "logistic-2"
    assert judge_of(INPUTS, SNAPSHOT, 0).version == "logistic-2"


@pytest.mark.parametrize("missing", ["returned", "churned"])
def test_a_model_that_knows_one_label_only_judges_nobody(missing: str) -> None:
    snapshot = msgspec.structs.replace(SNAPSHOT, **{missing: 0})
    assert judge_of(INPUTS, snapshot, 0).version == PRIOR


def test_an_unknown_model_is_named_with_those_that_are_known() -> None:
    snapshot = msgspec.structs.replace(SNAPSHOT, name="oracle")
    with pytest.raises(ValueError, match="unknown model 'oracle'; known are logistic"):
        judge_of(INPUTS, snapshot, 0)


def test_the_prior_is_one_reason_that_is_its_whole_logit() -> None:
    vectors = customers(20, 4)
    judgement = judge_of(INPUTS, None, 0).judge(vectors)
    logits = judgement.contributions.sum(axis=1) + judgement.intercept
    assert judgement.names == ("renewal",)
    assert judgement.risks == pytest.approx(INPUTS.prior(vectors), abs=0)
    assert 1 / (1 + np.exp(-logits)) == pytest.approx(judgement.risks, abs=1e-12)


def test_every_model_of_the_registry_says_what_it_is() -> None:
    assert all(entry.meaning for entry in REGISTRY.values())
