"""Standardised logistic regression with AdaGrad: River's own, learnt one example at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from river import linear_model, optim, preprocessing, utils

from models.learning.example import TrainingExample
from models.learning.folded import LOGISTIC, check_fit
from models.learning.inputs import Inputs
from models.learning.model import Snapshot

LEARNING_RATE: Final = 0.05


class LogisticLearner:
    """A River pipeline, ``StandardScaler | LogisticRegression(AdaGrad)``, over `Inputs`.

    The order is River's: the scaler sees the example first, then the classifier learns on the
    newly scaled values.

    Parameters
    ----------
    inputs
        From raw vectors to the pipeline's inputs.
    snapshot
        Where to go on from; None to start afresh.

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

    def __init__(self, inputs: Inputs, snapshot: Snapshot | None = None) -> None:
        self.inputs = inputs
        self.scaler = preprocessing.StandardScaler()
        self.classifier = linear_model.LogisticRegression(optim.AdaGrad(LEARNING_RATE))
        self.labels = [0, 0]
        if snapshot is not None:
            check_fit(inputs, snapshot)
            self._restore(snapshot)
        self.pipeline = self.scaler | self.classifier

    def learn(self, examples: Sequence[TrainingExample]) -> None:
        """Learn examples whose labels have matured, one after the other."""
        if not examples:
            return
        for example in examples:
            if example.catalogue != self.inputs.catalogue.fingerprint:
                raise ValueError(
                    f"example {example.example_id} has the features {example.catalogue}, "
                    f"not {self.inputs.catalogue.fingerprint}"
                )
        vectors = np.array([example.vector for example in examples], dtype=np.float32)
        names, learn_one = self.inputs.names, self.pipeline.learn_one
        rows = self.inputs.matrix(vectors).tolist()
        for example, row in zip(examples, rows, strict=True):
            learn_one(dict(zip(names, row, strict=True)), bool(example.label))
            self.labels[example.label] += 1

    def snapshot(self, number: int, quality: dict[str, Any]) -> Snapshot:
        """Write the pipeline down."""
        names, scaler, classifier = self.inputs.names, self.scaler, self.classifier
        weights = classifier.weights
        return Snapshot(
            name=LOGISTIC,
            number=number,
            learnt=sum(self.labels),
            returned=self.labels[0],
            churned=self.labels[1],
            catalogue=self.inputs.catalogue.fingerprint,
            horizon_days=self.inputs.horizon_days,
            quality=quality,
            state={
                "inputs": list(names),
                "counts": [scaler.counts[name] for name in names],
                "means": [scaler.means[name] for name in names],
                "variances": [scaler.vars[name] for name in names],
                "weights": [weights.get(name, 0.0) for name in names],
                "squares": [classifier.optimizer.g2[name] for name in names],
                "intercept": classifier.intercept,
                "iterations": classifier.optimizer.n_iterations,
            },
        )

    def _restore(self, snapshot: Snapshot) -> None:
        state = snapshot.state
        names = state["inputs"]
        self.scaler = preprocessing.StandardScaler._from_state(
            counts=dict(zip(names, state["counts"], strict=True)),
            means=dict(zip(names, state["means"], strict=True)),
            vars=dict(zip(names, state["variances"], strict=True)),
        )
        # River has no public way to set weights; these are the attributes that it learns into.
        self.classifier._weights = utils.VectorDict(dict(zip(names, state["weights"], strict=True)))
        self.classifier.intercept = state["intercept"]
        self.classifier.optimizer.g2.update(zip(names, state["squares"], strict=True))
        self.classifier.optimizer.n_iterations = state["iterations"]
        self.labels = [snapshot.returned, snapshot.churned]
