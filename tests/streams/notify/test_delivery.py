"""What an endpoint is told: the alert as it is, in an envelope, and never of the held-out."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from features import from_datetime
from models.deciding import Alert, Reason
from streams.notify.delivery import LARGEST, NotSent, notice_of
from tests.streams.notify.alerts import alert, published, wall


def test_an_alert_is_told_as_it_was_published() -> None:
    value = published(7)
    notice = notice_of(value, wall())
    body = json.loads(notice.body)
    assert list(body) == ["type", "timestamp", "data"]
    assert body["type"] == notice.kind == "intervention.decided"
    assert body["data"] == json.loads(value)
    told = datetime.fromisoformat(body["timestamp"])
    assert abs(told - datetime.fromisoformat(body["data"]["decided_at"])) < timedelta(seconds=1)
    assert notice.webhook_id == f"{7:032x}"


def test_it_is_told_when_the_customer_may_be_disturbed() -> None:
    assert notice_of(published(1), wall()).not_before == 0
    morning = datetime(2030, 1, 1, 8, tzinfo=UTC)
    assert notice_of(published(1, not_before=morning), wall()).not_before == from_datetime(morning)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"arm": "holdout", "action": "none"}, "held_out"),
        ({"arm": "holdout", "action": "offer"}, "held_out"),
        ({"arm": "treated", "action": "none"}, "held_out"),
        ({"valid_until": datetime(2020, 1, 1, tzinfo=UTC)}, "expired"),
        ({"alert_id": "a\r\nx-evil: 1"}, "invalid"),
        ({"alert_id": "a.b"}, "invalid"),
        ({"alert_id": "a\n"}, "invalid"),
        ({"user_id": "u" * 200, "reasons": [Reason("r", "x" * 20_000, 1.0)]}, "invalid"),
    ],
)
def test_some_are_never_told(changes: dict[str, object], why: str) -> None:
    with pytest.raises(NotSent) as told:
        notice_of(published(1, **changes), wall())
    assert str(told.value).partition(":")[0] == why


@pytest.mark.parametrize("value", [b"", b"\xff", b"{}", b"[]", b'"alert"'])
def test_what_is_not_an_alert_is_refused(value: bytes) -> None:
    with pytest.raises(NotSent, match="invalid"):
        notice_of(value, wall())


def test_one_that_is_too_large_leaves_the_numbers_of_the_model_out() -> None:
    much = alert(1, vector={f"feature_{n}": n / 7 for n in range(1_000)})
    notice = notice_of(msgspec.json.encode(much), wall())
    assert len(notice.body) <= LARGEST
    told = msgspec.json.decode(msgspec.json.encode(json.loads(notice.body)["data"]), type=Alert)
    assert told == msgspec.structs.replace(much, vector={})


def test_what_a_newer_worker_says_is_passed_on() -> None:
    newer = {**json.loads(published(1)), "action": "serenade", "arm": "b", "offer": {"depth": 5}}
    notice = notice_of(json.dumps(newer).encode(), wall())
    assert json.loads(notice.body)["data"] == newer
