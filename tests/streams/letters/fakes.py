"""A broker that keeps its topics in lists, and dies when it is told to."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple

from kafka.errors import KafkaTimeoutError, MessageSizeTooLargeError

from features import Event, Millis, encode_event
from streams.deadletters import HEADER
from streams.letters import Acceptance, Letter, Redrive, Redriven, survey
from streams.reading import Message
from streams.settings import Settings, load_settings

NOW: Millis = 1_800_000_000_000
SETTINGS: Settings = load_settings(environ={}).settings
CLICKS, LETTERS = "clickstream", "dead-letters"


def event(name: str, at: Millis = NOW, number: int = 0) -> bytes:
    return encode_event(Event(event_id=f"{name}-{number}", user_id=name, type="visit", time=at))


def dead(
    offset: int,
    value: bytes | None,
    *,
    key: bytes | None = b"key",
    reason: str = "no good",
    field: str = "",
    topic: str = CLICKS,
    partition: int = 0,
    timestamp: Millis = NOW,
    redriven: str = "",
) -> DeadMessage:
    why = {"reason": reason, "field": field, "topic": topic, "partition": partition}
    letter = {**why, "offset": offset, "timestamp": timestamp, "redriven": redriven}
    return DeadMessage(key, value, {HEADER: json.dumps(letter).encode()})


class DeadMessage(NamedTuple):
    key: bytes | None
    value: bytes | None
    headers: dict[str, bytes]


class Metadata(NamedTuple):
    partition: int
    offset: int


@dataclass
class Sent:
    broker: Broker
    topic: str
    message: DeadMessage

    def get(self, timeout: float | None = None) -> Metadata:
        return self.broker.acknowledge(self)


@dataclass
class Broker:
    """``breaks`` is the number of acknowledgements after which it dies; None for never."""

    breaks: int | None = None
    biggest: int = 1_000_000
    topics: dict[str, list[Message]] = field(default_factory=lambda: defaultdict(list))
    flying: int = 0
    most_flying: int = 0
    #: Topics in the order of acknowledgement.
    acknowledged: list[str] = field(default_factory=list)

    def put(self, *letters: DeadMessage, topic: str = LETTERS) -> None:
        for letter in letters:
            self._lay(topic, letter)

    def _lay(self, topic: str, message: DeadMessage) -> int:
        log = self.topics[topic]
        log.append(
            Message(topic, 0, len(log), NOW + len(log), message.key, message.value, message.headers)
        )
        return len(log) - 1

    def send(
        self,
        topic: str,
        value: bytes | None = None,
        key: bytes | None = None,
        headers: list[tuple[str, bytes]] | None = None,
    ) -> Sent:
        if len(value or b"") > 2 * self.biggest:
            raise MessageSizeTooLargeError
        self.flying += 1
        self.most_flying = max(self.most_flying, self.flying)
        return Sent(self, topic, DeadMessage(key, value, dict(headers or [])))

    def flush(self, timeout: float | None = None) -> object:
        return None

    def acknowledge(self, sent: Sent) -> Metadata:
        self.flying -= 1
        if len(sent.message.value or b"") > self.biggest:
            raise MessageSizeTooLargeError
        if self.breaks is not None and len(self.acknowledged) >= self.breaks:
            raise KafkaTimeoutError
        self.acknowledged.append(sent.topic)
        return Metadata(0, self._lay(sent.topic, sent.message))

    @property
    def letters(self) -> list[Message]:
        return list(self.topics[LETTERS])


def everyone(_: Letter) -> bool:
    return True


def redrive(
    broker: Broker,
    *,
    force: bool = False,
    dry_run: bool = False,
    settings: Settings = SETTINGS,
    now: Millis = NOW,
    at_once: int = 100,
    ids: set[str] | None = None,
) -> Redriven:
    """Do what ``ebb dlq redrive`` does."""
    work = Redrive(
        Acceptance(settings, now),
        None if dry_run else broker,
        LETTERS,
        force=force,
        at_once=at_once,
    )

    def wanted(letter: Letter) -> bool:
        return ids is None or letter.letter_id in ids

    return work.run(broker.letters, survey(broker.letters, wanted), wanted)
