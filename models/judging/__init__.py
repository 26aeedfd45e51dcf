"""How good a judgement is, and why it says what it says."""

from models.judging.metrics import (
    CalibrationBin,
    Prequential,
    calibration,
    calibration_error,
    log_loss,
    roc_auc,
)
from models.judging.reasons import Cause, Explainer

__all__ = [
    "CalibrationBin",
    "Cause",
    "Explainer",
    "Prequential",
    "calibration",
    "calibration_error",
    "log_loss",
    "roc_auc",
]
