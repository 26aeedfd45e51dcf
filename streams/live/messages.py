"""A message that waits in the outbox: where it goes, and what it says, as bytes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from features import Handed, History, encode_event
from models.deciding import Alert, Promised, cloud_event_headers
from models.learning import Snapshot, TrainingExample
from models.watching import ModelEvent
from streams.deadletters import HEADER, DeadLetter, fitting

_json = msgspec.json.Encoder()
_packer = msgspec.msgpack.Encoder()

#: Which of the topics; the full name is the settings' business.
EVENTS: Final = "clickstream"
ALERTS: Final = "interventions"
EXAMPLES: Final = "training"
MODELS: Final = "models"
MODEL_EVENTS: Final = "model_events"
LETTERS: Final = "dead_letters"
REKEYED: Final = "rekeyed"

#: The header of a moved event that says where it lay.
ORIGIN: Final = "ebb_origin"


class Origin(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where an event lay that was on another partition than its customer's.

    Parameters
    ----------
    topic, partition, offset
        The place; of one that was handed over, that of the event that brought it about.
    timestamp
        When it arrived there, in milliseconds.
    history
        What comes with an event that its customer did as a visitor.
    promised
        What the visitor was promised by what had been done, with the first of the events.
    """

    topic: str
    partition: int
    offset: int
    timestamp: int
    history: History | None = None
    promised: Promised | None = None


class Message(msgspec.Struct, frozen=True, array_like=True):
    """A message to be published.

    Parameters
    ----------
    topic
        Name of the topic in the settings: ``interventions``, ``training``, ...
    key, value
        As on the wire.
    headers
        Names and values.
    """

    topic: str
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]


_unpacker = msgspec.msgpack.Decoder(Message)
_origin = msgspec.json.Decoder(Origin)


def pack(message: Message) -> bytes:
    """Return a message as it lies in the outbox."""
    return _packer.encode(message)


def unpack(data: bytes) -> Message:
    """Return the message that `pack` wrote."""
    return _unpacker.decode(data)


def alert_message(alert: Alert) -> Message:
    """Return an alert as CloudEvent in binary mode, keyed by customer."""
    return Message(ALERTS, alert.user_id.encode(), _json.encode(alert), cloud_event_headers(alert))


def example_message(example: TrainingExample) -> Message:
    """Return a matured example for the learner."""
    return Message(EXAMPLES, example.user_id.encode(), _json.encode(example), [])


def snapshot_message(snapshot: Snapshot) -> Message:
    """Return a snapshot, keyed by its version: a decision of any version can be told again."""
    return Message(MODELS, snapshot.version.encode(), _json.encode(snapshot), [])


def model_event_message(event: ModelEvent) -> Message:
    """Return what happened to the models, keyed by what kind of event it is."""
    return Message(MODEL_EVENTS, event.type.encode(), _json.encode(event), [])


def letter_message(letter: DeadLetter, key: bytes | None, value: bytes | None) -> Message:
    """Return a dead letter: the message as it was, and why in a header."""
    letter, key, value = fitting(letter, key, value)
    return Message(LETTERS, key, value, [(HEADER, _json.encode(letter))])


def moved_message(user_id: str, value: bytes, origin: Origin) -> Message:
    """Return an event as it was, on its way to its customer's partition."""
    return Message(REKEYED, user_id.encode(), value, [(ORIGIN, _json.encode(origin))])


def handed_message(handed: Handed, promised: Promised | None, origin: Origin) -> Message:
    """Return an event of a visitor on its way to the customer who that is."""
    event, history = handed
    origin = msgspec.structs.replace(origin, history=history, promised=promised)
    return moved_message(event.user_id, encode_event(event), origin)


def origin_of(headers: Iterable[tuple[str, bytes]]) -> Origin | None:
    """Return where a moved event lay; None if it does not say so."""
    for name, value in headers:
        if name == ORIGIN:
            try:
                return _origin.decode(value)
            except msgspec.MsgspecError:
                return None
    return None
