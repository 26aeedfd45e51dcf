"""What is to be thought of a customer in Redis, beside what the log gives: equal, or why not."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

import msgspec

from features import CustomerState, Millis, decode_state, encode_state
from features.store import Record
from models.deciding import Ledger
from models.learning import Judge
from streams.pipeline import Customer, Shop
from streams.verify.differences import (
    Difference,
    ledger_differences,
    state_differences,
    timer_difference,
)
from streams.verify.reach import Reach
from streams.verify.rebuilding import Rebuilt, move_on

#: What bytes raise that are not what they should be.
_DAMAGED: Final = (
    *(ValueError, TypeError, LookupError, AttributeError, ArithmeticError),
    msgspec.MsgspecError,
)


class Verdict(Enum):
    """What comes of looking at a customer."""

    EQUAL = "equal"
    DIFFERENT = "different"
    #: In Redis and never in the log, or the other way round.
    MISSING = "missing"
    #: Not the same, but the log does not tell for certain what it should be.
    UNSURE = "unsure"
    #: The log does not reach back to the first event.
    GONE = "not in the log any more"


@dataclass(frozen=True)
class Finding:
    """The verdict on a customer, and why.

    Parameters
    ----------
    customer, partition
        Who, and where.
    verdict
        What comes of it.
    reason
        Why, in words; empty when equal.
    difference
        The first field that is not the same.
    more
        How many more fields are not.
    """

    customer: str
    partition: int
    verdict: Verdict
    reason: str = ""
    difference: Difference | None = None
    more: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Return the finding as plain data, for ``--json``."""
        first = self.difference
        return {
            "customer": self.customer,
            "partition": self.partition,
            "verdict": self.verdict.value,
            "reason": self.reason,
            "field": None if first is None else first.field,
            "stored": None if first is None else first.stored,
            "recomputed": None if first is None else first.recomputed,
            "more": self.more,
        }


@dataclass(frozen=True)
class Bench:
    """Where the customers of one partition are judged.

    Parameters
    ----------
    shop, judge
        The rules; and any model, since what depends on it is not compared.
    partition
        Its number.
    start
        Offset of the oldest record that its logs still hold; 0 when nothing was deleted.
    """

    shop: Shop
    judge: Judge
    partition: int
    start: int

    def verdict(
        self, name: str, record: Record, timer: Millis, reach: Reach, rebuilt: Rebuilt
    ) -> Finding:
        """Return what is to be thought of a customer.

        Parameters
        ----------
        name
            Who.
        record, timer
            What is stored; `features.NEVER` for no timer.
        reach
            Up to where in the log.
        rebuilt
            What the log gives up to there.
        """
        if record.state is None or not rebuilt.events:
            return self._missing(name, record, reach, rebuilt)
        part = "state"
        try:
            state = decode_state(record.state, self.shop.definition)
            encode_state(state)
            part = "ledger"
            Ledger() if record.ledger is None else Ledger.decode(record.ledger)
            part = "state"
            found = self._differences(name, record, timer, reach, rebuilt.customer)
            if found and rebuilt.hurried is not None:
                hurried = self._differences(name, record, timer, reach, rebuilt.hurried)
                found = found if hurried else []
            if not found:
                return Finding(name, self.partition, Verdict.EQUAL)
            return self._weigh(name, state, found, reach, rebuilt)
        except _DAMAGED as error:
            why = str(error) or type(error).__name__
            reason = f"{part}: the bytes in Redis cannot be read: {why}"
            what = Difference(part, "unreadable bytes", "a customer")
            return Finding(name, self.partition, Verdict.DIFFERENT, reason, what)

    def _read(self, record: Record) -> Customer:
        state = decode_state(record.state or b"", self.shop.definition)
        ledger = Ledger() if record.ledger is None else Ledger.decode(record.ledger)
        return Customer(state, ledger, new=False)

    def _missing(self, name: str, record: Record, reach: Reach, rebuilt: Rebuilt) -> Finding:
        verdict = Verdict.MISSING
        upto = f"before offset {max(reach.offset, 0)} of partition {self.partition}"
        if record.state is None and rebuilt.events:
            reason = f"not in Redis, but {rebuilt.events} of its events are in the topic {upto}"
        elif record.state is None:
            reason = f"neither in Redis nor in the topic {upto}"
        elif self.start:
            verdict = Verdict.GONE
            reason = f"the log starts at offset {self.start}, after its last event"
        else:
            reason = f"in Redis, but none of its events is in the topic {upto}"
        return Finding(name, self.partition, verdict, reason)

    def _differences(
        self, name: str, record: Record, timer: Millis, reach: Reach, rebuilt: Customer
    ) -> list[Difference]:
        stored = self._read(record)
        behind = timer <= reach.watermark
        timers = timer_difference(timer, stored.due() if behind else rebuilt.due())
        if behind and not timers:
            # The watermark has passed the timer, and the worker has yet to come to it.
            move_on(self.shop, self.judge, {name: stored}, [name], reach.watermark)
        elif behind:
            timers = timer_difference(timer, rebuilt.due())
        return [
            *state_differences(stored.state, rebuilt.state),
            *ledger_differences(stored.ledger, rebuilt.ledger, self.shop.catalogue),
            *timers,
        ]

    def _weigh(
        self,
        name: str,
        state: CustomerState,
        found: list[Difference],
        reach: Reach,
        rebuilt: Rebuilt,
    ) -> Finding:
        """Return whether the difference is one, as far as the log can tell."""
        theirs = rebuilt.customer.state
        certain = [difference for difference in found if not difference.by_timers]
        first = (certain or found)[0]
        verdict, why = Verdict.DIFFERENT, ""
        if self.start and state.first_seen < theirs.first_seen:
            verdict = Verdict.GONE
            why = f"the log starts at offset {self.start}, after its first event"
        elif self.start and state.events > theirs.events:
            verdict = Verdict.UNSURE
            why = f"the log starts at offset {self.start}: earlier events of it may be gone"
        elif rebuilt.moved and rebuilt.stayed:
            verdict = Verdict.UNSURE
            why = "it has events in both topics, and the order they were applied in is not known"
        elif not certain and (rebuilt.late or reach.rekeyed > 0):
            verdict = Verdict.UNSURE
            why = (
                f"{rebuilt.late} of its events came later than time.lateness allows"
                if rebuilt.late
                else "its partition has events in both topics"
            ) + ", and how far time had moved when each was applied is not in the log"
        reason = f"{first} ({why})" if why else str(first)
        return Finding(name, self.partition, verdict, reason, first, len(found) - 1)
