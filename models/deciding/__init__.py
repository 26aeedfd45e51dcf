"""What we would do about a customer: when to act, on whom, and what we then tell the CRM."""

from models.deciding.alert import (
    ALERT_TYPE,
    Action,
    Alert,
    Arm,
    Band,
    Cause,
    Outcome,
    Reason,
    cloud_event_headers,
)

__all__ = [
    "ALERT_TYPE",
    "Action",
    "Alert",
    "Arm",
    "Band",
    "Cause",
    "Outcome",
    "Reason",
    "cloud_event_headers",
]
