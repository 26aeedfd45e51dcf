"""The models that can be named in the settings, each with how it learns and how it judges."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from models.learning.folded import LOGISTIC, logistic_judge
from models.learning.inputs import Inputs
from models.learning.model import Judge, Learner, PriorJudge, Snapshot


@dataclass(frozen=True)
class Entry:
    """A model of the registry.

    Parameters
    ----------
    meaning
        One line for those who choose.
    learner
        Makes the learning side, afresh or from a snapshot.
    judge
        Makes the judging side from a snapshot.
    """

    meaning: str
    learner: Callable[[Inputs, Snapshot | None], Learner]
    judge: Callable[[Inputs, Snapshot], Judge]


def _logistic(inputs: Inputs, snapshot: Snapshot | None) -> Learner:
    # River takes a second to import, and only the learner needs it.
    from models.learning.logistic import LogisticLearner

    return LogisticLearner(inputs, snapshot)


REGISTRY: Final[Mapping[str, Entry]] = MappingProxyType(
    {
        LOGISTIC: Entry(
            "standardised logistic regression with AdaGrad (River)",
            _logistic,
            logistic_judge,
        ),
    }
)


def judge_of(inputs: Inputs, snapshot: Snapshot | None, warmup: int) -> Judge:
    """Return who judges: the model of the snapshot, or the prior while it has learnt too little.

    Parameters
    ----------
    inputs
        From raw vectors to inputs.
    snapshot
        The newest one; None when there is none.
    warmup
        Examples that a model must have learnt, and at least one of each label, before it takes
        over from the prior.

    Raises
    ------
    ValueError
        If the snapshot is of an unknown model, or of one learnt for something else.
    """
    if snapshot is None or snapshot.learnt < warmup or not (snapshot.returned and snapshot.churned):
        return PriorJudge(inputs)
    if snapshot.name not in REGISTRY:
        raise ValueError(f"unknown model {snapshot.name!r}; known are {', '.join(REGISTRY)}")
    return REGISTRY[snapshot.name].judge(inputs, snapshot)
