"""Judging with a snapshot of a linear model: its scaler folded into its weights.

Apart from the learners, so that a worker needs nothing but numpy to judge.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from models.learning import Floats, Judgement, Snapshot
from models.registry.inputs import Inputs
from models.registry.plain import check_fit
from models.registry.task import Task

#: The name of the model in the registry.
LOGISTIC: Final = "logistic"


class LinearJudge:
    """A linear model over `Inputs`, folded: standardising costs nothing at judging time.

    Parameters
    ----------
    inputs
        From raw vectors to inputs.
    means, weights
        Of each input; a weight is for the input as it is, less its mean.
    intercept
        Added to the logit.
    version
        The model's version.
    """

    def __init__(
        self, inputs: Inputs, means: Floats, weights: Floats, intercept: float, version: str
    ) -> None:
        self._inputs = inputs
        self._means = means
        self._weights = weights
        self._intercept = intercept
        self.version = version

    def judge(self, vectors: npt.NDArray[np.float32]) -> Judgement:
        """Return the risks of raw vectors."""
        contributions = (self._inputs.matrix(vectors) - self._means) * self._weights
        # Beyond +-30 a sigmoid is 0 or 1 to the last bit that matters, and exp() stays finite.
        logits = np.clip(contributions.sum(axis=1) + self._intercept, -30.0, 30.0)
        risks = 1 / (1 + np.exp(-logits))
        return Judgement(risks, contributions, self._intercept, self._inputs.names, self.version)


def folded_judge(task: Task, snapshot: Snapshot) -> LinearJudge:
    """Return a judge with the scaler folded into the weights.

    Where margins are no log odds, the snapshot has the ``slope`` and ``shift`` that make them so.

    Raises
    ------
    ValueError
        If the snapshot was learnt for another catalogue or horizon.
    """
    inputs = task.inputs
    check_fit(inputs, snapshot)
    state = snapshot.state
    slope, shift = state.get("slope", 1.0), state.get("shift", 0.0)
    deviations = np.sqrt(np.array(state["variances"], dtype=np.float64))
    weights = np.divide(
        np.array(state["weights"], dtype=np.float64) * slope,
        deviations,
        out=np.zeros_like(deviations),
        where=deviations > 0,
    )
    return LinearJudge(
        inputs,
        np.array(state["means"], dtype=np.float64),
        weights,
        float(state["intercept"]) * slope + shift,
        snapshot.version,
    )
