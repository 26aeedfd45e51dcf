"""The default model: a renewal view of each customer, and a recursive Bayesian logistic."""

from models.bayes.kalman import Scaler
from models.bayes.kinds import READS, Kinds
from models.bayes.panel import Panel
from models.bayes.signs import OFFSETS, SIGNS, Signs
from models.bayes.staged import StagedLearner
from models.bayes.stages import BAYES, StagedJudge, for_workers

__all__ = [
    "BAYES",
    "OFFSETS",
    "READS",
    "SIGNS",
    "Kinds",
    "Panel",
    "Scaler",
    "Signs",
    "StagedJudge",
    "StagedLearner",
    "for_workers",
]
