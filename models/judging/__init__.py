"""How good a judgement is, and why it says what it says."""

from models.judging.alerted import AtBudget, Confusion, at_budgets, confusion, confusions
from models.judging.campaigns import Campaign, Silences, campaign, silences
from models.judging.causes import CODES
from models.judging.costs import Choice, Offer, Profit, choose, first_offers
from models.judging.curves import Curve, Gain, gains, precision_recall_curve, roc_curve
from models.judging.intervals import (
    MEASURES,
    Interval,
    Weighted,
    bootstrap,
    bootstrap_difference,
)
from models.judging.lifetimes import Survival, survival
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
from models.judging.offpolicy import PolicyValue, policy_value
from models.judging.paired import Contributions, Paired, Ratios, Skill, pair
from models.judging.phrases import LANGUAGES
from models.judging.pooled import Pooled
from models.judging.reasons import Cause, Explainer, Ground, Weighed, Weights
from models.judging.rewards import expected_rewards
from models.judging.shares import share_interval

__all__ = [
    "CODES",
    "LANGUAGES",
    "MEASURES",
    "AtBudget",
    "CalibrationBin",
    "Campaign",
    "Cause",
    "Choice",
    "Confusion",
    "Contributions",
    "Curve",
    "Explainer",
    "Gain",
    "Ground",
    "Interval",
    "Offer",
    "Paired",
    "PolicyValue",
    "Pooled",
    "Prequential",
    "Profit",
    "Ratios",
    "Silences",
    "Skill",
    "Survival",
    "Weighed",
    "Weighted",
    "Weights",
    "at_budgets",
    "average_precision",
    "bootstrap",
    "bootstrap_difference",
    "calibration",
    "calibration_error",
    "campaign",
    "choose",
    "confusion",
    "confusions",
    "expected_rewards",
    "first_offers",
    "gains",
    "log_loss",
    "pair",
    "policy_value",
    "precision_at",
    "precision_recall_curve",
    "roc_auc",
    "roc_curve",
    "share_interval",
    "silences",
    "survival",
]
