"""River's trees as models of the registry: one tree, one that heeds drift, and a forest.

All split by information gain, on the inputs as they are, and say the share of churn at their
leaves (one of each label thought of). They grow to a set depth, so that what is written down stays
small; River's own `predict_proba_one` would add a naive Bayes at each leaf, which is slow, large
and badly calibrated.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from river import drift, forest, tree
from river.tree.nodes.branch import DTBranch

from models.learning import Floats, Snapshot, TrainingExample
from models.registry.flat_trees import PARTS
from models.registry.plain import PlainLearner
from models.registry.task import Task
from models.registry.written import read, write

HOEFFDING_TREE: Final = "hoeffding-tree"
HOEFFDING_ADAPTIVE_TREE: Final = "hoeffding-adaptive-tree"
ADAPTIVE_RANDOM_FOREST: Final = "adaptive-random-forest"
DEPTH: Final = 6
#: Of the trees of a forest; there are ten of them, and each may have another growing behind it.
FOREST_DEPTH: Final = 5
TREES: Final = 10
#: In a forest an example counts this often on average (Gomes et al. 2017)...
_REPEATS: Final = 6
#: ... and at most so often, whatever its weight.
_MOST_REPEATS: Final = 300.0
#: River looks at how much memory a tree takes after so many examples; depth bounds it already.
_NEVER: Final = 2**62
_SEED: Final = 0


def _hoeffding_tree() -> Any:
    return tree.HoeffdingTreeClassifier(
        split_criterion="info_gain",
        leaf_prediction="mc",
        max_depth=DEPTH,
        memory_estimate_period=_NEVER,
    )


def _hoeffding_adaptive_tree() -> Any:
    return tree.HoeffdingAdaptiveTreeClassifier(
        split_criterion="info_gain",
        leaf_prediction="mc",
        max_depth=DEPTH,
        memory_estimate_period=_NEVER,
        drift_detector=drift.ADWIN(),
        seed=_SEED,
    )


def _forest() -> Any:
    return forest.ARFClassifier(
        n_models=TREES,
        lambda_value=_REPEATS,
        split_criterion="info_gain",
        leaf_prediction="mc",
        max_depth=FOREST_DEPTH,
        memory_estimate_period=_NEVER,
        seed=_SEED,
    )


class _Flattening:
    """Lays trees out flat; see `FlatTrees`."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._index = {name: place for place, name in enumerate(names)}
        self.parts: dict[str, list[Any]] = {part: [] for part in PARTS}
        self.roots: list[int] = []
        self.votes: list[float] = []

    def add(self, root: Any, vote: float) -> None:
        """Lay out a tree; None is one that has learnt nothing."""
        self.roots.append(self._node(root))
        self.votes.append(vote)

    def _node(self, node: Any) -> int:
        place = len(self.parts["feature"])
        if isinstance(node, DTBranch):
            risk, say = _aside(node)
            self._append(self._index[node.feature], node.threshold, risk, say)
            left, right = (self._node(child) for child in node.children)
            self.parts["left"][place], self.parts["right"][place] = left, right
        else:
            risk, say = (0.5, 1.0) if node is None else _leaf(node)
            self._append(-1, 0.0, risk, say)
        return place

    def _append(self, feature: int, threshold: float, risk: float, say: float) -> None:
        place = len(self.parts["feature"])
        for part, value in zip(PARTS, (feature, threshold, place, place, risk, say), strict=True):
            self.parts[part].append(value)

    def done(self) -> dict[str, Any]:
        """Return everything as plain data."""
        return {"roots": self.roots, "votes": self.votes, **self.parts}


def _leaf(leaf: Any) -> tuple[float, float]:
    """Return the share of churn at a leaf, and how much it counts."""
    returned, churned = (float(leaf.stats.get(label, 0.0)) for label in (False, True))
    error = getattr(leaf, "_mean_error", None)
    wrong = 0.0 if error is None else error.get()
    return (churned + 1.0) / (returned + churned + 2.0), 1.0 / (wrong * wrong) if wrong else 1.0


def _aside(branch: Any) -> tuple[float, float]:
    """Return what the tree says that grows beside a branch whose errors have drifted.

    River's adaptive tree lets both speak, each by the square of how seldom it is wrong. What
    grows beside is a leaf: as soon as it would split, River puts it in the place of the branch.
    """
    beside = getattr(branch, "_alternate_tree", None)
    return (0.0, 0.0) if beside is None or isinstance(beside, DTBranch) else _leaf(beside)


class _Trees:
    def __init__(
        self, names: tuple[str, ...], make: Callable[[], Any], state: dict[str, Any] | None
    ) -> None:
        self.names = names
        self.model = make() if state is None else read(state["model"])

    def learn(self, row: Floats, example: TrainingExample, weight: float) -> None:
        x = dict(zip(self.names, row.tolist(), strict=True))
        self._learn(x, bool(example.label), weight)

    def _learn(self, x: dict[str, float], label: bool, weight: float) -> None:
        self.model.learn_one(x, label, w=weight)

    def _flatten(self, flat: _Flattening) -> None:
        flat.add(self.model._root, 1.0)

    def dump(self) -> dict[str, Any]:
        flat = _Flattening(self.names)
        self._flatten(flat)
        return {"flat": flat.done(), "model": write(self.model)}


class _Forest(_Trees):
    def _learn(self, x: dict[str, float], label: bool, weight: float) -> None:
        # A forest takes no weights, but draws how often each tree sees an example.
        self.model.lambda_value = min(_REPEATS * weight, _MOST_REPEATS)
        self.model.learn_one(x, label)

    def _flatten(self, flat: _Flattening) -> None:
        trees = self.model.data or [None]
        rights = [each.get() for each in self.model._metrics[: len(trees)]]
        for each, right in zip(trees, rights, strict=True):
            # As River votes: by accuracy, and one that was never right by its bare word.
            flat.add(None if each is None else each._root, right if right > 0 else 1.0)


def _learner(
    name: str, make: Callable[[], Any], kind: type[_Trees], task: Task, snapshot: Snapshot | None
) -> PlainLearner:
    names = task.inputs.names
    return PlainLearner(
        name, task.inputs, lambda state: kind(names, make, state), snapshot, task.weighing
    )


def hoeffding_tree_learner(task: Task, snapshot: Snapshot | None) -> PlainLearner:
    """Return the learner of ``hoeffding-tree``."""
    return _learner(HOEFFDING_TREE, _hoeffding_tree, _Trees, task, snapshot)


def adaptive_tree_learner(task: Task, snapshot: Snapshot | None) -> PlainLearner:
    """Return the learner of ``hoeffding-adaptive-tree``."""
    return _learner(HOEFFDING_ADAPTIVE_TREE, _hoeffding_adaptive_tree, _Trees, task, snapshot)


def forest_learner(task: Task, snapshot: Snapshot | None) -> PlainLearner:
    """Return the learner of ``adaptive-random-forest``."""
    return _learner(ADAPTIVE_RANDOM_FOREST, _forest, _Forest, task, snapshot)
