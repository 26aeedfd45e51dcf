"""What beliefs are learnt from, and what a model can do: examples, snapshots, judgements."""

from models.learning.example import (
    CUTS,
    LAST,
    NOT_YET,
    TrainingExample,
    vector_bytes,
    vector_of,
    vectors_of,
)
from models.learning.model import PRIOR, RISK_PARTS, Judge, Judgement, Learner, Snapshot
from models.learning.odds import Floats, logit, sigmoid
from models.learning.order import in_learning_order
from models.learning.weighing import MEMORY_HORIZONS, Weighing

__all__ = [
    "CUTS",
    "LAST",
    "MEMORY_HORIZONS",
    "NOT_YET",
    "PRIOR",
    "RISK_PARTS",
    "Floats",
    "Judge",
    "Judgement",
    "Learner",
    "Snapshot",
    "TrainingExample",
    "Weighing",
    "in_learning_order",
    "logit",
    "sigmoid",
    "vector_bytes",
    "vector_of",
    "vectors_of",
]
