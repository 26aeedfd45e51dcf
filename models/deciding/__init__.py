"""What we would do about a customer: when to act, on whom, and what we then tell the CRM."""

from models.deciding.alert import (
    ALERT_TYPE,
    Action,
    Alert,
    Arm,
    Band,
    Cause,
    Reason,
    cloud_event_headers,
)
from models.deciding.decision import Decision, rounded
from models.deciding.ledger import Ledger, decision_id
from models.deciding.log import DECISIONS_KEPT
from models.deciding.outcome import InvalidOutcome, Outcome, decode_outcome, encode_outcome
from models.deciding.policy import WHY, Because, Policy, Standing, Verdict, suggested_action
from models.deciding.prediction import Prediction
from models.deciding.whatif import Point, verdicts

__all__ = [
    "ALERT_TYPE",
    "DECISIONS_KEPT",
    "WHY",
    "Action",
    "Alert",
    "Arm",
    "Band",
    "Because",
    "Cause",
    "Decision",
    "InvalidOutcome",
    "Ledger",
    "Outcome",
    "Point",
    "Policy",
    "Prediction",
    "Reason",
    "Standing",
    "Verdict",
    "cloud_event_headers",
    "decision_id",
    "decode_outcome",
    "encode_outcome",
    "rounded",
    "suggested_action",
    "verdicts",
]
