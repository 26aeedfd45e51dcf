"""The AsyncAPI document says what is really written and read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import msgspec
import pytest
from click.testing import CliRunner

from models.deciding import cloud_event_headers
from streams.asyncapi import asyncapi
from streams.cli import ebb
from streams.cli.context import Context
from streams.deadletters import HEADER
from streams.settings import Settings, load_settings
from streams.topics import topic_plan
from tests.streams.test_schemas import BROKEN, INSTANCES

PUBLIC = {
    "clickstream": "event",
    "outcomes": "outcome",
    "interventions": "alert",
    "model-events": "model-event",
    "dead-letters": "dead-letter",
}


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        for key, value in part.items():
            if key == "$ref":
                yield value
            else:
                yield from references(value)
    elif isinstance(part, list):
        for each in part:
            yield from references(each)


def at(document: Any, reference: str) -> Any:
    for step in reference.removeprefix("#/").split("/"):
        document = document[step]
    return document


def schema_of(document: dict[str, Any], message: str) -> dict[str, Any]:
    """Return a payload's schema with the whole document around it, so that its parts are found."""
    title = type(INSTANCES[message]).__name__
    return {**document["components"]["schemas"][title], "components": document["components"]}


def test_every_reference_leads_to_something() -> None:
    document = asyncapi(Settings())
    found = list(references(document))
    assert len(found) > len(PUBLIC) * 3
    assert all(isinstance(at(document, each), dict) for each in found)


@pytest.mark.parametrize("message", PUBLIC.values())
def test_what_is_written_is_as_described(message: str) -> None:
    written = json.loads(msgspec.json.encode(INSTANCES[message]))
    jsonschema.validate(written, schema_of(asyncapi(Settings()), message))


@pytest.mark.parametrize(
    ("message", "field", "value"),
    [(message, field, value) for message, field, value in BROKEN if message in PUBLIC.values()],
)
def test_what_is_refused_is_described_as_wrong(message: str, field: str, value: Any) -> None:
    wrong = {**json.loads(msgspec.json.encode(INSTANCES[message])), field: value}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, schema_of(asyncapi(Settings()), message))


def test_topics_are_those_of_the_settings() -> None:
    environ = {"EBB_TOPICS_PREFIX": "shop.", "EBB_TOPICS_PARTITIONS": "7", "EBB_KAFKA": "a:1,b:2"}
    settings = load_settings(environ=environ).settings
    document = asyncapi(settings)
    channels = document["channels"]
    assert {name: each["address"] for name, each in channels.items()} == {
        name: f"shop.{name}" for name in PUBLIC
    }
    assert {name: list(each["messages"]) for name, each in channels.items()} == {
        name: [message] for name, message in PUBLIC.items()
    }
    plans = {plan.name: plan for plan in topic_plan(settings)}
    for channel in channels.values():
        plan, kafka = plans[channel["address"]], channel["bindings"]["kafka"]
        assert (kafka["partitions"], kafka["replicas"]) == (plan.partitions, plan.replication)
        told = kafka["topicConfiguration"]
        assert told["cleanup.policy"] == [plan.config["cleanup.policy"]]
        assert told["retention.ms"] == int(plan.config["retention.ms"])
    assert [each["host"] for each in document["servers"].values()] == ["a:1", "b:2"]


def test_who_sends_and_who_receives() -> None:
    operations = asyncapi(Settings())["operations"].values()
    assert {each["channel"]["$ref"].rpartition("/")[2]: each["action"] for each in operations} == {
        "clickstream": "receive",
        "outcomes": "receive",
        "interventions": "send",
        "model-events": "send",
        "dead-letters": "send",
    }


def test_the_headers_of_an_alert_are_as_described() -> None:
    headers = asyncapi(Settings())["components"]["messages"]["alert"]["headers"]
    written = {name: value.decode() for name, value in cloud_event_headers(INSTANCES["alert"])}
    jsonschema.validate(written, {**headers, "additionalProperties": False})
    assert set(headers["properties"]) == set(written)


def test_a_dead_letter_is_any_bytes_with_its_reason_in_a_header() -> None:
    message = asyncapi(Settings())["components"]["messages"]["dead-letter"]
    assert list(message["headers"]["properties"]) == [HEADER]
    assert message["contentType"] == "application/octet-stream"


def test_no_secret_is_told() -> None:
    environ = {
        "EBB_KAFKA_SECURITY": "SASL_SSL",
        "EBB_KAFKA_USERNAME": "shopkeeper",
        "EBB_KAFKA_PASSWORD": "hunter2",
    }
    text = json.dumps(asyncapi(load_settings(environ=environ).settings))
    assert '"kafka-secure"' in text
    assert "hunter2" not in text and "shopkeeper" not in text


def test_the_command_prints_it() -> None:
    def run(*arguments: str) -> Any:
        return CliRunner().invoke(ebb, ["schema", *arguments], obj=Context(environ={}))

    assert json.loads(run("--asyncapi").stdout) == asyncapi(Settings())
    both = run("--asyncapi", "event")
    assert both.exit_code == 2
    assert "one document" in both.output
