"""What a CRM receives, in the form that CloudEvents and the schema promise."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from models.deciding import Alert, Offer, cloud_event_headers

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
#: As it was written before there were policy files.
GOLDEN = (
    '{"alert_id":"a1","user_id":"björn","decided_at":"2026-01-02T03:04:05.678000Z",'
    '"valid_until":"2026-01-09T00:00:00Z","cause":"silence","risk":0.7,"band":"high","reasons":[],'
    '"silence_days":12.0,"action":"remind","arm":"treated","horizon_days":30.0,'
    '"model_version":"prior","catalogue":"c","vector":{"recency":12.0},"v":1}'
).encode()
OLD = msgspec.json.decode(GOLDEN)


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


def test_without_a_policy_file_the_bytes_are_those_of_ever() -> None:
    assert msgspec.json.encode(ALERT) == GOLDEN


def test_what_a_policy_file_adds_survives_the_wire_and_what_it_does_not_is_left_out() -> None:
    offer = Offer(kind="coupon", cost=0.6, depth=0.1, expires=ALERT.valid_until)
    told = msgspec.structs.replace(ALERT, playbook="bargains", variant="ten", offer=offer)
    body = msgspec.json.encode(told)
    assert msgspec.json.decode(body, type=Alert) == told
    more = {key: value for key, value in msgspec.json.decode(body).items() if key not in OLD}
    assert more == {
        "playbook": "bargains",
        "variant": "ten",
        "offer": {"kind": "coupon", "cost": 0.6, "depth": 0.1, "expires": "2026-01-09T00:00:00Z"},
    }


@pytest.mark.parametrize(
    "wrong", [{"risk": 1.2}, {"silence_days": -1.0}, {"arm": "control"}, {"alert_id": ""}]
)
def test_an_alert_that_breaks_its_schema_is_not_read(wrong: dict[str, object]) -> None:
    broken = msgspec.json.encode({**msgspec.to_builtins(ALERT), **wrong})
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(broken, type=Alert)
