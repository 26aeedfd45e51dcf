"""Flat trees say what River's own trees say, and stay small."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from river import forest, tree
from river.tree.nodes.hatc_nodes import AdaLeafClassifier

from models.learning import Floats, TrainingExample, Weighing
from models.registry.flat_trees import FlatTrees, TreesJudge
from models.registry.trees import (
    DEPTH,
    adaptive_tree_learner,
    forest_learner,
    hoeffding_tree_learner,
)
from tests.models.portraits import CATALOGUE, INPUTS, TASK, customers, examples_of

FRESH = customers(80, 9)
VECTORS = customers(200, 5)


def examples(count: int, turn: int | None = None) -> list[TrainingExample]:
    """Return examples in which who is silent churns, until a turn: from there on who is not."""
    silent = VECTORS[:, CATALOGUE.index["recency"]]
    far = silent > np.median(silent)
    chance = np.random.default_rng(1)
    found: list[TrainingExample] = []
    while len(found) < count:
        turned = turn is not None and len(found) >= turn
        labels = [int(away ^ turned ^ (chance.random() < 0.1)) for away in far]
        found += examples_of(VECTORS, labels)
    return found[:count]


def model_of(learner: Any) -> Any:
    return learner.belief.model


def share(leaf: Any) -> float:
    """Return the share of churn at a leaf of River's, one of each label thought of."""
    returned, churned = leaf.stats.get(False, 0.0), leaf.stats.get(True, 0.0)
    return float((churned + 1) / (returned + churned + 2))


def rows(vectors: np.ndarray[Any, Any]) -> list[dict[str, float]]:
    matrix = INPUTS.matrix(vectors)
    return [dict(zip(INPUTS.names, row.tolist(), strict=True)) for row in matrix]


def judged(learner: Any) -> Floats:
    return TreesJudge(TASK, learner.snapshot(1, {})).judge(FRESH).risks


def test_a_tree_says_the_share_at_the_leaf_to_which_river_walks() -> None:
    learner = hoeffding_tree_learner(TASK, None)
    learner.learn(examples(6_000))
    river = model_of(learner)
    assert river.n_leaves > 1
    expected = [share(river._root.traverse(x)) for x in rows(FRESH)]
    assert judged(learner) == pytest.approx(expected, abs=1e-12)


def test_a_tree_learns_what_rivers_own_does() -> None:
    learner = hoeffding_tree_learner(TASK, None)
    learner.learn(examples(4_000))
    river = tree.HoeffdingTreeClassifier(
        split_criterion="info_gain", leaf_prediction="mc", max_depth=DEPTH
    )
    for example in examples(4_000):
        (x,) = rows(np.array([example.vector], dtype=np.float32))
        river.learn_one(x, bool(example.label))
    assert model_of(learner).debug_one(rows(FRESH)[0]) == river.debug_one(rows(FRESH)[0])
    assert model_of(learner).n_leaves == river.n_leaves > 1


def test_a_tree_that_has_learnt_nothing_knows_nothing() -> None:
    for learner in (hoeffding_tree_learner, adaptive_tree_learner, forest_learner):
        assert np.all(judged(learner(TASK, None)) == 0.5)


def test_a_forest_votes_by_how_often_each_tree_was_right() -> None:
    learner = forest_learner(TASK, None)
    learner.learn(examples(600))
    river: forest.ARFClassifier = model_of(learner)
    expected = []
    for x in rows(FRESH):
        votes = [metric.get() for metric in river._metrics]
        shares = [
            share(each._root.traverse(x) if each.n_branches else each._root) for each in river
        ]
        expected.append(np.average(shares, weights=votes))
    assert judged(learner) == pytest.approx(expected, abs=1e-12)
    assert max(each.height for each in river) > 1


def test_an_adaptive_tree_hears_what_grows_beside_a_branch_whose_errors_rise() -> None:
    learner = adaptive_tree_learner(TASK, None)
    river = model_of(learner)
    for example in examples(9_000, turn=5_000):
        learner.learn([example])
        river = model_of(learner)
        beside = getattr(river._root, "_alternate_tree", None)
        if isinstance(beside, AdaLeafClassifier) and len(beside.stats) > 1:
            break
    else:
        pytest.fail("nothing grew beside the root")
    expected = [river.predict_proba_one(x)[True] for x in rows(FRESH)]
    # River's shares are bare, and ours think of one example of each label.
    assert judged(learner) == pytest.approx(expected, abs=0.05)
    without = FlatTrees(learner.snapshot(1, {}).state["flat"] | {"say": [1.0] * 1_000})
    assert np.abs(without.risks(INPUTS.matrix(FRESH)) - expected).max() > 0.05


def test_an_adaptive_tree_unlearns_what_has_turned_and_a_plain_one_takes_longer() -> None:
    turned = examples(8_000, turn=5_000)
    means = []
    for make in (adaptive_tree_learner, hoeffding_tree_learner):
        learner = make(TASK, None)
        learner.learn(turned)
        silent = FRESH[:, CATALOGUE.index["recency"]]
        risks = judged(learner)
        means.append(risks[silent > np.median(silent)].mean())
    assert means[0] < 0.3 < means[1]


def test_a_weight_is_how_often_a_forest_sees_an_example() -> None:
    learner = forest_learner(TASK, None)
    learner.weighing = Weighing(churned=5.0)
    learner.learn(examples(200))
    seen = [each._train_weight_seen_by_model for each in model_of(learner)]
    labels = sum(each.label for each in examples(200))
    # Six times on average, by the method of the forest.
    assert np.mean(seen) == pytest.approx(6 * (5 * labels + 200 - labels), rel=0.1)


def test_data_that_lead_round_in_circles_come_to_an_end() -> None:
    trees = FlatTrees(
        {"roots": [0], "votes": [1.0], "feature": [0, 0], "threshold": [1.0, 1.0]}
        | {"left": [1, 0], "right": [1, 0], "risk": [0.2, 0.4], "say": [1.0, 1.0]}
    )
    assert 0.2 <= trees.risks(np.zeros((1, 1)))[0] <= 0.4
