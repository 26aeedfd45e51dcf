"""How beliefs are learnt: examples, their labels, the models and their snapshots."""

from models.learning.challenge import ROUND, Guard, Rivalry, Trial
from models.learning.drift import Watch
from models.learning.example import CUTS, LAST, NOT_YET, TrainingExample
from models.learning.inputs import Inputs
from models.learning.model import PRIOR, Judge, Judgement, Learner, Snapshot
from models.learning.model_event import ModelEvent, model_event_id
from models.learning.order import in_learning_order
from models.learning.pairs import Pairs
from models.learning.plain import MissingLibrary
from models.learning.registry import REGISTRY, Entry, judge_of, prior_judge
from models.learning.stability import Stability
from models.learning.stages import BAYES
from models.learning.task import Task
from models.learning.weighing import Weighing

__all__ = [
    "BAYES",
    "CUTS",
    "LAST",
    "NOT_YET",
    "PRIOR",
    "REGISTRY",
    "ROUND",
    "Entry",
    "Guard",
    "Inputs",
    "Judge",
    "Judgement",
    "Learner",
    "MissingLibrary",
    "ModelEvent",
    "Pairs",
    "Rivalry",
    "Snapshot",
    "Stability",
    "Task",
    "TrainingExample",
    "Trial",
    "Watch",
    "Weighing",
    "in_learning_order",
    "judge_of",
    "model_event_id",
    "prior_judge",
]
