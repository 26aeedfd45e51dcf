"""What a CRM receives, in the form that CloudEvents and the schema promise."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from models.deciding import Alert, cloud_event_headers

ALERT = Alert(
    alert_id="a1",
    user_id="björn",
    decided_at=datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC),
    valid_until=datetime(2026, 1, 9, tzinfo=UTC),
    cause="silence",
    risk=0.7,
    band="high",
    reasons=[],
    silence_days=12.0,
    action="remind",
    arm="treated",
    horizon_days=30.0,
    model_version="prior",
    catalogue="c",
    vector={"recency": 12.0},
)


def test_an_alert_has_the_attributes_of_a_cloud_event() -> None:
    headers = dict(cloud_event_headers(ALERT))
    assert headers == {
        "ce_specversion": b"1.0",
        "ce_type": b"ebbtide.alert.v1",
        "ce_source": b"/ebbtide",
        "ce_id": b"a1",
        "ce_time": b"2026-01-02T03:04:05.678Z",
        "ce_subject": "björn".encode(),
        "content-type": b"application/json",
    }


def test_an_alert_survives_the_wire() -> None:
    assert msgspec.json.decode(msgspec.json.encode(ALERT), type=Alert) == ALERT


@pytest.mark.parametrize(
    "wrong", [{"risk": 1.2}, {"silence_days": -1.0}, {"arm": "control"}, {"alert_id": ""}]
)
def test_an_alert_that_breaks_its_schema_is_not_read(wrong: dict[str, object]) -> None:
    broken = msgspec.json.encode({**msgspec.to_builtins(ALERT), **wrong})
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(broken, type=Alert)
