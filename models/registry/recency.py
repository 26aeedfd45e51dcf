"""The baseline that every shop knows: the longer silent, the more likely gone.

How often customers churned is counted by how long they had been silent, in steps of a quarter of
a doubling of the horizon; the counts are drawn to the shop's share of churn, and made to rise with
silence (pool adjacent violators; Ayer et al. 1955).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from models.learning import Floats, Judgement, Snapshot, TrainingExample, logit
from models.registry.plain import Columns, PlainLearner, check_fit, told_by
from models.registry.task import Task

RECENCY: Final = "recency"
#: From a 64th of the horizon to eight of them.
_STEPS: Final = np.arange(-6.0, 3.01, 0.25)
_PSEUDO_COUNTS: Final = 10.0


def _reading(task: Task) -> Columns:
    return Columns(task.catalogue, task.horizon_days, (RECENCY,))


def _silence(days: Floats, horizon_days: float) -> Floats:
    """Return doublings of the horizon, within the steps."""
    shares = np.maximum(days, 0.0) / horizon_days
    result: Floats = np.log2(np.minimum(np.maximum(shares, 2.0 ** _STEPS[0]), 2.0 ** _STEPS[-1]))
    return result


def rising(values: Sequence[float], weights: Sequence[float]) -> list[float]:
    """Return the closest values that never fall, in weighted squares.

    Examples
    --------
    >>> rising([0.1, 0.4, 0.2, 0.9], [1, 1, 1, 1])
    [0.1, 0.30000000000000004, 0.30000000000000004, 0.9]
    """
    pools: list[tuple[float, float, int]] = []
    for value, weight in zip(values, weights, strict=True):
        pool = (float(value), float(weight), 1)
        while pools and pools[-1][0] > pool[0]:
            mean, mass, count = pools.pop()
            total = mass + pool[1]
            pool = ((mean * mass + pool[0] * pool[1]) / total, total, count + pool[2])
        pools.append(pool)
    return [mean for mean, _, count in pools for _ in range(count)]


class _Counts:
    def __init__(self, horizon_days: float, state: dict[str, Any] | None) -> None:
        self._horizon_days = horizon_days
        zero = [[0.0, 0.0] for _ in _STEPS]
        #: Of each step: who came back, who churned.
        self.counts = zero if state is None else [list(each) for each in state["counts"]]

    def learn(self, row: Floats, example: TrainingExample, weight: float) -> None:
        place = int(np.abs(_STEPS - _silence(row[:1], self._horizon_days)[0]).argmin())
        self.counts[place][example.label] += weight

    def dump(self) -> dict[str, Any]:
        return {"counts": [list(each) for each in self.counts]}


def recency_learner(task: Task, snapshot: Snapshot | None) -> PlainLearner:
    """Return the learner of ``recency``."""
    reading = _reading(task)
    return PlainLearner(
        RECENCY, reading, lambda state: _Counts(task.horizon_days, state), snapshot, task.weighing
    )


class RecencyJudge:
    """The curve as the workers have it.

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
        self._reading = _reading(task)
        check_fit(self._reading, snapshot)
        counts = np.array(snapshot.state["counts"], dtype=np.float64)
        seen = counts.sum(axis=1)
        share = (counts[:, 1].sum() + 1.0) / (seen.sum() + 2.0)
        # Where nobody was, the neighbours speak.
        some = seen > 0
        shares = (counts[some, 1] + _PSEUDO_COUNTS * share) / (seen[some] + _PSEUDO_COUNTS)
        curve = rising(shares.tolist(), (seen[some] + _PSEUDO_COUNTS).tolist())
        self._steps = _STEPS[some] if some.any() else _STEPS[:1]
        self._curve = logit(np.array(curve or [share]))
        self._intercept = float(logit(np.array(share)))
        self.version = snapshot.version

    def judge(self, vectors: npt.NDArray[np.float32]) -> Judgement:
        """Return the risks of raw vectors."""
        reading = self._reading
        silence = _silence(reading.matrix(vectors)[:, 0], reading.horizon_days)
        logits: Floats = np.interp(silence, self._steps, self._curve)
        return told_by(RECENCY, logits, self._intercept, self.version)
