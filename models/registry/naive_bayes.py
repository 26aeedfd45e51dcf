"""Gaussian naive Bayes over standardised inputs: River's own, with weights of examples."""

from __future__ import annotations

from collections.abc import Mapping
from math import exp, log
from typing import Any, Final

import numpy as np
from river import naive_bayes, preprocessing, stats
from river.utils.dataframe import into_frame, to_native_frame

from models.learning import Floats, Snapshot, TrainingExample
from models.registry.gaussians import NAIVE_BAYES, STEEPEST, log_density
from models.registry.logistic import scaler_of, scales_of
from models.registry.plain import PlainLearner
from models.registry.task import Task

_CLASSES: Final = (False, True)


class CautiousGaussianNB(naive_bayes.GaussianNB):  # type: ignore[misc]  # river has no types
    """River's Gaussian naive Bayes, a little less sure of itself.

    Examples have weights, no bell is narrower than a tenth of a deviation, and no probability of
    two classes lies beyond 1 and 99 per cent.

    Examples
    --------
    >>> model = CautiousGaussianNB()
    >>> for day in range(40):
    ...     model.learn_one({"silence": day / 20 - 1}, day > 20)
    >>> model.predict_one({"silence": 0.9})
    True
    """

    def learn_one(self, x: Mapping[Any, float], y: Any, w: float = 1.0) -> None:
        """Learn an example."""
        self.class_counts[y] += w
        bells = self.gaussians[y]
        for name, value in x.items():
            bells[name].update(value, w)

    def joint_log_likelihood(self, x: Mapping[Any, float]) -> dict[Any, float]:
        """Return the log likelihood of each class together with the example."""
        values = np.array(list(x.values()), dtype=np.float64)
        found = {}
        for label in self.class_counts:
            bells = [self.gaussians[label].get(name) for name in x]
            shapes = [(0.0, 1.0) if bell is None else (bell.mu, bell.sigma) for bell in bells]
            means, deviations = np.array(shapes, dtype=np.float64).reshape(-1, 2).T
            said = float(log_density(values, means, deviations).sum())
            found[label] = log(self.p_class(label)) + said
        return found

    def predict_proba_one(self, x: Mapping[Any, float]) -> dict[Any, float]:
        """Return the probability of each class."""
        found = self.joint_log_likelihood(x)
        if len(found) != len(_CLASSES):
            several: dict[Any, float] = super().predict_proba_one(x)
            return several
        (one, first), (other, second) = found.items()
        odds = max(-STEEPEST, min(second - first, STEEPEST))
        p = 1.0 / (1.0 + exp(-odds))
        return {one: 1.0 - p, other: p}

    def predict_proba_many(self, X: Any) -> Any:
        """Return the probability of each class for each row of a data frame, as cautiously."""
        frame = into_frame(X)
        rows = [self.predict_proba_one(row) for row in frame.iter_rows(named=True)]
        columns = {label: [row[label] for row in rows] for label in self.class_counts}
        return to_native_frame(columns, like=frame)

    def p_class(self, c: Any) -> float:
        """Return the share of a class, one example of each thought of."""
        total = sum(self.class_counts.values()) + len(_CLASSES)
        return float((self.class_counts[c] + 1.0) / total)


class _Naive:
    def __init__(self, names: tuple[str, ...], state: dict[str, Any] | None) -> None:
        self.names = names
        self.scaler = preprocessing.StandardScaler()
        self.classifier = CautiousGaussianNB()
        if state is not None:
            self.scaler = scaler_of(names, state)
            for label, each in zip(_CLASSES, state["classes"], strict=True):
                self._restore(label, each)
        self.pipeline = self.scaler | self.classifier

    def learn(self, row: Floats, example: TrainingExample, weight: float) -> None:
        x = dict(zip(self.names, row.tolist(), strict=True))
        # The pipeline's own way: the scaler first, then the classifier on what is newly scaled.
        self.pipeline.learn_one(x, bool(example.label), w=weight)

    def dump(self) -> dict[str, Any]:
        classes = []
        for label in _CLASSES:
            bells = [self.classifier.gaussians[label][name] for name in self.names]
            learnt = bool(self.classifier.class_counts[label])
            classes.append(
                {
                    "count": self.classifier.class_counts[label],
                    "means": [bell.mu for bell in bells],
                    "squares": [bell._var._S for bell in bells],
                    "deviations": [bell.sigma if learnt else 1.0 for bell in bells],
                }
            )
        return scales_of(self.scaler, self.names) | {"classes": classes}

    def _restore(self, label: bool, state: dict[str, Any]) -> None:
        if not state["count"]:
            return
        self.classifier.class_counts[label] = state["count"]
        for name, mean, square in zip(self.names, state["means"], state["squares"], strict=True):
            bell = self.classifier.gaussians[label][name]
            var = stats.Var(ddof=0)
            var.mean.n, var.mean._mean, var._S = float(state["count"]), mean, square
            bell._var = var


def naive_learner(task: Task, snapshot: Snapshot | None) -> PlainLearner:
    """Return the learner of ``naive-bayes``."""
    names = task.inputs.names
    return PlainLearner(
        NAIVE_BAYES, task.inputs, lambda state: _Naive(names, state), snapshot, task.weighing
    )


__all__ = ["CautiousGaussianNB", "naive_learner"]
