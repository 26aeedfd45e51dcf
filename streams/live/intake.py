"""What arrives, sorted at the edge: events to apply, events to pass on, and dead letters.

From here on, events are trusted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from features import Event, InvalidEvent, Millis, decode_event
from streams.deadletters import LARGEST, DeadLetter, redriven_from
from streams.live.messages import Message, Origin, letter_message, moved_message, origin_of
from streams.live.stopping import MostlyInvalid
from streams.pipeline import Arrival, Refusal
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

    def sort(
        self, records: Iterable[Any], partition: int, partitions: int, known: Container[str]
    ) -> Sorted:
        """Sort the records of a chunk.

        Parameters
        ----------
        records
            As they lie in the log.
        partition, partitions
            Which one this is, of how many.
        known
            Customers who are known to be of this partition.
        """
        out = Sorted()
        for number, record in enumerate(records):
            moved = record.topic != self._clickstream
            try:
                event = decode_event(record.value)
                home = event.user_id in known or (
                    partition_of(event.user_id.encode(), partitions) == partition
                )
                if moved and not home:
                    raise InvalidEvent("was moved, and is still not on its customer's partition")
                if not home and len(record.value) > LARGEST:
                    raise InvalidEvent("too large to be moved to its customer's partition")
            except InvalidEvent as error:
                self.refuse(out, record, error.reason, error.field)
                continue
            out.good += 1
            if home:
                out.arrivals.append(Arrival(number, _arrived(record, moved), event))
                if moved:
                    out.counts["rekeyed"] += 1
            else:
                out.messages.append(_moved(event, record))
                out.counts["forwarded"] += 1
        return out

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
        lies = lies or Origin(record.topic, record.partition, record.offset, record.timestamp)
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


def _arrived(record: Any, moved: bool) -> Millis:
    """Return when an event arrived first, wherever it lay then."""
    origin = origin_of(record.headers) if moved else None
    return Millis(record.timestamp if origin is None else origin.timestamp)


def _moved(event: Event, record: Any) -> Message:
    origin = Origin(record.topic, record.partition, record.offset, record.timestamp)
    return moved_message(event.user_id, record.value, origin)
