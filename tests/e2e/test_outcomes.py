"""What a CRM reports, on a real Kafka and Redis: taken beside the events, whatever is killed."""

from __future__ import annotations

import signal
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from models.deciding import Outcome, encode_outcome
from streams.brokers import open_producer
from tests.e2e.corner import Corner, ended
from tests.servers import wait_for

pytestmark = pytest.mark.e2e

BEGAN = datetime(2026, 3, 1, tzinfo=UTC)


def outcome(number: int, what: Any = "opened", **more: Any) -> Outcome:
    words = {"user_id": f"shopper-{number}", "time": BEGAN + timedelta(minutes=number), **more}
    return Outcome(outcome_id=f"o-{number}", alert_id=f"a-{number}", type=what, **words)


def report(corner: Corner, outcomes: Iterable[Outcome | bytes]) -> None:
    """Report what came of alerts, as a CRM with its own producer would."""
    with open_producer(corner.settings) as producer:
        for each in outcomes:
            raw = each if isinstance(each, bytes) else encode_outcome(each)
            key = b"nobody" if isinstance(each, bytes) else each.user_id.encode()
            producer.send(corner.settings.topic("outcomes"), key=key, value=raw)


def test_each_outcome_is_taken_though_the_worker_is_killed_while_it_reads(corner: Corner) -> None:
    child = corner.worker()
    report(corner, map(outcome, range(3_000)))
    wait_for("some are taken", lambda: corner.status()["outcomes"] > 0, 40)
    report(corner, [*map(outcome, range(3_000, 6_000)), b"\xff", b"{}"])
    child.send_signal(signal.SIGKILL)
    assert child.wait(10) == -signal.SIGKILL
    child = corner.worker()
    found = corner.idle(60)
    assert (found["outcomes"], found["outcomes_invalid"], found["outcomes_lag"]) == (6_000, 2, 0)
    letters = [each.value for each in corner.read("dead_letters")]
    assert set(letters) == {b"\xff", b"{}"}
    child.terminate()
    assert ended(child, 15)[0] == 0
