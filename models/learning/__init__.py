"""How beliefs are learnt: examples, their labels, the models and their snapshots."""

from models.learning.example import TrainingExample
from models.learning.inputs import Inputs
from models.learning.model import PRIOR, Judge, Judgement, Learner, PriorJudge, Snapshot
from models.learning.registry import REGISTRY, judge_of
from models.learning.renewal import RenewalView

__all__ = [
    "PRIOR",
    "REGISTRY",
    "Inputs",
    "Judge",
    "Judgement",
    "Learner",
    "PriorJudge",
    "RenewalView",
    "Snapshot",
    "TrainingExample",
    "judge_of",
]
