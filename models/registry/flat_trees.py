"""Judging with trees that are laid out flat: all customers at once, a level at a time.

Apart from the learners, so that a worker needs nothing but numpy to judge.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from models.learning import Floats, Judgement, Snapshot
from models.registry.plain import check_fit, unexplained
from models.registry.task import Task

#: Levels of a tree, at most.
_DEEPEST: Final = 64
#: The parts of a flat tree, one entry a node.
PARTS: Final = ("feature", "threshold", "left", "right", "risk", "say")


class FlatTrees:
    """Trees as arrays.

    Parameters
    ----------
    data
        ``roots`` and ``votes``, one of each tree: where it starts and how much it counts. Of each
        node: the ``feature`` that is looked at and the ``threshold`` up to which it goes to the
        ``left``, else to the ``right``; of a leaf, -1 and itself. What it says on the way, its
        ``risk``, counts as much as ``say``.

    Examples
    --------
    >>> trees = FlatTrees({
    ...     "roots": [0], "votes": [1.0], "feature": [0, -1, -1], "threshold": [9.0, 0.0, 0.0],
    ...     "left": [1, 1, 2], "right": [2, 1, 2], "risk": [0.5, 0.1, 0.9], "say": [0.0, 1.0, 1.0]})
    >>> trees.risks(np.array([[3.0], [30.0]])).tolist()
    [0.1, 0.9]
    """

    def __init__(self, data: dict[str, Any]) -> None:
        self._feature, self._left, self._right = (
            np.array(data[part], dtype=np.intp) for part in ("feature", "left", "right")
        )
        self._threshold, self._risk, self._say = (
            np.array(data[part], dtype=np.float64) for part in ("threshold", "risk", "say")
        )
        self._trees = list(zip(data["roots"], data["votes"], strict=True))

    def risks(self, rows: Floats) -> Floats:
        """Return the risk of each row."""
        risks, votes = np.zeros(len(rows)), np.zeros(len(rows))
        each = np.arange(len(rows))
        for root, vote in self._trees:
            node = np.full(len(rows), root, dtype=np.intp)
            said, heard = np.zeros(len(rows)), np.zeros(len(rows))
            walking = np.ones(len(rows), dtype=bool)
            for _ in range(_DEEPEST):
                say = np.where(walking, self._say[node], 0.0)
                said += say * self._risk[node]
                heard += say
                feature = self._feature[node]
                walking &= feature >= 0
                if not walking.any():
                    break
                low = rows[each, np.maximum(feature, 0)] <= self._threshold[node]
                node = np.where(walking, np.where(low, self._left[node], self._right[node]), node)
            risks += vote * said / heard
            votes += vote
        result: Floats = risks / votes
        return result


class TreesJudge:
    """Trees as the workers have them.

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
        check_fit(task.inputs, snapshot)
        self._inputs = task.inputs
        self._trees = FlatTrees(snapshot.state["flat"])
        self.version = snapshot.version

    def judge(self, vectors: npt.NDArray[np.float32]) -> Judgement:
        """Return the risks of raw vectors."""
        return unexplained(self._trees.risks(self._inputs.matrix(vectors)), self.version)
