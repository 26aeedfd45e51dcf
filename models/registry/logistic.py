"""Standardised logistic regression with AdaGrad: River's, learnt one example at a time.

`Glm` is River's own pipeline. `logistic` learns by `FusedLogistic`, which equals it in every
digit; models with other losses learn by `Glm` itself.
"""

from __future__ import annotations

from typing import Any

from river import linear_model, optim, preprocessing, utils

from models.learning import Floats, Snapshot, TrainingExample, Weighing
from models.registry.folded import LOGISTIC
from models.registry.fused import LEARNING_RATE, FusedLogistic
from models.registry.inputs import Inputs
from models.registry.plain import PlainLearner
from models.registry.task import Task


class Glm:
    """A River pipeline of a standard scaler and a generalised linear model, by names of inputs.

    The order is River's: the scaler sees the example first, then the model learns on the newly
    scaled values.

    Parameters
    ----------
    names
        Of the inputs.
    classifier
        A `LogisticRegression` with AdaGrad; its loss may be another.
    state
        What `dump` wrote; None to start afresh.
    """

    def __init__(self, names: tuple[str, ...], classifier: Any, state: dict[str, Any] | None):
        self.names = names
        self.scaler = preprocessing.StandardScaler()
        self.classifier = classifier
        if state is not None:
            self.scaler = scaler_of(names, state)
            # River has no public way to set weights; these are the attributes it learns into.
            classifier._weights = utils.VectorDict(dict(zip(names, state["weights"], strict=True)))
            classifier.intercept = state["intercept"]
            classifier.optimizer.g2.update(zip(names, state["squares"], strict=True))
            classifier.optimizer.n_iterations = state["iterations"]
        self.pipeline = self.scaler | classifier

    def learn(self, row: Floats, example: TrainingExample, weight: float) -> None:
        """Learn an example."""
        x = dict(zip(self.names, row.tolist(), strict=True))
        self.pipeline.learn_one(x, bool(example.label), w=weight)

    def dump(self) -> dict[str, Any]:
        """Return everything as plain data."""
        names, classifier = self.names, self.classifier
        weights = classifier.weights
        return scales_of(self.scaler, names) | {
            "weights": [weights.get(name, 0.0) for name in names],
            "squares": [classifier.optimizer.g2[name] for name in names],
            "intercept": classifier.intercept,
            "iterations": classifier.optimizer.n_iterations,
        }


def scales_of(scaler: Any, names: tuple[str, ...]) -> dict[str, Any]:
    """Return River's standard scaler as plain data."""
    return {
        "counts": [scaler.counts[name] for name in names],
        "means": [scaler.means[name] for name in names],
        "variances": [scaler.vars[name] for name in names],
    }


def scaler_of(names: tuple[str, ...], state: dict[str, Any]) -> Any:
    """Return River's standard scaler as `scales_of` wrote it."""
    return preprocessing.StandardScaler._from_state(
        counts=dict(zip(names, state["counts"], strict=True)),
        means=dict(zip(names, state["means"], strict=True)),
        vars=dict(zip(names, state["variances"], strict=True)),
    )


class LogisticLearner(PlainLearner):
    """A River pipeline, ``StandardScaler | LogisticRegression(AdaGrad)``, over `Inputs`.

    Parameters
    ----------
    inputs
        From raw vectors to the pipeline's inputs.
    snapshot
        Where to go on from; None to start afresh.
    weighing
        How much each example counts.

    Raises
    ------
    ValueError
        If the snapshot was learnt for another catalogue or horizon.

    Examples
    --------
    >>> from features import DAY, CustomerState, Definition, Event, build_catalogue
    >>> shop = Definition()
    >>> catalogue = build_catalogue(shop)
    >>> learner = LogisticLearner(Inputs(catalogue, shop.horizon_days))
    >>> ada = CustomerState(shop)
    >>> _ = ada.apply(Event(event_id="1", user_id="ada", type="purchase", time=0, amount=9.5))
    >>> vector = list(catalogue.vector(ada, 9 * DAY))
    >>> learner.learn([TrainingExample(
    ...     example_id="x", user_id="ada", at=9 * DAY, matured_at=39 * DAY, cause="silence",
    ...     label=1, risk=0.5, model_version="prior", treated=False,
    ...     catalogue=catalogue.fingerprint, vector=vector)])
    >>> learner.snapshot(1, {}).version
    'logistic-1'
    """

    def __init__(
        self,
        inputs: Inputs,
        snapshot: Snapshot | None = None,
        weighing: Weighing | None = None,
    ) -> None:
        count = len(inputs.names)
        self.belief: FusedLogistic
        super().__init__(
            LOGISTIC, inputs, lambda state: FusedLogistic(count, state), snapshot, weighing
        )

    @property
    def classifier(self) -> Any:
        """River's classifier, as it is after what has been learnt."""
        classifier = linear_model.LogisticRegression(optim.AdaGrad(LEARNING_RATE))
        return Glm(self.reading.names, classifier, self.belief.dump()).classifier


def logistic_learner(task: Task, snapshot: Snapshot | None) -> LogisticLearner:
    """Return the learner of ``logistic``."""
    return LogisticLearner(task.inputs, snapshot, task.weighing)
