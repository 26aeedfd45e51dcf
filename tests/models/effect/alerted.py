"""Alerts, events and outcomes of simulated customers, a word each."""

from __future__ import annotations

from typing import Any

from features import DAY, Event, Millis, to_datetime
from models.deciding import Alert, Outcome, Reason

START: Millis = 1_767_225_600_000
HORIZON = 30 * DAY
#: What the lifecycle reads, of a customer of each kind.
LOYAL = {"tenure": 100.0, "visit_days": 12.0, "gap_mean": 8.0, "gap_usual": 8.0}
OCCASIONAL = {"tenure": 90.0, "visit_days": 2.0, "gap_mean": 40.0, "gap_usual": 40.0}


def alert(name: str, at: Millis = START, **more: Any) -> Alert:
    """Return an alert; of a treated customer who is worth an offer, unless more says otherwise."""
    said: dict[str, Any] = {
        "alert_id": f"{name}@{at}",
        "user_id": name,
        "decided_at": to_datetime(at),
        "valid_until": to_datetime(at + 7 * DAY),
        "cause": "silence",
        "risk": 0.85,
        "band": "high",
        "reasons": [Reason("silence", "silent for 31 days", 1.0)],
        "silence_days": 31.0,
        "action": "none" if more.get("arm") == "holdout" else "offer",
        "arm": "treated",
        "horizon_days": 30.0,
        "model_version": "prior",
        "catalogue": "c",
        "vector": LOYAL,
    }
    return Alert(**{**said, **more})


def event(name: str, at: Millis, kind: str = "visit", **more: Any) -> Event:
    """Return something that a customer did."""
    said = {"event_id": f"{name}/{kind}@{at}", "user_id": name, "type": kind, "time": at}
    return Event(**{**said, **more})


def outcome(number: int, about: Alert, at: Millis, kind: str = "delivered", **more: Any) -> Outcome:
    """Return what a CRM says happened to an alert."""
    said = {
        "outcome_id": f"o{number}",
        "alert_id": about.alert_id,
        "user_id": about.user_id,
        "type": kind,
        "time": to_datetime(at),
    }
    return Outcome(**{**said, **more})
