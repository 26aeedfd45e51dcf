"""Linear models that know a margin and no probability, and what makes their margins one.

A support vector machine and a passive-aggressive classifier say on which side of a line a
customer is, and how far from it. How often those at such a distance churn is learnt beside it:
each example's margin is taken before the model learns it, and a logistic of two numbers, slope
and shift, learns how it came out (Platt 1999, online and prequential).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from river import base, linear_model, optim, preprocessing, utils

from models.learning import Floats, Snapshot, TrainingExample, sigmoid
from models.registry.logistic import Glm, scaler_of, scales_of
from models.registry.plain import PlainLearner
from models.registry.task import Task

LINEAR_SVM: Final = "linear-svm"
PASSIVE_AGGRESSIVE: Final = "passive-aggressive"
LEARNING_RATE: Final = 0.05
#: A small pull of the weights towards zero: what makes the margin of a support vector machine.
SHRINKAGE: Final = 1e-4
#: The largest step of the passive-aggressive classifier: churn is never certain, so small.
LARGEST_STEP: Final = 0.001


class PlattScale:
    """Slope and shift from margins to log odds, learnt one outcome at a time.

    A logistic with its covariance, updated as an extended Kalman filter; the covariance grows a
    little with each outcome, so that it follows a margin whose scale changes as its model learns.

    Parameters
    ----------
    state
        What `dump` wrote; None to start with slope 1 and shift 0.

    Examples
    --------
    >>> scale = PlattScale()
    >>> for _ in range(300):
    ...     scale.learn(2.0, 1, 1.0)
    ...     scale.learn(2.0, 0, 1.0)
    >>> round(abs(scale.logit(2.0)), 1)
    0.0
    """

    #: Outcomes in which what is known of slope and shift is half forgotten.
    MEMORY: Final = 5_000.0
    _LEAST: Final = 0.02

    def __init__(self, state: dict[str, Any] | None = None) -> None:
        self.slope: float = 1.0 if state is None else state["slope"]
        self.shift: float = 0.0 if state is None else state["shift"]
        #: Variance of the slope, covariance, variance of the shift.
        self.spread: list[float] = [1.0, 0.0, 1.0] if state is None else list(state["spread"])

    def logit(self, margin: float) -> float:
        """Return the log odds of a margin."""
        return self.slope * margin + self.shift

    def learn(self, margin: float, label: int, weight: float) -> None:
        """Learn how a margin came out."""
        # A margin beyond all others would alone decide the slope.
        margin = max(-30.0, min(margin, 30.0))
        grown = 2.0 ** (1.0 / self.MEMORY)
        a, b, c = self.spread
        if max(a, c) * grown < 1.0:
            a, b, c = a * grown, b * grown, c * grown
        p = sigmoid(self.logit(margin))
        v = max(p * (1.0 - p), self._LEAST)
        gain = (a * margin + b, b * margin + c)
        scale = weight / (1.0 / v + weight * (gain[0] * margin + gain[1]))
        step = scale * (label - p) / v
        self.slope += gain[0] * step
        self.shift += gain[1] * step
        self.spread = [
            a - scale * gain[0] * gain[0],
            b - scale * gain[0] * gain[1],
            c - scale * gain[1] * gain[1],
        ]

    def dump(self) -> dict[str, Any]:
        """Return everything as plain data."""
        return {"slope": self.slope, "shift": self.shift, "spread": self.spread}


class PlattScaled(base.Wrapper, base.Classifier):  # type: ignore[misc]  # river has no types
    """A linear classifier of River, with the probabilities that its margins deserve.

    Parameters
    ----------
    classifier
        Anything with ``weights`` and ``intercept``, which takes a weight where it learns.

    Examples
    --------
    >>> model = PlattScaled(PassiveAggressive(C=0.1))
    >>> for number in range(200):
    ...     model.learn_one({"silence": number % 2}, number % 2 == 1)
    >>> model.predict_one({"silence": 1})
    True
    """

    def __init__(self, classifier: base.Classifier) -> None:
        self.classifier = classifier
        self.platt = PlattScale()

    @property
    def _wrapped_model(self) -> Any:
        return self.classifier

    @classmethod
    def _unit_test_params(cls) -> Any:
        yield {"classifier": PassiveAggressive(C=0.1)}

    def margin(self, x: Mapping[Any, float]) -> float:
        """Return how far on the side of churn an example is."""
        classifier = self.classifier
        return float(utils.math.dot(x, classifier.weights) + classifier.intercept)

    def learn_one(self, x: Mapping[Any, float], y: Any, w: float = 1.0, **kwargs: Any) -> None:
        """Learn an example: first how its margin came out, then the example itself."""
        self.platt.learn(self.margin(x), int(bool(y)), w)
        self.classifier.learn_one(x, bool(y), w=w)

    def predict_proba_one(self, x: Mapping[Any, float], **kwargs: Any) -> dict[bool, float]:
        """Return the probability of both labels."""
        p = sigmoid(self.platt.logit(self.margin(x)))
        return {False: 1.0 - p, True: p}


class PassiveAggressive(linear_model.PAClassifier):  # type: ignore[misc]  # river has no types
    """River's passive-aggressive classifier, with weights of examples.

    A weight multiplies the largest step, as in cost-sensitive learning (Crammer et al. 2006).
    """

    def __init__(self, C: float = 1.0, mode: int = 1, learn_intercept: bool = True) -> None:
        super().__init__(C=C, mode=mode, learn_intercept=learn_intercept)
        self.C: float = C

    def learn_one(self, x: Mapping[Any, float], y: Any, w: float = 1.0) -> None:
        """Learn an example."""
        whole: float = self.C
        self.C = whole * w
        try:
            super().learn_one(x, y)
        finally:
            self.C = whole


class _Svm(Glm):
    """The support vector machine, and the scale of its margins."""

    def __init__(self, names: tuple[str, ...], state: dict[str, Any] | None) -> None:
        classifier = linear_model.LogisticRegression(
            optim.AdaGrad(LEARNING_RATE), loss=optim.losses.Hinge(), l2=SHRINKAGE
        )
        super().__init__(names, classifier, state)
        self.platt = PlattScale(state)
        scaled = PlattScaled(classifier)
        scaled.platt = self.platt
        self.pipeline = self.scaler | scaled

    def dump(self) -> dict[str, Any]:
        return super().dump() | self.platt.dump()


class _PassiveAggressive:
    """The passive-aggressive classifier, and the scale of its margins."""

    def __init__(self, names: tuple[str, ...], state: dict[str, Any] | None) -> None:
        self.names = names
        self.classifier = PassiveAggressive(C=LARGEST_STEP)
        self.scaler = preprocessing.StandardScaler()
        if state is not None:
            self.scaler = scaler_of(names, state)
            self.classifier.weights.update(zip(names, state["weights"], strict=True))
            self.classifier.intercept = state["intercept"]
        self.platt = PlattScale(state)
        scaled = PlattScaled(self.classifier)
        scaled.platt = self.platt
        self.pipeline = self.scaler | scaled

    def learn(self, row: Floats, example: TrainingExample, weight: float) -> None:
        x = dict(zip(self.names, row.tolist(), strict=True))
        self.pipeline.learn_one(x, bool(example.label), w=weight)

    def dump(self) -> dict[str, Any]:
        weights = self.classifier.weights
        return (
            scales_of(self.scaler, self.names)
            | {
                "weights": [float(weights.get(name, 0.0)) for name in self.names],
                "intercept": float(self.classifier.intercept),
            }
            | self.platt.dump()
        )


def svm_learner(task: Task, snapshot: Snapshot | None) -> PlainLearner:
    """Return the learner of ``linear-svm``."""
    names = task.inputs.names
    return PlainLearner(
        LINEAR_SVM, task.inputs, lambda state: _Svm(names, state), snapshot, task.weighing
    )


def passive_aggressive_learner(task: Task, snapshot: Snapshot | None) -> PlainLearner:
    """Return the learner of ``passive-aggressive``."""
    names = task.inputs.names
    return PlainLearner(
        PASSIVE_AGGRESSIVE,
        task.inputs,
        lambda state: _PassiveAggressive(names, state),
        snapshot,
        task.weighing,
    )
