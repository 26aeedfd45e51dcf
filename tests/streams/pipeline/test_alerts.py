"""What is told of those at risk: to whom, how often and why."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import jsonschema
import msgspec
from hypothesis import given, settings

from features import DAY, HOUR, MINUTE, NEVER, Definition, Event, Millis, from_datetime
from models.deciding import Alert, Decision, Policy
from models.learning import Judge
from streams.pipeline import Arrival, Shop
from tests.features.histories import START, happened
from tests.streams.pipeline.judges import JUDGES, Told, prior_of
from tests.streams.pipeline.logs import CUTS, SHOPS, logs
from tests.streams.pipeline.miniature import run_through, shop_with

ALERT_SCHEMA = msgspec.json.schema(Alert)


@settings(max_examples=80)
@given(logs(), SHOPS, JUDGES, CUTS)
def test_alerts_fit_their_schema_and_leave_customers_in_peace(
    log: list[Arrival], shop: Shop, judge_of: Any, cuts: list[tuple[int, bool]]
) -> None:
    run = run_through(shop, judge_of(shop), log, cuts)
    validator = jsonschema.Draft202012Validator(ALERT_SCHEMA)
    alerted: dict[str, Millis] = {}
    for alert in run.alerts:
        validator.validate(json.loads(msgspec.json.encode(alert)))
        at = from_datetime(alert.decided_at)
        assert alert.risk >= shop.policy.threshold
        assert alert.band == "high"
        assert alert.arm == shop.policy.arm(alert.user_id)
        assert (alert.action == "none") is (alert.arm == "holdout")
        assert from_datetime(alert.valid_until) == at + shop.policy.valid
        assert list(alert.vector) == list(shop.catalogue.names)
        assert alert.silence_days == alert.vector["recency"]
        assert len(alert.reasons) <= 3
        since = at - alerted.get(alert.user_id, -NEVER)
        assert since >= shop.policy.cooldown
        alerted[alert.user_id] = at
    assert len({alert.alert_id for alert in run.alerts}) == len(run.alerts)
    counts = run.counts
    assert counts["alerts"] == len(run.alerts)
    assert counts["alerts_treated"] + counts["alerts_holdout"] == len(run.alerts)


@settings(max_examples=40)
@given(logs(), SHOPS)
def test_an_example_carries_the_vector_and_risk_of_its_alert_and_whether_it_was_treated(
    log: list[Arrival], shop: Shop
) -> None:
    run = run_through(shop, prior_of(shop), log)
    alerts = {alert.alert_id: alert for alert in run.alerts}
    for example in run.examples:
        alert = alerts.get(example.example_id.split(".")[0])
        assert example.treated is (alert is not None and alert.arm == "treated")
        if alert is not None:
            assert example.vector == list(alert.vector.values())
            assert (example.risk, example.model_version) == (alert.risk, alert.model_version)
            assert (example.cause, example.user_id) == (alert.cause, alert.user_id)


def alerts_of(events: Sequence[Event], judge: Judge) -> list[tuple[float, str]]:
    """Return day and cause of each alert; nobody is held out, and the cooldown is 10 days."""
    shop = shop_with(policy=Policy(threshold=0.5, hysteresis=0.1, cooldown=10 * DAY, holdout=0))
    log = [Arrival(n, event.at, event) for n, event in enumerate(events)]
    run = run_through(shop, judge, log)
    return [((from_datetime(alert.decided_at) - START) / DAY, alert.cause) for alert in run.alerts]


def test_trouble_alerts_a_raised_customer_again_but_only_after_the_cooldown() -> None:
    visit = happened(0, "visit", START)
    end = happened(99, "visit", START + 88 * DAY, "björn")
    high = Told(0.9)
    session_end = 30 * MINUTE / DAY
    # Silence is looked at eight times, but a risk that stays high is no news.
    assert alerts_of([visit, end], high) == [(session_end, "session_end")]
    soon = happened(1, "complaint", START + 10 * DAY)
    assert alerts_of([visit, soon, end], high) == [(session_end, "session_end")]
    later = happened(1, "complaint", START + 11 * DAY)
    assert alerts_of([visit, later, end], high) == [
        (session_end, "session_end"),
        (11.0, "distress"),
    ]
    assert alerts_of([visit, later, end], Told(0.49)) == []


def test_the_last_decisions_are_kept_and_no_more_than_that() -> None:
    shop = shop_with()
    events = [happened(n, "visit", START + n * 2 * HOUR) for n in range(60)]
    log = [Arrival(n, event.at, event) for n, event in enumerate(events)]
    run = run_through(shop, prior_of(shop), log, [(7, True)] * 8)
    decisions: list[Decision] = run.ledger("ada").decisions
    assert run.counts["decisions"] > 50
    assert len(decisions) == 8
    ends = [event.at + 30 * MINUTE for event in events]
    assert [each.at for each in decisions] == [end for end in ends if end <= events[-1].at][-8:]
    assert all(each.why and not each.alert for each in decisions)


def test_every_alert_has_reasons_in_words() -> None:
    shop = shop_with(Definition(activity=frozenset({"visit"})))
    events = [happened(n, "visit", START + n * 9 * DAY) for n in range(5)]
    end = happened(99, "visit", START + 67 * DAY, "björn")
    log = [Arrival(n, each.at, each) for n, each in enumerate([*events, end])]
    run = run_through(shop, prior_of(shop), log)
    last = run.alerts[-1]
    silence = round(last.silence_days)
    [reason] = last.reasons
    assert reason.code == "silence"
    assert reason.text.startswith(f"usually comes every 9 days, silent for {silence}")
    assert silence > 9
