"""Judging with a snapshot of naive Bayes: two bells for each input, one of them for churn.

Apart from the learner, so that a worker needs nothing but numpy to judge.
"""

from __future__ import annotations

from math import log, pi
from typing import Final

import numpy as np
import numpy.typing as npt

from models.learning import Floats, Judgement, Snapshot
from models.registry.plain import check_fit
from models.registry.task import Task

NAIVE_BAYES: Final = "naive-bayes"
#: No bell is narrower than this, in standard deviations of all customers: what never varied
#: among those who left may still do so in the next of them.
NARROWEST: Final = 0.1
#: An input that nobody of a class was near says no more than this.
LEAST_LOG: Final = log(1e-9)
#: Inputs speak of the same things again and again, and naive Bayes believes each of them; beyond
#: these log odds (a risk of 99 %) its certainty means nothing.
STEEPEST: Final = log(99.0)
_HALF_LOG_TAU: Final = log(2.0 * pi) / 2.0


def log_density(z: Floats, means: Floats, deviations: Floats) -> Floats:
    """Return the logarithms of bells, `LEAST_LOG` at least.

    Examples
    --------
    >>> far = np.array([0.0, 100.0])
    >>> [round(x, 2) for x in log_density(far, np.zeros(2), np.ones(2)).tolist()]
    [-0.92, -20.72]
    """
    wide = np.maximum(deviations, NARROWEST)
    away = np.minimum(np.abs((z - means) / wide), 1e6)
    result: Floats = np.maximum(-away * away / 2.0 - np.log(wide) - _HALF_LOG_TAU, LEAST_LOG)
    return result


class NaiveJudge:
    """Naive Bayes as the workers have it: the log odds are a sum over the inputs.

    Parameters
    ----------
    task
        What is to be predicted.
    snapshot
        What was learnt.

    Raises
    ------
    ValueError
        If the snapshot was learnt for another catalogue or horizon.
    """

    def __init__(self, task: Task, snapshot: Snapshot) -> None:
        inputs = task.inputs
        check_fit(inputs, snapshot)
        state = snapshot.state
        self._inputs = inputs
        self._means = np.array(state["means"], dtype=np.float64)
        deviations = np.sqrt(np.array(state["variances"], dtype=np.float64))
        self._scales = np.divide(
            1.0, deviations, out=np.zeros_like(deviations), where=deviations > 0
        )
        self._bells = [
            (np.array(each["means"], dtype=np.float64), np.array(each["deviations"]))
            for each in state["classes"]
        ]
        returned, churned = (each["count"] for each in state["classes"])
        self._intercept = log((churned + 1.0) / (returned + 1.0))
        self.version = snapshot.version

    def judge(self, vectors: npt.NDArray[np.float32]) -> Judgement:
        """Return the risks of raw vectors."""
        z = (self._inputs.matrix(vectors) - self._means) * self._scales
        returned, churned = (log_density(z, *bells) for bells in self._bells)
        contributions: Floats = np.ascontiguousarray(churned - returned)
        totals = contributions.sum(axis=1) + self._intercept
        logits = np.minimum(np.maximum(totals, -STEEPEST), STEEPEST)
        # What each input says is made smaller alike, so that it adds up to what is said.
        sums = totals - self._intercept
        shares = np.divide(
            logits - self._intercept, sums, out=np.ones_like(sums), where=np.abs(sums) > 1e-9
        )
        contributions *= shares[:, np.newaxis]
        risks: Floats = 1 / (1 + np.exp(-logits))
        return Judgement(risks, contributions, self._intercept, self._inputs.names, self.version)
