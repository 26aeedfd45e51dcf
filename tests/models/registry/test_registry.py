"""What every model of the registry keeps to, whatever it believes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import msgspec
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings

from features import DAY, Definition, build_catalogue
from models.judging import Explainer, roc_auc
from models.learning import NOT_YET, PRIOR, Judge, Learner, Snapshot, TrainingExample, Weighing
from models.registry.registry import REGISTRY, judge_of
from models.registry.task import Task
from tests.models.portraits import (
    CATALOGUE,
    LIMIT,
    TASK,
    customers,
    examples_of,
    some_examples,
    vectors_within,
)

ALL = list(REGISTRY)
LIVE = [name for name, entry in REGISTRY.items() if entry.live]
PLAIN = [name for name in LIVE if not REGISTRY[name].stages]
#: It looks at no labels, so their weights have nothing to act on.
LABELLED = [name for name in ALL if name != "bgnbd"]
#: River's detectors are started anew when a model is read again.
DETECTORS = {"hoeffding-adaptive-tree", "adaptive-random-forest"}
FRESH = customers(60, 9)


#: A Hoeffding tree is not sure before it has seen a few thousand examples.
BLOCKS = dict.fromkeys(ALL, 3) | {"hoeffding-tree": 20, "hoeffding-adaptive-tree": 20}


@cache
def planted(blocks: int) -> tuple[TrainingExample, ...]:
    """Return two hundred customers a block, of whom those who are silent for long churn."""
    vectors = customers(200, 5)
    chance = np.random.default_rng(3)
    silent = vectors[:, CATALOGUE.index["recency"]]
    far = silent > np.median(silent)
    found = []
    for block in range(blocks):
        labels = [int(away ^ (chance.random() < 0.1)) for away in far]
        found += [
            msgspec.structs.replace(
                each,
                example_id=f"{block}.{each.example_id}",
                at=block * DAY,
                matured_at=(block + 30) * DAY,
                # The last stage has a label for those who came back in it, and not before.
                returned_in=NOT_YET if each.label else 2,
            )
            for each in examples_of(vectors, labels)
        ]
    return tuple(found)


def fresh_learner(name: str, task: Task = TASK) -> Learner:
    for module in REGISTRY[name].needs:
        pytest.importorskip(module)
    return REGISTRY[name].learner(task, None)


def taught_anew(name: str, blocks: int, weighing: Weighing) -> Learner:
    learner = fresh_learner(name, replace(TASK, weighing=weighing))
    learner.learn(planted(blocks))
    return learner


taught_once = cache(taught_anew)


def taught(name: str, blocks: int = 3, weighing: Weighing | None = None) -> Learner:
    """Return a learner that nobody may teach any more: others look at it, too."""
    return taught_once(name, blocks, weighing or Weighing())


def through_json(snapshot: Snapshot) -> Snapshot:
    return msgspec.json.decode(msgspec.json.encode(snapshot), type=Snapshot)


def judge_from(name: str, learner: Learner, task: Task = TASK) -> Judge:
    """Return the judge as it comes to be: of a live model, on the far side of the wire."""
    snapshot = learner.snapshot(1, {})
    if REGISTRY[name].live:
        snapshot = through_json(REGISTRY[name].for_workers(snapshot))
    return judge_of(task, snapshot, 0)


@cache
def judge_called(name: str) -> Judge:
    return judge_from(name, taught(name))


# -- who judges -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def snapshot() -> Iterator[Snapshot]:
    learner = REGISTRY["logistic"].learner(TASK, None)
    learner.learn(some_examples(60))
    yield learner.snapshot(2, {})


def test_before_anything_is_learnt_the_prior_judges() -> None:
    assert judge_of(TASK, None, 0).version == PRIOR


def test_the_model_takes_over_when_it_has_learnt_enough_and_not_before(snapshot: Snapshot) -> None:
    assert judge_of(TASK, snapshot, 61).version == PRIOR
    assert judge_of(TASK, snapshot, 60).version == "logistic-2"
    assert judge_of(TASK, snapshot, 0).version == "logistic-2"


@pytest.mark.parametrize("missing", ["returned", "churned"])
def test_a_model_that_knows_one_label_only_judges_nobody(snapshot: Snapshot, missing: str) -> None:
    one_sided = msgspec.structs.replace(snapshot, **{missing: 0})
    assert judge_of(TASK, one_sided, 0).version == PRIOR


def test_a_model_that_starts_by_itself_takes_over_at_once() -> None:
    starting = [name for name, entry in REGISTRY.items() if entry.self_starting]
    assert starting == ["bayes"]
    learner = REGISTRY["bayes"].learner(TASK, None)
    assert judge_of(TASK, learner.snapshot(1, {}), 500).version == "bayes-1"


def test_an_unknown_model_is_named_with_those_that_are_known(snapshot: Snapshot) -> None:
    oracle = msgspec.structs.replace(snapshot, name="oracle")
    with pytest.raises(ValueError, match="unknown model 'oracle'; known are bayes, logistic"):
        judge_of(TASK, oracle, 0)


# -- every model ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL)
def test_it_says_what_it_is_where_that_is_written_and_what_it_needs(name: str) -> None:
    entry = REGISTRY[name]
    assert entry.meaning and len(entry.meaning) < 90
    assert entry.source
    assert bool(entry.extra) == bool(entry.needs)
    assert entry.live or not entry.self_starting


@pytest.mark.parametrize("name", ALL)
def test_it_finds_a_planted_signal(name: str) -> None:
    judge = judge_from(name, taught(name, BLOCKS[name]))
    others = customers(300, 77)
    silent = others[:, CATALOGUE.index["recency"]]
    labels = (silent > np.median(silent)).astype(np.float64)
    risks = judge.judge(others).risks
    # Its numbers are what the customers' rhythm says, and no label was planted in that.
    assert roc_auc(risks, labels) > (0.65 if name == "bgnbd" else 0.85)
    assert risks[labels > 0].mean() - risks[labels == 0].mean() > 0.1


@pytest.mark.parametrize("name", ALL)
def test_it_learns_alike_whenever_it_learns_the_same(name: str) -> None:
    one, other = taught(name), taught_anew(name, 3, Weighing())
    if REGISTRY[name].live:
        assert one.snapshot(1, {}) == other.snapshot(1, {})
    first, second = (judge_from(name, each).judge(FRESH).risks for each in (one, other))
    assert np.array_equal(first, second)
    assert np.ptp(first) > 0 or "tree" in name


@pytest.mark.parametrize("name", LIVE)
def test_it_does_not_matter_in_which_batches_examples_come(name: str) -> None:
    learner = fresh_learner(name)
    examples = list(planted(3))
    for start, end in ((0, 1), (1, 230), (230, 231), (231, len(examples))):
        learner.learn(examples[start:end])
    assert learner.snapshot(1, {}) == taught(name).snapshot(1, {})


@pytest.mark.parametrize("name", LIVE)
def test_written_down_and_read_again_it_judges_alike_and_goes_on_learning(name: str) -> None:
    whole = taught(name)
    examples = list(planted(3))
    half = fresh_learner(name)
    half.learn(examples[:350])
    written = through_json(half.snapshot(4, {"auc": 0.7}))
    resumed = REGISTRY[name].learner(TASK, written)

    before = judge_from(name, half).judge(FRESH).risks
    assert judge_from(name, resumed).judge(FRESH).risks == pytest.approx(before, abs=1e-12)
    assert judge_of(TASK, written, 0).judge(FRESH).risks == pytest.approx(before, abs=1e-12)
    assert (written.version, written.quality["auc"]) == (f"{name}-4", 0.7)

    resumed.learn(examples[350:])
    ended, expected = resumed.snapshot(1, {}), whole.snapshot(1, {})
    assert ended.learnt == expected.learnt > written.learnt
    if name not in DETECTORS:
        assert ended == expected


@pytest.mark.parametrize("name", LIVE)
def test_a_snapshot_is_small_enough_to_be_published(name: str) -> None:
    written = taught(name, BLOCKS[name]).snapshot(1, {})
    assert len(msgspec.json.encode(written)) < 1_000_000
    published = REGISTRY[name].for_workers(written)
    assert len(msgspec.json.encode(published)) < 100_000


@pytest.mark.parametrize("name", PLAIN)
def test_what_is_not_of_the_whole_horizon_or_counts_nothing_teaches_nothing(name: str) -> None:
    examples = list(planted(3))
    early = [
        msgspec.structs.replace(each, stage=stage, label=1)
        for stage, each in enumerate(examples[:2])
    ]
    treated = [msgspec.structs.replace(each, treated=True) for each in examples[2:40]]
    learner = fresh_learner(name)
    learner.learn([*early, *treated, *examples])
    assert learner.snapshot(1, {}) == taught(name).snapshot(1, {})


@pytest.mark.parametrize("name", LABELLED)
def test_the_label_that_counts_more_moves_the_risks_towards_it(name: str) -> None:
    means = [
        judge_from(name, taught(name, weighing=weighing)).judge(FRESH).risks.mean()
        for weighing in (Weighing(returned=4.0), Weighing(), Weighing(churned=4.0))
    ]
    assert means[0] < means[1] - 0.01
    assert means[1] < means[2] - 0.01


@pytest.mark.parametrize("name", ALL)
def test_what_was_learnt_for_something_else_is_refused(name: str) -> None:
    snapshot = taught(name).snapshot(3, {})
    other = Definition(horizon=28 * DAY, traits=("tier",))
    for task in (
        Task(build_catalogue(Definition()), 30.0, 90.0),
        Task(CATALOGUE, other.horizon_days, other.active_days),
    ):
        with pytest.raises(ValueError, match=f"{name}-3 "):
            judge_of(task, snapshot, 0)
        with pytest.raises(ValueError, match=name):
            REGISTRY[name].learner(task, snapshot)


@pytest.mark.parametrize("name", ALL)
def test_an_example_of_another_catalogue_is_refused_and_nothing_of_its_batch_is_learnt(
    name: str,
) -> None:
    example = planted(3)[0]
    alien = msgspec.structs.replace(example, example_id="alien", catalogue="other")
    learner = fresh_learner(name)
    with pytest.raises(ValueError, match="has the features other"):
        learner.learn([example, alien])
    assert learner.snapshot(0, {}) == fresh_learner(name).snapshot(0, {})


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(vector=vectors_within(-LIMIT))
@pytest.mark.parametrize("name", ALL)
def test_a_risk_is_a_probability_however_far_out_a_customer_lies(
    name: str, vector: list[float]
) -> None:
    judgement = judge_called(name).judge(np.array([vector], dtype=np.float32))
    assert 0 < judgement.risks[0] < 1
    assert np.all(np.isfinite(judgement.contributions))


@pytest.mark.parametrize("name", ALL)
def test_a_risk_is_the_same_whoever_else_is_judged(name: str) -> None:
    judge = judge_called(name)
    together = judge.judge(FRESH).risks
    alone = np.concatenate([judge.judge(FRESH[place : place + 1]).risks for place in range(60)])
    if REGISTRY[name].live:
        assert np.array_equal(alone, together)
    else:
        assert alone == pytest.approx(together, abs=1e-12)
    assert judge.judge(FRESH[:0]).risks.shape == (0,)


@pytest.mark.parametrize("name", ALL)
def test_contributions_add_up_or_there_are_none_and_causes_can_be_told(name: str) -> None:
    judgement = judge_called(name).judge(FRESH)
    assert judgement.contributions.shape == (len(FRESH), len(judgement.names))
    assert (judgement.stages is not None) == REGISTRY[name].stages
    if judgement.names:
        logits = judgement.contributions.sum(axis=1) + judgement.intercept
        assert logits == pytest.approx(logits_of(judgement.risks, judgement.stages), abs=1e-6)
    weighed = Explainer().weigh(judgement)
    riskiest = int(judgement.risks.argmax())
    facts = CATALOGUE.as_dict(FRESH[riskiest])
    assert bool(Explainer().causes(weighed[riskiest], facts)) == bool(judgement.names)


def logits_of(
    risks: npt.NDArray[np.float64], stages: npt.NDArray[np.float64] | None
) -> npt.NDArray[np.float64]:
    each = risks[:, np.newaxis] if stages is None else stages
    logits: npt.NDArray[np.float64] = np.log(each / (1 - each)).sum(axis=1)
    return logits
