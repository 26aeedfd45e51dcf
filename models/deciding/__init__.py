"""What we would do about a customer: when to act, on whom, and what we then tell the CRM."""

from models.deciding.alert import (
    ALERT_TYPE,
    Action,
    Alert,
    Arm,
    Band,
    Cause,
    Offer,
    Reason,
    cloud_event_headers,
)
from models.deciding.decision import Decision, rounded, why
from models.deciding.ledger import Ledger, decision_id
from models.deciding.log import DECISIONS_KEPT
from models.deciding.outcome import InvalidOutcome, Outcome, decode_outcome, encode_outcome
from models.deciding.play import OBSTACLES_KEPT, Obstacle, Play
from models.deciding.policy import (
    WHY,
    Because,
    Policy,
    Standing,
    Verdict,
    suggested_action,
    suggested_of,
)
from models.deciding.prediction import Prediction
from models.deciding.promised import NOTHING_PROMISED, Promised
from models.deciding.sent import Sent
from models.deciding.whatif import Point, verdicts

__all__ = [
    "ALERT_TYPE",
    "DECISIONS_KEPT",
    "NOTHING_PROMISED",
    "OBSTACLES_KEPT",
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
    "Obstacle",
    "Offer",
    "Outcome",
    "Play",
    "Point",
    "Policy",
    "Prediction",
    "Promised",
    "Reason",
    "Sent",
    "Standing",
    "Verdict",
    "cloud_event_headers",
    "decision_id",
    "decode_outcome",
    "encode_outcome",
    "rounded",
    "suggested_action",
    "suggested_of",
    "verdicts",
    "why",
]
