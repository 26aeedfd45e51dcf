"""Where alerts, events and outcomes come from: the topics, or files of the same.

Events lie in ``clickstream``, where they arrived, and in ``clickstream-rekeyed``, to which workers
move what came on another customer's partition, and hand over what a customer did as a visitor. What
lies in both has one id and counts once, and what becomes of a customer does not depend on the order
in which it is read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol, TypeVar

import msgspec

from features import Event, InvalidEvent, Millis, decode_event
from models.deciding import Alert, InvalidOutcome, Outcome, decode_outcome
from streams.brokers import TopicMissing
from streams.reading import Message, Reading
from streams.settings import Settings
from streams.verify import moved_from

#: Told what is read, how much of it, and of how much, about.
Progress = Callable[[str, int, int], None]
_T = TypeVar("_T")
#: Between two words about the progress.
_BREATH: Final = 5_000


class WrongSource(ValueError):
    """A file that cannot be used; says where and why."""


class Source(Protocol):
    """Alerts, events and outcomes, each to be read once, the alerts first."""

    #: What could not be used, by kind; and the first of each, in words.
    unusable: Counter[str]
    first: dict[str, str]

    @property
    def names(self) -> tuple[str, ...]:
        """What is read, as people call it."""

    def alerts(self) -> Iterator[Alert]:
        """Yield the alerts, treated and held out."""

    def events(self) -> Iterator[tuple[Millis, Event]]:
        """Yield what customers did, and when each event arrived; perhaps more than once."""

    def outcomes(self) -> Iterator[Outcome]:
        """Yield what a CRM says, in the order in which it arrived."""


def _ignore(what: str, read: int, total: int) -> None:
    pass


class _Line(msgspec.Struct):
    data: Alert


_alert = msgspec.json.Decoder(Alert)
_line = msgspec.json.Decoder(_Line)


@dataclass
class TopicSource:
    """The topics of a running shop; in no consumer group, and nothing is written.

    Parameters
    ----------
    settings
        How to reach Kafka, and the names of the topics.
    progress
        Told how far it is.

    Raises
    ------
    KafkaAway
        While reading, if no broker answers.
    TopicMissing
        While reading, if there is no such topic.
    """

    settings: Settings
    progress: Progress = _ignore
    unusable: Counter[str] = field(default_factory=Counter)
    first: dict[str, str] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """The topics."""
        named = ("interventions", "clickstream", "rekeyed", "outcomes")
        return tuple(self.settings.topic(each) for each in named)

    def alerts(self) -> Iterator[Alert]:
        """Yield the alerts that ``interventions`` holds."""
        for _, found in self._read("interventions", "alerts", _as_alert):
            yield found

    def events(self) -> Iterator[tuple[Millis, Event]]:
        """Yield the events of customers, and of visitors whom nobody knows yet."""
        for message, event in self._read("clickstream", "events", decode_event):
            yield message.timestamp, event
        try:
            for message, event in self._read("rekeyed", "moved events", decode_event):
                yield moved_from(message.headers.items(), message.timestamp)[0], event
        except TopicMissing:
            pass  # nobody has ever moved an event

    def outcomes(self) -> Iterator[Outcome]:
        """Yield the outcomes that ``outcomes`` holds."""
        for _, found in self._read("outcomes", "outcomes", decode_outcome):
            yield found

    def _read(
        self, topic: str, what: str, decode: Callable[[bytes | None], _T]
    ) -> Iterator[tuple[Message, _T]]:
        with Reading(self.settings, self.settings.topic(topic), in_bulk=True) as reading:
            total = reading.held
            self.progress(what, 0, total)
            for number, message in enumerate(reading.past(), start=1):
                if number % _BREATH == 0:
                    self.progress(what, number, max(total, number))
                try:
                    found = decode(message.value)
                except (InvalidEvent, InvalidOutcome, msgspec.DecodeError) as error:
                    self.unusable[what] += 1
                    self.first.setdefault(what, f"{message.place}: {error}")
                else:
                    yield message, found


def _as_alert(raw: bytes | None) -> Alert:
    return _alert.decode(raw or b"")


@dataclass
class FileSource:
    """The same from files, a line each.

    Parameters
    ----------
    sent
        Alerts, as ``ebb alerts --json`` prints them.
    done
        Events in our own schema, as JSON.
    told
        Outcomes, as JSON; None for none.
    progress
        Told how far it is, in bytes.

    Raises
    ------
    WrongSource
        While reading, if there is no such file, or a line of alerts or outcomes makes no sense.
    """

    sent: Path
    done: Path
    told: Path | None = None
    progress: Progress = _ignore
    unusable: Counter[str] = field(default_factory=Counter)
    first: dict[str, str] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """The files, wherever they lie."""
        return tuple(each.name for each in (self.sent, self.done, self.told) if each is not None)

    def alerts(self) -> Iterator[Alert]:
        """Yield the alerts of the file."""
        for number, line in self._lines(self.sent, "alerts"):
            try:
                yield _line.decode(line).data if b'"data"' in line else _alert.decode(line)
            except msgspec.DecodeError as error:
                raise WrongSource(f"{self.sent}, line {number}: not an alert: {error}") from None

    def events(self) -> Iterator[tuple[Millis, Event]]:
        """Yield the events of the file, each as if it had arrived when it happened."""
        for number, line in self._lines(self.done, "events"):
            try:
                event = decode_event(line)
            except InvalidEvent as error:
                # One of many, as in the topic: its neighbours are good.
                self.unusable["events"] += 1
                self.first.setdefault("events", f"{self.done}, line {number}: {error}")
            else:
                yield event.at, event

    def outcomes(self) -> Iterator[Outcome]:
        """Yield the outcomes of the file."""
        if self.told is None:
            return
        for number, line in self._lines(self.told, "outcomes"):
            try:
                yield decode_outcome(line)
            except InvalidOutcome as error:
                raise WrongSource(f"{self.told}, line {number}: not an outcome: {error}") from None

    def _lines(self, path: Path, what: str) -> Iterator[tuple[int, bytes]]:
        if path.is_dir():
            raise WrongSource(
                f"{path}: is a folder, and needed is a file of {what}. The folder of a backtest is "
                "no log of treatments: nobody was sent its alerts, so nothing came of them"
            )
        try:
            total, read = path.stat().st_size, 0
            with path.open("rb") as file:
                for number, line in enumerate(file, start=1):
                    read += len(line)
                    if number % _BREATH == 0:
                        self.progress(what, read, total)
                    if line := line.strip():
                        yield number, line
        except OSError as error:
            raise WrongSource(f"{path}: {error.strerror or error}") from None
