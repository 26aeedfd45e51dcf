"""What arrives, sorted at the edge: events to apply, events to pass on, and dead letters.

From here on, events are trusted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from features import Event, InvalidEvent, decode_event
from streams.deadletters import LARGEST, DeadLetter, redriven_from
from streams.live.messages import (
    Message,
    Origin,
    handed_message,
    letter_message,
    moved_message,
    origin_of,
)
from streams.live.stopping import MostlyInvalid
from streams.pipeline import Arrival, Passed, Refusal
from streams.topics import partition_of

#: Messages that the cap on invalid input looks back at; fewer than half of that are no verdict.
WINDOW: Final = 1_000


@dataclass
class Sorted:
    """The records of one chunk, sorted.

    Parameters
    ----------
    arrivals
        Events to apply; their ``offset`` is the number of the record in the chunk.
    messages
        Events to pass on to their customer's partition, and dead letters.
    counts
        How many of what.
    good, bad
        How many records could be used, and how many could not.
    last_reason
        What is wrong with the last one that could not.
    """

    arrivals: list[Arrival] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    good: int = 0
    bad: int = 0
    last_reason: str = ""


@dataclass
class Read:
    """The records of one chunk, decoded.

    Parameters
    ----------
    arrivals
        The events; their ``offset`` is the number of the record in the chunk.
    invalid
        What is wrong with the others, by number.
    moved
        Numbers of the events that were moved here from another partition.
    """

    arrivals: list[Arrival] = field(default_factory=list)
    invalid: dict[int, InvalidEvent] = field(default_factory=dict)
    moved: set[int] = field(default_factory=set)

    def customers(self) -> set[str]:
        """Return who is in them."""
        return {arrival.event.user_id for arrival in self.arrivals}


def astray(customers: Iterable[str], partition: int, partitions: int) -> set[str]:
    """Return those customers who are of another partition.

    Ask only for those of whom nothing is stored here: that costs more than to apply an event.
    """
    return {name for name in customers if partition_of(name.encode(), partitions) != partition}


class Intake:
    """Sorts what arrives in a partition.

    Parameters
    ----------
    clickstream
        Full name of the topic that the storefronts write to; what comes from another one was
        moved here already.
    """

    def __init__(self, clickstream: str) -> None:
        self._clickstream = clickstream

    def read(self, records: Iterable[Any]) -> Read:
        """Decode the records of a chunk."""
        read = Read()
        arrivals, clickstream = read.arrivals, self._clickstream
        for number, record in enumerate(records):
            try:
                event = decode_event(record.value)
            except InvalidEvent as error:
                read.invalid[number] = error
                continue
            arrived = record.timestamp
            if record.topic != clickstream:
                read.moved.add(number)
                # Wherever it lay then.
                origin = origin_of(record.headers)
                if origin is not None:
                    came, history, promised = origin.timestamp, origin.history, origin.promised
                    arrivals.append(Arrival(number, came, event, history, promised))
                    continue
            arrivals.append(Arrival(number, arrived, event))
        return read

    def sort(self, records: Sequence[Any], read: Read, astray: Collection[str] = ()) -> Sorted:
        """Sort the records of a chunk.

        Parameters
        ----------
        records
            As they lie in the log.
        read
            What `read` made of them.
        astray
            Customers who are of another partition.
        """
        if not (astray or read.invalid):
            out = Sorted(read.arrivals, good=len(read.arrivals))
        else:
            home = [each for each in read.arrivals if each.event.user_id not in astray]
            out = Sorted(home, good=len(home))
            strays = (each for each in read.arrivals if each.event.user_id in astray)
            away = {each.offset: each.event for each in strays}
            self._send_away(out, records, read, away)
        if read.moved:
            moved = read.moved
            count = sum(each.history is None and each.offset in moved for each in out.arrivals)
            if count:
                out.counts["rekeyed"] += count
        return out

    def _send_away(
        self, out: Sorted, records: Sequence[Any], read: Read, away: Mapping[int, Event]
    ) -> None:
        for number in sorted((*read.invalid, *away)):
            record = records[number]
            if number in read.invalid:
                error = read.invalid[number]
                self.refuse(out, record, error.reason, error.field)
            elif number in read.moved:
                reason = "was moved, and is still not on its customer's partition"
                self.refuse(out, record, reason, "")
            elif len(record.value) > LARGEST:
                self.refuse(out, record, "too large to be moved to its customer's partition", "")
            else:
                out.good += 1
                out.messages.append(_moved(away[number], record))
                out.counts["forwarded"] += 1

    def pass_on(self, out: Sorted, records: Sequence[Any], passed: Iterable[Passed]) -> None:
        """Add the events of visitors for the partitions of the customers who they are."""
        for each in passed:
            place = _place(records[each.offset])
            out.messages.append(handed_message(each.handed, each.promised, place))

    def refuse_all(self, out: Sorted, records: Any, refusals: Iterable[Refusal]) -> None:
        """Add the dead letters of events that the pipeline refused."""
        for refusal in refusals:
            out.good -= 1
            self.refuse(out, records[refusal.offset], refusal.reason, refusal.field, counted=True)

    def refuse(
        self, out: Sorted, record: Any, reason: str, where: str, *, counted: bool = False
    ) -> None:
        """Add a dead letter."""
        # Of a moved event, the place where it lay first: a crash may have moved it twice.
        lies = origin_of(record.headers) if record.topic != self._clickstream else None
        lies = lies or _place(record)
        letter = DeadLetter(
            reason=reason,
            field=where,
            topic=lies.topic,
            partition=lies.partition,
            offset=lies.offset,
            timestamp=lies.timestamp,
            redriven=redriven_from(record.headers),
        )
        out.messages.append(letter_message(letter, record.key, record.value))
        out.bad += 1
        out.last_reason = reason
        if not counted:
            out.counts["invalid"] += 1


def recent_after(
    recent: tuple[int, int], good: int, bad: int, cap: float, reason: str = ""
) -> tuple[int, int]:
    """Return how many of the last messages could be used, and how many could not.

    Parameters
    ----------
    recent
        The same before.
    good, bad
        What came since.
    cap
        Share of bad ones from which on the line stops; 1 for never.
    reason
        What is wrong with one of them, for the error.

    Raises
    ------
    MostlyInvalid
        If the share of bad ones is above the cap: that is an error of a deployment, and not bad
        data, and the log is a better place for what comes than the dead letters.

    Examples
    --------
    >>> recent_after((0, 0), 400, 100, 0.8)
    (400, 100)
    >>> recent_after((400, 600), 1, 0, 0.8)
    (200, 300)
    """
    good, bad = recent[0] + good, recent[1] + bad
    seen = good + bad
    if bad and seen * 2 >= WINDOW and bad / seen > cap:
        raise MostlyInvalid(
            f"{bad} of the last {seen} messages cannot be used (the last one: {reason}): that is "
            "a wrong deployment, not bad data, so the line is stopped before more of them go to "
            "the dead letters. Mend the producer or this version and start again; to let them "
            "pass, set worker.invalid_cap = 1"
        )
    return (good // 2, bad // 2) if seen > WINDOW else (good, bad)


def _moved(event: Event, record: Any) -> Message:
    return moved_message(event.user_id, record.value, _place(record))


def _place(record: Any) -> Origin:
    return Origin(record.topic, record.partition, record.offset, record.timestamp)
