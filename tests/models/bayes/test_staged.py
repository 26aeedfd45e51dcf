"""The default model learns as its stages mature, and can be cut, stored and renamed anywhere."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import DAY, Definition, build_catalogue
from models.bayes.signs import OFFSETS, SIGNS, Signs
from models.bayes.staged import StagedLearner
from models.bayes.stages import StagedJudge, for_workers
from models.learning import Snapshot, TrainingExample, Weighing, in_learning_order, sigmoid
from tests.models.portraits import CATALOGUE, customers
from tests.models.stage_examples import SIGNS_OF_SHOP, stage_examples

EXAMPLES = stage_examples(60)
FRESH = customers(40, 9)
TEN_YEARS = 3_653 * DAY


def learnt(
    examples: list[TrainingExample], snapshot: Snapshot | None = None, panel_size: int = 25
) -> StagedLearner:
    learner = StagedLearner(SIGNS_OF_SHOP, snapshot, panel_size=panel_size)
    learner.learn(examples)
    return learner


def through_json(snapshot: Snapshot) -> Snapshot:
    return msgspec.json.decode(msgspec.json.encode(snapshot), type=Snapshot)


def risks_of(learner: StagedLearner) -> list[float]:
    judge = StagedJudge.of(SIGNS_OF_SHOP, learner.snapshot(1, {}))
    found: list[float] = judge.judge(FRESH).risks.tolist()
    return found


def test_before_any_label_the_risk_is_what_the_rhythm_says() -> None:
    said = SIGNS_OF_SHOP.read(FRESH, SIGNS_OF_SHOP.kinds.at_first)
    for judge in (
        StagedJudge.untaught(SIGNS_OF_SHOP, "prior"),
        StagedJudge.of(SIGNS_OF_SHOP, StagedLearner(SIGNS_OF_SHOP).snapshot(0, {})),
    ):
        judgement = judge.judge(FRESH)
        assert judgement.risks == pytest.approx(said.silent[:, 2], rel=1e-12)
        assert judgement.stages == pytest.approx(said.hazards, rel=1e-12)


@settings(max_examples=15)
@given(st.lists(st.integers(1, len(EXAMPLES)), max_size=5))
def test_it_does_not_matter_in_which_batches_examples_come(cuts: list[int]) -> None:
    learner = StagedLearner(SIGNS_OF_SHOP, panel_size=25)
    for start, end in pairwise([0, *sorted(cuts), len(EXAMPLES)]):
        learner.learn(EXAMPLES[start:end])
    assert learner.snapshot(1, {}) == learnt(EXAMPLES).snapshot(1, {})


def test_one_by_one_is_the_same_as_all_at_once() -> None:
    learner = StagedLearner(SIGNS_OF_SHOP, panel_size=25)
    for example in EXAMPLES:
        learner.learn([example])
    assert learner.snapshot(1, {}) == learnt(EXAMPLES).snapshot(1, {})


@settings(max_examples=15)
@given(st.integers(0, len(EXAMPLES)))
def test_written_down_and_read_again_it_goes_on_as_if_it_had_never_stopped(stop: int) -> None:
    written = through_json(learnt(EXAMPLES[:stop]).snapshot(4, {"auc": 0.7}))
    resumed = learnt(EXAMPLES[stop:], written)
    assert resumed.snapshot(5, {}) == learnt(EXAMPLES).snapshot(5, {})
    assert (written.version, written.quality["auc"]) == ("bayes-4", 0.7)


def test_workers_judge_alike_with_the_part_that_is_sent_to_them() -> None:
    whole = learnt(EXAMPLES).snapshot(3, {})
    part = through_json(for_workers(whole))
    assert "panel" not in part.state
    found = StagedJudge.of(SIGNS_OF_SHOP, part).judge(FRESH)
    assert np.array_equal(found.risks, StagedJudge.of(SIGNS_OF_SHOP, whole).judge(FRESH).risks)


def test_contributions_add_up_to_the_log_odds_of_the_stages() -> None:
    judgement = StagedJudge.of(SIGNS_OF_SHOP, learnt(EXAMPLES).snapshot(1, {})).judge(FRESH)
    assert judgement.names == (*SIGNS, *OFFSETS)
    assert judgement.contributions.shape == (len(FRESH), 29)
    total = judgement.contributions.sum(axis=1) + judgement.intercept
    assert total == pytest.approx(judgement.logits.sum(axis=1), rel=1e-12, abs=1e-12)
    assert judgement.risks == pytest.approx(judgement.stages.prod(axis=1), rel=1e-12)
    assert np.ptp(judgement.contributions, axis=0).max() > 0.1


def test_the_judge_says_what_the_filters_do() -> None:
    learner = learnt(EXAMPLES)
    judgement = StagedJudge.of(SIGNS_OF_SHOP, learner.snapshot(1, {})).judge(FRESH)
    rows = SIGNS_OF_SHOP.matrix(FRESH, learner.popularity)
    for row, stages in zip(rows, judgement.stages, strict=True):
        z = learner.scaler.standardise(row)[:26]
        for stage, cut in enumerate((0.25, 0.5, 1.0)):
            known = np.array([*z, row[26 + stage], 1.0, np.exp(-cut / 3)])
            said = sigmoid(learner.filters[stage].logit(known))
            assert stages[stage] == pytest.approx(said, rel=1e-12)


@pytest.mark.parametrize("size", [1, 3])
def test_a_risk_is_the_same_whoever_else_is_judged(size: int) -> None:
    judge = StagedJudge.of(SIGNS_OF_SHOP, learnt(EXAMPLES).snapshot(1, {}))
    parts = [judge.judge(FRESH[start : start + size]).risks for start in range(0, len(FRESH), size)]
    assert np.concatenate(parts).tolist() == judge.judge(FRESH).risks.tolist()


def test_labels_are_learnt() -> None:
    stay = [msgspec.structs.replace(example, label=0) for example in EXAMPLES if example.stage == 0]
    leave = [msgspec.structs.replace(example, label=1) for example in EXAMPLES]
    none, some = (float(np.mean(risks_of(learnt(each)))) for each in (stay, leave))
    assert none < 0.6 * some


def test_the_name_of_a_customer_does_not_matter() -> None:
    renamed = in_learning_order(stage_examples(60, name="åse-"))
    assert risks_of(learnt(renamed, panel_size=99)) == pytest.approx(
        risks_of(learnt(in_learning_order(EXAMPLES), panel_size=99)), rel=1e-12
    )


def test_ten_years_later_the_same_would_be_learnt() -> None:
    later = in_learning_order(stage_examples(60, start=TEN_YEARS))
    assert risks_of(learnt(later)) == risks_of(learnt(in_learning_order(EXAMPLES)))


@settings(max_examples=10)
@given(st.permutations(EXAMPLES), st.integers(0, 5))
def test_the_learning_order_depends_on_what_is_there_and_on_the_seed_only(
    shuffled: list[TrainingExample], seed: int
) -> None:
    found = in_learning_order(shuffled, seed)
    assert found == in_learning_order(EXAMPLES, seed)
    times = [each.matured_at for each in found]
    assert times == sorted(times)
    assert found != in_learning_order(EXAMPLES, seed + 1)


def test_labels_take_over_from_the_rhythm_as_they_come() -> None:
    learner = StagedLearner(SIGNS_OF_SHOP)
    said = [learner.evidence()]
    for part in (EXAMPLES[:10], EXAMPLES[10:60], EXAMPLES[60:]):
        learner.learn(part)
        said.append(learner.evidence())
    assert said[0] == 0
    assert all(one < other < 1 for one, other in pairwise(said))
    assert learner.snapshot(1, {"auc": 0.7}).quality == {"auc": 0.7, "evidence": said[-1]}


def test_who_was_treated_teaches_nothing_unless_weighed() -> None:
    treated = [msgspec.structs.replace(example, treated=True) for example in EXAMPLES]
    learner = learnt(treated)
    assert all(belief.weights[:26].any() == np.False_ for belief in learner.filters)
    weighed = StagedLearner(SIGNS_OF_SHOP, weighing=Weighing(treated=1.0), panel_size=25)
    weighed.learn(treated)
    plain = [msgspec.structs.replace(example, treated=False) for example in EXAMPLES]
    assert risks_of(weighed) == risks_of(learnt(plain))


def test_labels_can_weigh_differently() -> None:
    def weighed(**weights: float) -> float:
        learner = StagedLearner(SIGNS_OF_SHOP, weighing=Weighing(**weights))
        learner.learn(EXAMPLES)
        return float(np.mean(risks_of(learner)))

    assert weighed(churned=3.0) > weighed() > weighed(returned=3.0)


def test_a_snapshot_counts_labels() -> None:
    snapshot = learnt(EXAMPLES).snapshot(1, {})
    said = [example for example in EXAMPLES if example.in_stage]
    assert snapshot.learnt == len(said) < len(EXAMPLES)
    assert snapshot.churned == sum(example.label for example in said)
    assert snapshot.returned == len(said) - snapshot.churned > 0


def test_a_model_of_another_shop_is_refused() -> None:
    snapshot = learnt(EXAMPLES).snapshot(1, {})
    others = (
        Signs(CATALOGUE, 28.0, 90.0),
        Signs(CATALOGUE, 30.0, 60.0),
        Signs(build_catalogue(Definition()), 30.0, 90.0),
    )
    for other in others:
        with pytest.raises(ValueError, match="bayes-1 was learnt for"):
            StagedJudge.of(other, snapshot)
        with pytest.raises(ValueError, match="learn anew"):
            StagedLearner(other, snapshot)


def test_an_example_of_other_features_is_refused_before_anything_is_learnt() -> None:
    learner = learnt(EXAMPLES)
    before = learner.snapshot(1, {})
    with pytest.raises(ValueError, match="has the features other"):
        learner.learn([EXAMPLES[0], msgspec.structs.replace(EXAMPLES[1], catalogue="other")])
    assert learner.snapshot(1, {}) == before


def test_a_sketch_is_what_the_workers_get_of_a_snapshot() -> None:
    learner = learnt(EXAMPLES)
    assert learner.sketch(3, {"auc": 0.7}) == for_workers(learner.snapshot(3, {"auc": 0.7}))
