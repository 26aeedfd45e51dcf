"""The neural network as a River estimator, to be taken into any other pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from river import base

from models.learning import Floats, sigmoid
from models.registry.network import LEARNING_RATE, Network


class OnlineNetwork(base.Classifier):  # type: ignore[misc]  # river has no types
    """A small neural network beside a straight line; see `Network`.

    Parameters
    ----------
    rate
        Of learning.
    seed
        Of the units' first weights.

    Examples
    --------
    >>> model = OnlineNetwork(rate=0.1)
    >>> for number in range(2_000):
    ...     one, other = number % 2, number // 2 % 2
    ...     model.learn_one({"one": 2 * one - 1, "other": 2 * other - 1}, one == other)
    >>> model.predict_one({"one": 1, "other": 1}), model.predict_one({"one": 1, "other": -1})
    (True, False)
    """

    def __init__(self, rate: float = LEARNING_RATE, seed: int = 0) -> None:
        self.rate = rate
        self.seed = seed
        self._places: dict[Any, int] = {}
        self._network = Network(0, seed, rate)

    def _row(self, x: Mapping[Any, float]) -> Floats:
        row = np.zeros(len(self._places))
        for name, value in x.items():
            if name in self._places:
                row[self._places[name]] = value
        return row

    def learn_one(self, x: Mapping[Any, float], y: Any, w: float = 1.0) -> None:
        """Learn an example; an input that was never seen gets a place, one that is missing is 0."""
        for name in sorted((name for name in x if name not in self._places), key=str):
            self._places[name] = len(self._places)
        self._network.grow(len(self._places))
        self._network.learn(self._row(x), int(bool(y)), w)

    def predict_proba_one(self, x: Mapping[Any, float], **kwargs: Any) -> dict[bool, float]:
        """Return the probability of both labels."""
        p = sigmoid(float(self._network.logits(self._row(x)[np.newaxis])[0]))
        return {False: 1.0 - p, True: p}
