"""The JSON Schemas of what goes over the wire, made from the types that read and write it."""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from typing import Any, Final, NamedTuple

import msgspec

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


class Wire(NamedTuple):
    """A message: where its type lives, and where it is found."""

    place: str
    found: str


#: Imported one at a time: the schema of an event needs no machine learning.
WIRES: Final[dict[str, Wire]] = {
    "event": Wire("features:Event", "value on clickstream"),
    "alert": Wire("models.deciding:Alert", "value on interventions"),
    "outcome": Wire("models.deciding:Outcome", "value on outcomes"),
    "example": Wire("models.learning:TrainingExample", "value on training"),
    "model-event": Wire("models.watching:ModelEvent", "value on model-events"),
    "dead-letter": Wire("streams.deadletters:DeadLetter", "header ebb_dead_letter on dead-letters"),
}


def json_schema(name: str) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a message.

    Parameters
    ----------
    name
        One of `WIRES`.

    Returns
    -------
    dict
        With the meaning of each field as its description.

    Examples
    --------
    >>> schema = json_schema("event")
    >>> schema["$id"], schema["properties"]["event_id"]["maxLength"]
    ('urn:ebbtide:event:v1', 200)
    """
    module, _, type_name = WIRES[name].place.partition(":")
    wire = getattr(import_module(module), type_name)
    parts = msgspec.json.schema(wire)["$defs"]
    body = parts.pop(type_name)
    body["properties"]["v"]["description"] = "Version of this schema."
    _describe(body, wire)
    for part, schema in parts.items():
        _describe(schema, getattr(import_module(module), part))
    version = body["properties"]["v"].get("default", 1)
    if name == "event":
        # A field that nobody has heard of is welcome where a free property would be.
        for rule in ("additionalProperties", "propertyNames"):
            body[rule] = body["properties"]["properties"][rule]
    return {
        "$schema": _DIALECT,
        "$id": f"urn:ebbtide:{name}:v{version}",
        **body,
        **({"$defs": parts} if parts else {}),
    }


_SECTION = re.compile(r"^(\w[\w ]*)\n-+\n", re.MULTILINE)
_FIELD = re.compile(r"^(\w[\w, ]*)\n((?:    .*\n?|\n)+)", re.MULTILINE)


def _describe(schema: dict[str, Any], wire: type) -> None:
    """Put the docstring where a reader of the schema looks: each field's line at the field."""
    summary, *sections = _SECTION.split(inspect.getdoc(wire) or "")
    schema["description"] = _plain(summary)
    for title, text in zip(sections[::2], sections[1::2], strict=True):
        if title != "Parameters":
            continue
        for names, meaning in _FIELD.findall(text):
            for name in names.split(", "):
                if name in schema["properties"]:
                    schema["properties"][name]["description"] = _plain(meaning)


def _plain(text: str) -> str:
    return " ".join(text.split()).replace("``", "'")
