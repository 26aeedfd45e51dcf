"""Judging with a snapshot of a linear model: its scaler folded into its weights.

Apart from the learners, so that a worker needs nothing but numpy to judge.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from models.learning.model import LinearJudge, Snapshot
from models.learning.plain import check_fit
from models.learning.task import Task

#: The name of the model in the registry.
LOGISTIC: Final = "logistic"


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
