"""What must have come of a log: the messages that lie in Kafka, taken through the pure core."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from features import NEVER, Event, InvalidEvent, decode_event, encode_state
from models.deciding import Ledger
from models.learning import TrainingExample
from streams.pipeline import Arrival
from streams.settings import Settings
from streams.topics import partition_of
from tests.e2e.corner import Said
from tests.e2e.replaying import replayed

_encoder = msgspec.json.Encoder()


class Known(NamedTuple):
    """One customer, as he must be stored."""

    events: int
    state: bytes
    ledger: bytes | None
    due: int | None


class Letter(NamedTuple):
    """A message that cannot be used, by where it lay and what it said."""

    partition: int
    offset: int
    value: bytes


@dataclass
class Expected:
    """What must be there in the end."""

    customers: dict[int, dict[str, Known]] = field(default_factory=dict)
    counts: dict[int, dict[str, int]] = field(default_factory=dict)
    watermarks: dict[int, int] = field(default_factory=dict)
    #: Alerts as they go over the wire, by id, each customer's in order.
    alerts: dict[str, bytes] = field(default_factory=dict)
    order: dict[str, list[str]] = field(default_factory=dict)
    examples: dict[str, bytes] = field(default_factory=dict)
    letters: set[Letter] = field(default_factory=set)
    events: int = 0


#: What a partition counts that does not depend on how the log was cut, or how often it was read.
COUNTS = ("applied", "customers", "decisions", "alerts", "pending", "matured", "unkept")


def expected_of(settings: Settings, log: Iterable[Said], *, rekeys: bool = False) -> Expected:
    """Take a log through the core.

    With ``rekeys``, an event on another partition than its customer's belongs to the
    customer's, after what lies there; the settings have to be such that it does not matter
    what of other customers comes before it.
    """
    partitions = settings.topics.partitions
    expected = Expected()
    own: dict[int, list[Arrival]] = {number: [] for number in range(partitions)}
    moved: dict[int, list[Arrival]] = {number: [] for number in range(partitions)}
    # Not its offset: a topic that was created anew has each of them twice.
    lain: list[Said] = []
    for said in log:
        expected.events += 1
        event = _event(said)
        if event is None:
            expected.letters.add(Letter(said.partition, said.offset, said.value))
            continue
        home = partition_of(event.user_id.encode(), partitions)
        arrival = Arrival(len(lain), said.timestamp, event)
        lain.append(said)
        if home != said.partition and rekeys:
            moved[home].append(arrival)
        elif home != said.partition:
            expected.letters.add(Letter(said.partition, said.offset, said.value))
        else:
            own[home].append(arrival)
    for number in range(partitions):
        # What was moved comes before the last event of its own, which closes the partition.
        arrivals = [*own[number][:-1], *moved[number], *own[number][-1:]] if rekeys else own[number]
        _take(settings, number, arrivals, lain, expected)
    return expected


def _event(said: Said) -> Event | None:
    try:
        return decode_event(said.value)
    except InvalidEvent:
        return None


def _take(
    settings: Settings,
    number: int,
    arrivals: Sequence[Arrival],
    lain: Sequence[Said],
    expected: Expected,
) -> None:
    book, effects = replayed(settings, arrivals, random.Random(number))
    nothing = Ledger().encode()
    known: dict[str, Known] = {}
    for name, customer in book.items():
        if customer.new:  # nothing of his was usable
            continue
        ledger, due = customer.ledger.encode(), customer.due()
        known[name] = Known(
            customer.state.events,
            encode_state(customer.state),
            None if ledger == nothing else ledger,
            None if due >= NEVER else due,
        )
    expected.customers[number] = known
    counts = dict.fromkeys(COUNTS, 0)
    for each in effects:
        for name in COUNTS:
            counts[name] += each.counts[name]
        for refusal in each.refused:
            said = lain[refusal.offset]
            expected.letters.add(Letter(said.partition, said.offset, said.value))
        for alert in each.alerts:
            expected.alerts[alert.alert_id] = _encoder.encode(alert)
            expected.order.setdefault(alert.user_id, []).append(alert.alert_id)
        for example in each.examples:
            expected.examples[example.example_id] = _encoder.encode(example)
    expected.counts[number] = counts
    expected.watermarks[number] = effects[-1].watermark if effects else -1


def examples_in(said: Iterable[Said]) -> list[TrainingExample]:
    """Return each example of a topic once, in the order of their first appearance."""
    decoder = msgspec.json.Decoder(TrainingExample)
    found: dict[str, TrainingExample] = {}
    for each in said:
        example = decoder.decode(each.value)
        found.setdefault(example.example_id, example)
    return list(found.values())
