"""A schema accepts what its type reads and writes, and refuses what the type refuses."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features import Event, InvalidEvent, decode_event, encode_event
from models.deciding import Alert, Offer, Outcome, Reason
from models.learning import TrainingExample
from models.watching import ModelEvent
from streams.deadletters import DeadLetter
from streams.schemas import WIRES, json_schema

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
INSTANCES: dict[str, Any] = {
    "event": Event(event_id="e", user_id="ada", type="purchase", time=NOON, price=9.5),
    "alert": Alert(
        alert_id="a",
        user_id="ada",
        decided_at=NOON,
        valid_until=NOON,
        cause="silence",
        risk=0.8,
        band="high",
        reasons=[Reason("silence", "usually comes every 9 days, silent for 31", 1.2)],
        silence_days=31.0,
        action="offer",
        arm="treated",
        horizon_days=30.0,
        model_version="prior",
        catalogue="c",
        vector={"recency": 31.0},
    ),
    "outcome": Outcome(outcome_id="o", alert_id="a", user_id="ada", type="opened", time=NOON),
    "example": TrainingExample(
        example_id="x",
        user_id="ada",
        at=0,
        matured_at=1,
        cause="silence",
        label=1,
        risk=0.5,
        model_version="prior",
        treated=False,
        catalogue="c",
        vector=[1.0],
    ),
    "model-event": ModelEvent(
        event_id="e",
        type="drift",
        at=0,
        model="bayes-7",
        detector="adwin",
        feature="loss",
        numbers={"before": 0.3, "after": 0.4},
    ),
    "dead-letter": DeadLetter(
        reason="r", field="", topic="clickstream", partition=0, offset=1, timestamp=2
    ),
}
BROKEN = [
    ("event", "user_id", ""),
    ("event", "user_id", None),
    ("event", "time", -1),
    ("event", "price", "9.50"),
    ("event", "rating", 6),
    ("event", "traits", {"tier": ["gold"]}),
    ("event", "nested", {"a": 1}),
    ("event", "v", 2),
    ("alert", "risk", 1.5),
    ("alert", "arm", "control"),
    ("alert", "reasons", [{"code": "silence"}]),
    ("alert", "vector", {"recency": "long"}),
    ("outcome", "type", "seen"),
    ("outcome", "time", 0),
    ("example", "label", 2),
    ("example", "vector", [None]),
    ("model-event", "type", "rain"),
    ("model-event", "numbers", {"before": "low"}),
    ("dead-letter", "offset", "1"),
]


def validator(name: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(
        json_schema(name), format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )


def wire(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(msgspec.json.encode(INSTANCES[name]))
    return loaded


@pytest.mark.parametrize("name", WIRES)
def test_a_schema_is_itself_valid_and_names_its_version(name: str) -> None:
    schema = json_schema(name)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    version = {"example": 2}.get(name, 1)
    assert schema["$id"] == f"urn:ebbtide:{name}:v{version}"
    assert schema["title"] and schema["description"]


@pytest.mark.parametrize("name", WIRES)
def test_every_field_says_what_it_means(name: str) -> None:
    fields = json_schema(name)["properties"]
    assert [field for field, about in fields.items() if not about.get("description")] == []


@pytest.mark.parametrize("name", WIRES)
def test_what_is_written_validates(name: str) -> None:
    validator(name).validate(wire(name))


def test_an_alert_by_a_policy_file_validates_and_its_offer_says_what_it_means() -> None:
    offer = Offer(kind="coupon", depth=0.1, expires=NOON, cost=0.6)
    alert = msgspec.structs.replace(
        INSTANCES["alert"],
        **{"policy": "6e34", "playbook": "bargains", "variant": "ten", "channel": "email"},
        **{"holdout_share": 0.28, "variant_share": 0.5},
        **{"offer": offer, "not_before": NOON, "value": 49.79, "currency": "EUR"},
        steering="explored",
    )
    message = json.loads(msgspec.json.encode(alert))
    validator("alert").validate(message)
    assert not validator("alert").is_valid({**message, "offer": {"kind": "gift"}})
    assert not validator("alert").is_valid({**message, "holdout_share": 1.2})
    assert not validator("alert").is_valid({**message, "steering": "at random"})
    fields = json_schema("alert")["$defs"]["Offer"]["properties"]
    assert [field for field, about in fields.items() if not about.get("description")] == []


@pytest.mark.parametrize("name", WIRES)
def test_every_required_field_is_required(name: str) -> None:
    required = json_schema(name)["required"]
    assert required
    for field in required:
        message = wire(name)
        del message[field]
        assert not validator(name).is_valid(message), field


@pytest.mark.parametrize(("name", "field", "value"), BROKEN)
def test_what_the_type_refuses_the_schema_refuses(name: str, field: str, value: object) -> None:
    message = {**wire(name), field: value}
    with pytest.raises((msgspec.ValidationError, InvalidEvent)):
        raw = msgspec.json.encode(message)
        if name == "event":
            decode_event(raw)
        else:
            msgspec.json.decode(raw, type=type(INSTANCES[name]))
    assert not validator(name).is_valid(message)


@pytest.mark.parametrize("time", ["2026-01-01T00:00:00Z", "2026-01-01T01:00:00+01:00", 0])
def test_the_time_of_an_event_is_iso_text_or_milliseconds(time: object) -> None:
    message = {**wire("event"), "time": time}
    validator("event").validate(message)
    decode_event(msgspec.json.encode(message))


scalars = st.none() | st.booleans() | st.integers(-(2**50), 2**50) | st.text(max_size=20)


@given(
    st.dictionaries(
        st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=20),
        scalars | st.lists(scalars, max_size=2) | st.dictionaries(st.text(max_size=3), scalars),
        max_size=5,
    )
)
def test_schema_and_decoder_agree_about_unknown_fields(extra: dict[str, object]) -> None:
    message = {**extra, **wire("event")}
    try:
        event = decode_event(msgspec.json.encode(message))
    except InvalidEvent:
        assert not EVENT.is_valid(message)
    else:
        EVENT.validate(message)
        EVENT.validate(json.loads(encode_event(event)))


EVENT = validator("event")
