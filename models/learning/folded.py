"""Judging with a snapshot of the logistic model: its scaler folded into its weights.

Apart from the learner, so that a worker needs nothing but numpy to judge.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from models.learning.inputs import Inputs
from models.learning.model import LinearJudge, Snapshot

#: The name of the model in the registry.
LOGISTIC: Final = "logistic"


def check_fit(inputs: Inputs, snapshot: Snapshot) -> None:
    """Raise `ValueError` unless the snapshot was learnt for these inputs."""
    fits = (
        snapshot.catalogue == inputs.catalogue.fingerprint
        and snapshot.horizon_days == inputs.horizon_days
        and tuple(snapshot.state["inputs"]) == inputs.names
    )
    if not fits:
        raise ValueError(
            f"model {snapshot.version} was learnt for other features or another horizon "
            f"({snapshot.horizon_days:g} days); start the learner with --fresh to learn anew"
        )


def logistic_judge(inputs: Inputs, snapshot: Snapshot) -> LinearJudge:
    """Return a judge with the scaler folded into the weights.

    Raises
    ------
    ValueError
        If the snapshot was learnt for another catalogue or horizon.
    """
    check_fit(inputs, snapshot)
    state = snapshot.state
    deviations = np.sqrt(np.array(state["variances"], dtype=np.float64))
    weights = np.divide(
        np.array(state["weights"], dtype=np.float64),
        deviations,
        out=np.zeros_like(deviations),
        where=deviations > 0,
    )
    return LinearJudge(
        inputs,
        np.array(state["means"], dtype=np.float64),
        weights,
        float(state["intercept"]),
        snapshot.version,
    )
