"""The AsyncAPI document of the public topics: for whoever publishes to Ebbtide or listens to it.

Made from the types that read and write the messages and from the settings, so that it says what
this shop's topics are called and how they are kept.
"""

from __future__ import annotations

from importlib import metadata
from typing import Any, Final, NamedTuple

from models.deciding import ALERT_TYPE
from streams.deadletters import HEADER
from streams.schemas import json_schema
from streams.settings import Settings
from streams.topics import topic_plan

_VERSION: Final = "3.1.0"
#: Of AsyncAPI's description of Kafka.
_BINDING: Final = "0.5.0"
_JSON: Final = "application/json"


class _Channel(NamedTuple):
    """A public topic: its key in the settings, its message, and who writes to it."""

    key: str
    message: str
    #: From Ebbtide's side, as AsyncAPI has it: it receives events, it sends alerts.
    action: str
    operation: str
    summary: str


_CHANNELS: Final = (
    _Channel(
        "clickstream",
        "event",
        "receive",
        "takeEvents",
        "What customers do, in any storefront; and who wants no messages any more, which the"
        " workers write there.",
    ),
    _Channel(
        "outcomes",
        "outcome",
        "receive",
        "takeOutcomes",
        "What became of alerts, and who unsubscribed.",
    ),
    _Channel(
        "interventions", "alert", "send", "sendAlerts", "Decisions to act, and those held out."
    ),
    _Channel("model_events", "model-event", "send", "tellOfModels", "Drift, and new models."),
    _Channel(
        "dead_letters",
        "dead-letter",
        "send",
        "setAside",
        "Messages that could not be used, byte for byte, and why.",
    ),
)
#: The key of the records, where it is not the customer.
_KEYS: Final = {
    "model-event": "What kind of event it is.",
    "dead-letter": "The key that the message had.",
}
_CUSTOMER: Final = (
    "The customer, in UTF-8. Partitioned by Kafka's default partitioner (murmur2); librdkafka's"
    " clients have another default, and must set partitioner=murmur2_random."
)


def asyncapi(settings: Settings) -> dict[str, Any]:
    """Return the document, AsyncAPI 3.

    Parameters
    ----------
    settings
        Of which the addresses, and the names and the shape of the topics are told. No secret is.

    Examples
    --------
    >>> document = asyncapi(Settings())
    >>> document["asyncapi"], document["channels"]["interventions"]["address"]
    ('3.1.0', 'interventions')
    """
    plans = {plan.name: plan for plan in topic_plan(settings)}
    schemas: dict[str, Any] = {}
    channels, operations, messages = {}, {}, {}
    for channel in _CHANNELS:
        plan = plans[settings.topic(channel.key)]
        name = channel.key.replace("_", "-")
        messages[channel.message] = _message(channel, schemas)
        channels[name] = {
            "address": plan.name,
            "description": f"{channel.summary} Kept: {plan.meaning}.",
            "messages": {channel.message: {"$ref": f"#/components/messages/{channel.message}"}},
            "bindings": {
                "kafka": {
                    "topic": plan.name,
                    "partitions": plan.partitions,
                    "replicas": plan.replication,
                    "topicConfiguration": _configuration(dict(plan.config)),
                    "bindingVersion": _BINDING,
                }
            },
        }
        operations[channel.operation] = {
            "action": channel.action,
            "channel": {"$ref": f"#/channels/{name}"},
            "summary": channel.summary,
            "messages": [{"$ref": f"#/channels/{name}/messages/{channel.message}"}],
        }
    return {
        "asyncapi": _VERSION,
        "info": {
            "title": "Ebbtide",
            "version": _version(),
            "description": (
                "Sees shoppers drift away, says why, and reaches them while it can still matter."
                " Publish events and outcomes; subscribe to alerts. Every message may come twice,"
                " with the same id; a repeat of what you publish is counted once."
            ),
            "license": {
                "name": "Apache-2.0",
                "url": "https://www.apache.org/licenses/LICENSE-2.0",
            },
        },
        "defaultContentType": _JSON,
        "servers": _servers(settings),
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages, "schemas": schemas},
    }


def _servers(settings: Settings) -> dict[str, Any]:
    secure = settings.kafka.security != "PLAINTEXT"
    described = {
        "protocol": "kafka-secure" if secure else "kafka",
        "description": f"Security protocol {settings.kafka.security}.",
    }
    hosts = settings.kafka.bootstrap.split(",")
    return {f"kafka{at or ''}": {"host": host, **described} for at, host in enumerate(hosts)}


def _configuration(config: dict[str, str]) -> dict[str, Any]:
    told: dict[str, Any] = {"cleanup.policy": config["cleanup.policy"].split(",")}
    for key in ("retention.ms", "max.message.bytes"):
        if key in config:
            told[key] = int(config[key])
    return told


def _message(channel: _Channel, schemas: dict[str, Any]) -> dict[str, Any]:
    name = channel.message
    schema = _within(json_schema(name), schemas)
    schemas[schema["title"]] = schema
    message: dict[str, Any] = {
        "name": name,
        "title": schema["title"],
        "summary": channel.summary,
        "contentType": _JSON,
        "payload": {"$ref": f"#/components/schemas/{schema['title']}"},
        "bindings": {
            "kafka": {
                "key": {"type": "string", "description": _KEYS.get(name, _CUSTOMER)},
                "bindingVersion": _BINDING,
            }
        },
    }
    if name == "alert":
        message["headers"] = _CLOUD_EVENT
    elif name == "dead-letter":
        # The message itself may be anything; what is known of it stands in a header.
        message["contentType"] = "application/octet-stream"
        message["payload"] = {"description": "The message as it came, whatever it was."}
        message["headers"] = {
            "type": "object",
            "required": [HEADER],
            "properties": {
                HEADER: {
                    "type": "string",
                    "contentMediaType": _JSON,
                    "description": f"JSON of the form of the schema {schema['title']}.",
                }
            },
        }
    return message


def _within(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    """Return a schema as a part of this document: its own parts stand beside it."""
    schema = {key: value for key, value in schema.items() if key not in ("$schema", "$id")}
    for part, meaning in schema.pop("$defs", {}).items():
        schemas[part] = _moved(meaning)
    moved: dict[str, Any] = _moved(schema)
    return moved


def _moved(part: Any) -> Any:
    if isinstance(part, dict):
        return {
            key: value.replace("#/$defs/", "#/components/schemas/")
            if key == "$ref"
            else _moved(value)
            for key, value in part.items()
        }
    return [_moved(each) for each in part] if isinstance(part, list) else part


def _header(description: str, **rules: Any) -> dict[str, Any]:
    return {"type": "string", "description": description, **rules}


_CLOUD_EVENT: Final = {
    "type": "object",
    "description": "CloudEvents 1.0 in binary mode. Deduplicate by ce_source and ce_id.",
    "required": ["ce_specversion", "ce_type", "ce_source", "ce_id", "content-type"],
    "properties": {
        "ce_specversion": _header("Of CloudEvents.", const="1.0"),
        "ce_type": _header("A new version of the body gets a new type.", const=ALERT_TYPE),
        "ce_source": _header("Who sends it.", const="/ebbtide"),
        "ce_id": _header("The alert's id: the same decision always has the same one."),
        "ce_time": _header("When it was decided.", format="date-time"),
        "ce_subject": _header("The customer."),
        "content-type": _header("Of the value.", const=_JSON),
    },
}


def _version() -> str:
    try:
        return metadata.version("ebbtide")
    except metadata.PackageNotFoundError:
        return "0"
