"""How good a judgement is, and why it says what it says."""

from models.judging.causes import CODES
from models.judging.metrics import (
    CalibrationBin,
    Prequential,
    average_precision,
    calibration,
    calibration_error,
    log_loss,
    precision_at,
    roc_auc,
)
from models.judging.phrases import LANGUAGES
from models.judging.pooled import Pooled
from models.judging.reasons import Cause, Explainer, Weighed, Weights

__all__ = [
    "CODES",
    "LANGUAGES",
    "CalibrationBin",
    "Cause",
    "Explainer",
    "Pooled",
    "Prequential",
    "Weighed",
    "Weights",
    "average_precision",
    "calibration",
    "calibration_error",
    "log_loss",
    "precision_at",
    "roc_auc",
]
