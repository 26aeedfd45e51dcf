"""Alerts as the workers publish them."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from models.deciding import Alert, Reason


def alert(number: int, **changes: Any) -> Alert:
    now = datetime.now(UTC)
    words: dict[str, Any] = {
        "alert_id": f"{number:032x}",
        "user_id": f"shopper-{number}",
        "decided_at": now,
        "valid_until": now + timedelta(days=7),
        "cause": "silence",
        "risk": 0.75,
        "band": "high",
        "reasons": [Reason("silence", "usually comes every 9 days, silent for 31", 1.2)],
        "silence_days": 31.0,
        "action": "offer",
        "arm": "treated",
        "horizon_days": 30.0,
        "model_version": "bayes-7",
        "catalogue": "0011223344556677",
        "vector": {"recency_days": 31.0, "visits_7d": 0.0},
        **changes,
    }
    return Alert(**words)


def published(number: int, **changes: Any) -> bytes:
    return msgspec.json.encode(alert(number, **changes))


def wall() -> int:
    return time.time_ns() // 1_000_000
