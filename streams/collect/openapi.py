"""The OpenAPI document of the collector, made from the tables that the collector works by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import metadata
from typing import Any, Final

from streams.collect.addresses import CALLS, EVENT_PATHS
from streams.collect.answers import CODES
from streams.collect.limits import MOST_EVENTS, Limits
from streams.schemas import json_schema

_JSON: Final = "application/json"
#: What every address may answer, however it is asked.
_ALWAYS: Final = ("url_too_long", "headers_too_large", "internal")
_REASONS: Final[Mapping[int, str]] = {
    400: "The request cannot be used; sending it again as it is does not help.",
    401: "The write key is missing, or not one of this collector's.",
    403: "The write key is good for something else.",
    404: "There is nothing here.",
    408: "The body took too long to arrive; send it again.",
    413: "The body is too large.",
    414: "The address is too long.",
    415: "The body is compressed in a way that is not understood.",
    429: "It cannot be taken just now; come back after the seconds of Retry-After.",
    431: "The headers are too large.",
    500: "A defect; the log of the collector says where.",
    503: "Events cannot be taken just now; reasons are in the message.",
}
#: How a request to take events may end, beside well.
_EVENTS: Final = (
    *("invalid_json", "invalid_gzip", "invalid_request"),
    *("no_key", "unknown_key", "no_keys_defined", "wrong_scope"),
    *("too_slow", "too_large", "unknown_encoding"),
    *("busy", "kafka_away", "keys_away", "rate_limited"),
    *_ALWAYS,
)
_SETTINGS: Final = (
    *("no_key", "unknown_key", "no_keys_defined", "wrong_scope", "keys_away"),
    *_ALWAYS,
)
_KEYS: Final[list[dict[str, list[str]]]] = [{"basic": []}, {"bearer": []}, {"query": []}]


def openapi(limits: Limits) -> dict[str, Any]:
    """Return the document, OpenAPI 3.1.

    Parameters
    ----------
    limits
        Of which the size of a body is told.

    Examples
    --------
    >>> document = openapi(Limits())
    >>> document["openapi"], sorted(document["paths"]["/v1/batch"]["post"]["responses"])[:3]
    ('3.1.0', ['200', '400', '401'])
    """
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Ebbtide collector",
            "version": _version(),
            "description": (
                "Takes events of storefronts. 200 means that Kafka has acknowledged them."
                f" A body has at most {limits.body} bytes, as sent and decompressed, and may be"
                " gzip. Content-Type is not judged: SDKs send JSON under several names."
                " Every error has a code for programs and a message for people. Browsers ask before"
                " they send: OPTIONS is answered with 204 everywhere, without a key."
            ),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {
            **{path: {"post": _call(path, call)} for path, call in EVENT_PATHS.items()},
            "/v1/events": {"post": _own()},
            "/v1/outcomes": {"post": _outcomes()},
            **{path: {"post": _ignored(path)} for path in ("/m", "/v1/m")},
            **_documents(),
        },
        "components": {"schemas": _schemas(), "securitySchemes": _SECURITY},
    }


_SECURITY: Final = {
    "basic": {
        "type": "http",
        "scheme": "basic",
        "description": "The write key as user name, without a password.",
    },
    "bearer": {"type": "http", "scheme": "bearer", "description": "The write key as token."},
    "query": {
        "type": "apiKey",
        "in": "query",
        "name": "writeKey",
        "description": "For beacons, which cannot carry headers.",
    },
}


def _version() -> str:
    try:
        return metadata.version("ebbtide")
    except metadata.PackageNotFoundError:
        return "0"


def _call(path: str, call: str) -> dict[str, Any]:
    schema = "Batch" if call == "batch" else "Call"
    return {
        "operationId": f"{call}{path.replace('/', '_')}",
        "summary": f"Take {'several messages' if call == 'batch' else f'one {call} message'}.",
        "description": (
            "The Segment tracking protocol. The write key may also be the field writeKey of the"
            " body. A message that cannot be used goes to the dead letters, and its neighbours"
            " are taken."
        ),
        # Without one of them, the field of the body counts.
        "security": [*_KEYS, {}],
        "requestBody": _body(schema),
        "responses": {"200": _answer("Kafka has acknowledged.", "Success"), **_refusals(_EVENTS)},
    }


def _own() -> dict[str, Any]:
    return {
        "operationId": "events",
        "summary": "Take events in Ebbtide's own schema.",
        "description": (
            "One event, a list of them, or an object with the list as events. Of a list, valid"
            " events are taken, and the others reported by their place. An event that comes alone"
            " is taken or refused."
        ),
        "security": _KEYS,
        "requestBody": _body("Events"),
        "responses": {
            "200": _answer("Kafka has acknowledged those that are not in errors.", "Taken"),
            **_refusals((*_EVENTS, "invalid_event")),
        },
    }


def _outcomes() -> dict[str, Any]:
    return {
        "operationId": "outcomes",
        "summary": "Take what a CRM says happened to alerts.",
        "description": (
            "One outcome, a list of them, or an object with the list as outcomes; for keys with"
            " the scope outcomes. Of a list, valid outcomes are taken, and the others reported by"
            " their place. An outcome that comes alone is taken or refused. A repeat of an"
            " outcome_id is harmless."
        ),
        "security": _KEYS,
        "requestBody": _body("Outcomes"),
        "responses": {
            "200": _answer("Kafka has acknowledged those that are not in errors.", "Taken"),
            **_refusals((*_EVENTS, "invalid_outcome")),
        },
    }


def _ignored(path: str) -> dict[str, Any]:
    return {
        "operationId": f"metrics{path.replace('/', '_')}",
        "summary": "Take no notice of what SDKs tell of themselves.",
        "security": [],
        "requestBody": {"content": {_JSON: {"schema": {}}}},
        "responses": {"200": _answer("Nothing was kept.", "Success"), **_refusals(_ALWAYS)},
    }


def _documents() -> dict[str, Any]:
    def get(name: str, summary: str, answers: Mapping[str, Any], **more: Any) -> dict[str, Any]:
        return {
            "get": {
                "operationId": name,
                "summary": summary,
                "security": [],
                **more,
                "responses": {**answers, **_refusals(_ALWAYS)},
            }
        }

    key = {"name": "key", "in": "path", "required": True, "schema": {"type": "string"}}
    rudder: dict[str, Any] = {
        "summary": "What RudderStack's web SDK asks for before it starts.",
        "answers": {"200": _answer("Its settings.", "Document"), **_refusals(_SETTINGS)},
        "security": _KEYS,
    }
    return {
        "/v1/projects/{key}/settings": get(
            "segment_settings",
            "What @segment/analytics-next asks for before it starts.",
            {
                "200": _answer("Its settings.", "Document"),
                **_refusals((*_SETTINGS, "not_found")),
            },
            parameters=[key],
        ),
        "/sourceConfig": get("rudder_settings", **rudder),
        "/sourceConfig/": get("rudder_settings_", **rudder),
        "/ebb.js": get(
            "tracker",
            "Ebbtide's own tracker.",
            {
                "200": {
                    "description": "A script.",
                    "content": {"text/javascript": {"schema": {"type": "string"}}},
                },
                "304": {"description": "It is the one that the browser has."},
                **_refusals(("not_found",)),
            },
        ),
        "/openapi.json": get(
            "openapi", "This document.", {"200": _answer("OpenAPI 3.1.", "Document")}
        ),
        "/healthz": get(
            "alive", "Whether the process answers.", {"200": _answer("It does.", "Document")}
        ),
        "/readyz": get(
            "ready",
            "Whether events can be taken.",
            {"200": _answer("They can.", "Document"), **_refusals(("not_ready",))},
        ),
        "/metrics": get(
            "metrics",
            "Counts, for Prometheus.",
            {
                "200": {
                    "description": "Prometheus' text format.",
                    "content": {"text/plain": {"schema": {"type": "string"}}},
                }
            },
        ),
    }


def _body(schema: str) -> dict[str, Any]:
    content = {_JSON: {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    return {"required": True, "content": content}


def _answer(description: str, schema: str) -> dict[str, Any]:
    content = {_JSON: {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    return {"description": description, "content": content}


def _refusals(codes: Iterable[str]) -> dict[str, Any]:
    """Return the answers of some codes, by status."""
    by_status: dict[int, list[str]] = {}
    for code in codes:
        by_status.setdefault(CODES[code][0], []).append(code)
    found: dict[str, Any] = {}
    for status, those in sorted(by_status.items()):
        answer = _answer(f"{_REASONS[status]} Codes: {', '.join(those)}.", "Error")
        if status == 429:
            answer["headers"] = {
                "Retry-After": {
                    "description": "Whole seconds.",
                    "required": True,
                    "schema": {"type": "string", "pattern": "^[1-9][0-9]*$"},
                }
            }
        found[str(status)] = answer
    return found


def _event() -> dict[str, Any]:
    """Return the schema of an event, with what `features.decode_event` asks beyond its type."""
    event = json_schema("event")
    for stray in ("$schema", "$id"):
        del event[stray]
    for name in ("event_id", "user_id", "type"):
        event["properties"][name]["pattern"] = _LEGIBLE
    for form in event["properties"]["time"]["anyOf"]:
        if form["type"] == "string":
            form["pattern"] = _YEARS
    return event


def _outcome() -> dict[str, Any]:
    """Return the schema of an outcome, with what `models.deciding.decode_outcome` asks beyond."""
    outcome = json_schema("outcome")
    for stray in ("$schema", "$id"):
        del outcome[stray]
    for name in ("outcome_id", "alert_id", "user_id"):
        outcome["properties"][name]["pattern"] = _LEGIBLE
    outcome["properties"]["time"]["pattern"] = _YEARS
    return outcome


def _several(schema: str, name: str) -> dict[str, Any]:
    """Return the schema of one, of a list, or of a list by name."""
    reference = {"$ref": f"#/components/schemas/{schema}"}
    # Of a list, anything is read; what cannot be used is reported.
    several = {"type": "array", "maxItems": MOST_EVENTS, "items": {"anyOf": [reference, {}]}}
    named = {"type": "object", "properties": {name: several}, "required": [name]}
    return {"anyOf": [reference, several, named]}


#: No control characters, and no year beyond those of customers.
_LEGIBLE: Final = r"^[^\u0000-\u001f]*$"
_YEARS: Final = r"^(19[789]|20[0-9])[0-9]-"


def _schemas() -> dict[str, Any]:
    words = {"type": "string"}
    return {
        "Event": _event(),
        "Events": _several("Event", "events"),
        "Outcome": _outcome(),
        "Outcomes": _several("Outcome", "outcomes"),
        "Taken": {
            "type": "object",
            "properties": {
                "taken": {"type": "integer", "minimum": 0},
                "errors": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {
                            "index": {"type": "integer", "minimum": 0},
                            "code": words,
                            "message": words,
                            "field": words,
                        },
                        "required": ["index", "code", "message"],
                    },
                },
            },
            "required": ["taken", "errors"],
        },
        "Call": _MESSAGE,
        "Batch": {
            "type": "object",
            "description": "Messages, and what they have in common.",
            "properties": {
                "batch": {
                    "type": "array",
                    "maxItems": MOST_EVENTS,
                    "items": {"anyOf": [{"$ref": "#/components/schemas/Call"}, {}]},
                },
                "context": {"description": "Merged into each message."},
                "integrations": {"description": "Of no meaning here."},
                "sentAt": _FIELDS["sentAt"],
                "writeKey": _FIELDS["writeKey"],
            },
            "required": ["batch"],
        },
        "Success": {
            "type": "object",
            "properties": {"success": {"const": True}},
            "required": ["success"],
        },
        "Document": {"type": "object"},
        "Error": {
            "type": "object",
            "properties": {"code": words, "message": words},
            "required": ["code", "message"],
        },
    }


#: Fields are described and not typed: what makes no sense is as if it were absent.
_FIELDS: Final = {
    "type": {"description": f"In a batch: {', '.join(call for call in CALLS if call != 'batch')}."},
    "event": {"description": "What happened, of a track; needed there."},
    "messageId": {"description": "Unique; a retry carries the same one and is counted once."},
    "userId": {"description": "Who; this or anonymousId is needed. null and empty mean absent."},
    "anonymousId": {"description": "Who, before they are known."},
    "previousId": {"description": "Who they were until now, of an alias."},
    "properties": {"description": "Of what happened."},
    "traits": {"description": "Of the customer."},
    "context": {"description": "Where it happened; context.consent says what is allowed."},
    "timestamp": {"description": "When it happened, ISO 8601."},
    "originalTimestamp": {"description": "The same, by the clock of the device."},
    "sentAt": {"description": "When it was sent, by the clock of the device: its skew is undone."},
    "writeKey": {"description": "The write key, where no header can carry it."},
}
_MESSAGE: Final = {
    "type": "object",
    "description": "One message of the Segment protocol.",
    "properties": _FIELDS,
}
