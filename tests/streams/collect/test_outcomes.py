"""Outcomes at the door: keyed by customer, for keys that are good for them, each told its fault."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from models.deciding import decode_outcome
from streams.collect.limits import Limits
from streams.collect.openapi import openapi
from streams.keys import digest_of
from streams.topics import partition_of
from tests.streams.collect.servers import WEB, Broker, Collector, Keys, running

CRM = msgspec.structs.replace(
    WEB, name="crm", digest=digest_of("ebb_crm"), scopes=("outcomes",), rate=30.0
)


def outcome(number: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "outcome_id": f"o{number}",
        "alert_id": "a1",
        "user_id": "ada",
        "type": "opened",
        "time": "2026-01-02T00:00:00Z",
        **more,
    }


@pytest.fixture(scope="module")
def shared() -> Iterator[Collector]:
    with running(Limits(body=100_000), keys=Keys([WEB, CRM])) as made:
        yield made


@pytest.fixture
def door(shared: Collector) -> Collector:
    shared.broker.records.clear()
    shared.clock.now += 1_000
    return shared


def test_outcomes_come_alone_in_a_list_and_with_a_name(door: Collector) -> None:
    for said, taken in (
        (outcome(1, cost=0.2, value=40.0, properties={"coupon": "X"}), 1),
        ([outcome(2), outcome(3)], 2),
        ({"outcomes": [outcome(4)]}, 1),
        ([], 0),
    ):
        answer = door.post("/v1/outcomes", said, key="ebb_crm")
        assert (answer.status, answer.said) == (200, {"taken": taken, "errors": []})
    assert {record.topic for record in door.broker.records} == {"outcomes"}
    found = [decode_outcome(record.value) for record in door.broker.records]
    assert [each.outcome_id for each in found] == ["o1", "o2", "o3", "o4"]
    assert (found[0].cost, found[0].value, found[0].properties) == (0.2, 40.0, {"coupon": "X"})
    assert {(record.key, record.partition) for record in door.broker.records} == {
        (b"ada", partition_of(b"ada", 4))
    }
    assert dict(door.broker.records[0].headers) == {"ebb_source": b"crm"}
    told = door.ask("GET", "/metrics").body.decode()
    assert 'ebb_collect_outcomes_total{source="crm"} 4' in told


@pytest.mark.parametrize(
    "kind",
    [
        *("sent", "delivered", "opened", "clicked", "redeemed", "converted"),
        *("complained", "unsubscribed", "declined", "failed"),
    ],
)
def test_whatever_can_happen_to_an_alert_is_taken(door: Collector, kind: str) -> None:
    assert door.post("/v1/outcomes", outcome(type=kind), key="ebb_crm").said["taken"] == 1


def test_of_a_list_what_cannot_be_used_is_told_by_its_place(door: Collector) -> None:
    said = [outcome(1), outcome(2, type="vanished"), outcome(3), None, outcome(4, alert_id="")]
    answer = door.post("/v1/outcomes", said, key="ebb_crm")
    assert (answer.status, answer.said["taken"]) == (200, 2)
    errors = [(each["index"], each["code"], each.get("field")) for each in answer.said["errors"]]
    assert errors == [
        (1, "invalid_outcome", "type"),
        (3, "invalid_outcome", None),
        (4, "invalid_outcome", "alert_id"),
    ]
    assert len(door.broker.records) == 2


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"type": "vanished"}, "type"),
        ({"time": "yesterday"}, "time"),
        ({"time": "2026-01-02T00:00:00"}, "time"),
        ({"time": "2226-01-02T00:00:00Z"}, "time"),
        ({"cost": -1}, "cost"),
        ({"user_id": "a\u0001"}, "user_id"),
        ({"properties": {str(number): 1 for number in range(65)}}, "properties"),
    ],
)
def test_an_outcome_that_comes_alone_and_cannot_be_used_is_refused(
    door: Collector, more: dict[str, Any], field: str
) -> None:
    answer = door.post("/v1/outcomes", outcome(1, **more), key="ebb_crm")
    assert (answer.status, answer.code, answer.said["field"]) == (400, "invalid_outcome", field)
    assert door.broker.records == []


@pytest.mark.parametrize(
    ("body", "code"),
    [(b"7", "invalid_request"), (b"{", "invalid_json"), (b"[" * 90_000, "invalid_json")],
)
def test_what_is_no_outcome_at_all_is_refused(door: Collector, body: bytes, code: str) -> None:
    answer = door.ask("POST", "/v1/outcomes", body, key="ebb_crm")
    assert (answer.status, answer.code) == (400, code)


def test_a_key_for_events_is_not_good_for_outcomes_nor_the_other_way_round(
    door: Collector,
) -> None:
    for path, said, key in (
        ("/v1/outcomes", outcome(), None),
        ("/v1/outcomes", outcome(), "ebb_secret"),
        ("/v1/events", {"event_id": "e", "user_id": "ada", "type": "visit", "time": 0}, "ebb_crm"),
    ):
        answer = door.post(path, said, key=key)
        wanted = (401, "no_key") if key is None else (403, "wrong_scope")
        assert (answer.status, answer.code) == wanted
    assert door.post("/v1/outcomes?writeKey=ebb_crm", outcome(), key=None).status == 200


def test_outcomes_count_against_the_rate_of_their_key(door: Collector) -> None:
    batch = [outcome(number) for number in range(350)]
    assert door.post("/v1/outcomes", batch, key="ebb_crm").status == 200
    assert door.post("/v1/outcomes", outcome(), key="ebb_crm").code == "rate_limited"


def test_without_kafka_an_outcome_is_told_to_come_back() -> None:
    with running(Limits(open=True), Broker(held=True)) as door:
        answer = door.post("/v1/outcomes", outcome(), key=None)
        assert (answer.status, answer.code) == (429, "kafka_away")
        door.call(door.broker.let_go)


def test_the_document_tells_the_form_of_an_outcome() -> None:
    document = openapi(Limits())
    body = document["paths"]["/v1/outcomes"]["post"]["requestBody"]
    assert "Outcomes" in json.dumps(body)
    kinds = document["components"]["schemas"]["Outcome"]["properties"]["type"]["enum"]
    assert {"converted", "complained", "sent"} <= set(kinds)
