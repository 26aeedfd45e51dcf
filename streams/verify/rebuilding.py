"""A few customers of one partition, computed again from its log, event by event.

Every event is decoded, since each may move the watermark; those of the customers in question go
through `streams.pipeline.handle` as they went in the worker.

One thing is not in the log: when a partition was idle, the clock may have moved its watermark.
That changes nothing for events in time. For a customer with one that came later than the
watermark would have allowed, both histories are computed: as if the clock had never moved it, and
as if it always had.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from features import (
    MINUTE,
    CustomerState,
    InvalidEvent,
    Millis,
    decode_event,
    decode_state,
    encode_state,
)
from models.deciding import Ledger
from models.learning import Judge
from streams.pipeline import NO_WATERMARK, Arrival, Customer, Effects, Shop, handle
from streams.topics import partition_of
from streams.verify.reach import Reach, moved_from
from streams.verify.sampling import rank

#: Events, or customers with a timer due, that go through `handle` together.
_BATCH: Final = 500
#: Customers whose place is remembered; asking again costs little.
_REMEMBERED: Final = 200_000
#: Strangers that are remembered: as many as can be looked at at once.
MOST_STRANGERS: Final = 2_000
#: A worker's clock, and the moment at which it looked, are known no better than that.
_UNCERTAIN: Final = MINUTE

_ELSEWHERE: Final = "belongs to another partition"
_UNASKED: Final = "is not asked for"
_STRANGER: Final = "would be asked for if it were known"


@dataclass(eq=False, slots=True)
class Rebuilt:
    """A customer as the log has it.

    Parameters
    ----------
    customer
        If only events move the watermark.
    hurried
        If the clock has always moved it; None where that makes no difference.
    events
        Usable events, repeats too.
    late
        How many of them came so late that the clock may have passed them.
    stayed, moved
        Whether there were events in ``clickstream``, in ``clickstream-rekeyed``.
    """

    customer: Customer
    hurried: Customer | None = None
    events: int = 0
    late: int = 0
    stayed: bool = False
    moved: bool = False


def _ignore(effects: Effects) -> None:
    pass


class Rebuilding:
    """Computes customers of one partition again.

    Parameters
    ----------
    shop, judge
        The rules; and any model, since what is known does not depend on it.
    partition
        Its number.
    partitions
        How many the topic has.
    reaches
        The customers, and up to where the log counts for each.
    highest
        Rank up to which customers not among them are noted as strangers; negative for none.
    wall
        Whether the clock may have moved the watermark.
    watch
        Told what each batch brings about.
    """

    def __init__(
        self,
        shop: Shop,
        judge: Judge,
        partition: int,
        partitions: int,
        reaches: Mapping[str, Reach],
        *,
        highest: int = -1,
        wall: bool = False,
        watch: Callable[[Effects], None] = _ignore,
    ) -> None:
        self._watch = watch
        self._shop = shop
        self._judge = judge
        self._partition = partition
        self._partitions = partitions
        self._reaches = reaches
        self._highest = highest
        self._wall = wall
        self.watermark = NO_WATERMARK
        self.rebuilt = {name: Rebuilt(self._nobody()) for name in reaches}
        #: Customers of that rank whom nobody asked for, and where their first event lies.
        self.strangers: dict[str, str] = {}
        self._places: dict[str, Reach | str] = dict(reaches)
        self._book = {name: each.customer for name, each in self.rebuilt.items()}
        self._batch: list[Arrival] = []
        #: The watermark before and after the batch, as if nobody else moved it.
        self._before = self._after = NO_WATERMARK

    def _nobody(self) -> Customer:
        return Customer(CustomerState(self._shop.definition), Ledger(), new=True)

    def take(self, record: Any, *, moved: bool = False) -> None:
        """Take the next record of the log.

        Parameters
        ----------
        record
            As kafka-python returns it.
        moved
            Whether it lies in ``clickstream-rekeyed``.
        """
        try:
            event = decode_event(record.value)
        except InvalidEvent:
            return
        name = event.user_id
        place = self._places.get(name) or self._find(name)
        if place is _ELSEWHERE:
            return
        at, timestamp, history, promised = event.at, record.timestamp, None, None
        if moved:
            timestamp, history, promised = moved_from(record.headers, timestamp)
        if at > timestamp + self._shop.skew:
            return
        if isinstance(place, Reach):
            if record.offset < (place.rekeyed if moved else place.offset):
                arrival = Arrival(record.offset, timestamp, event, history, promised)
                self._note(self.rebuilt[name], place, arrival, record.timestamp, moved)
        elif place is _STRANGER and len(self.strangers) < MOST_STRANGERS:
            self.strangers.setdefault(name, f"{record.topic}/{record.partition}@{record.offset}")
        self.watermark = max(self.watermark, at - self._shop.lateness)

    def _find(self, name: str) -> Reach | str:
        place: Reach | str = _UNASKED
        if partition_of(name.encode(), self._partitions) != self._partition:
            place = _ELSEWHERE
        elif rank(name) <= self._highest:
            place = _STRANGER
        if len(self._places) >= _REMEMBERED + len(self._reaches):
            self._places = dict(self._reaches)
        self._places[name] = place
        return place

    def _note(
        self, rebuilt: Rebuilt, reach: Reach, arrival: Arrival, came: Millis, moved: bool
    ) -> None:
        shop = self._shop
        rebuilt.events += 1
        rebuilt.moved |= moved
        rebuilt.stayed |= not moved
        at = arrival.event.at
        if self._wall and at <= came - shop.lateness + _UNCERTAIN:
            rebuilt.late += 1
            if rebuilt.hurried is None:
                self._flush()
                rebuilt.hurried = self._copy(rebuilt.customer)
        if rebuilt.hurried is not None:
            clock = max(self.watermark, came - shop.lateness)
            book = {arrival.event.user_id: rebuilt.hurried}
            handle(shop, self._judge, [arrival], (), book, min(clock, reach.watermark))
        watermark = min(self.watermark, reach.watermark)
        # Others may have moved time since the last of these customers came.
        if watermark != self._after or len(self._batch) >= _BATCH:
            self._flush()
        if not self._batch:
            self._before = watermark
        self._batch.append(arrival)
        self._after = max(watermark, at - shop.lateness)

    def _copy(self, customer: Customer) -> Customer:
        state = decode_state(encode_state(customer.state), self._shop.definition)
        return Customer(state, Ledger.decode(customer.ledger.encode()), new=customer.new)

    def _flush(self) -> None:
        """Handle the events that were gathered."""
        if self._batch:
            effects = handle(self._shop, self._judge, self._batch, (), self._book, self._before)
            self._watch(effects)
            self._batch = []

    def finish(self) -> dict[str, Rebuilt]:
        """Fire what is due by each customer's mark, and return all of them."""
        self._flush()
        due: dict[Millis, list[str]] = {}
        for name, reach in self._reaches.items():
            due.setdefault(reach.watermark, []).append(name)
        hurried = {
            name: each.hurried for name, each in self.rebuilt.items() if each.hurried is not None
        }
        for watermark, names in due.items():
            for first in range(0, len(names), _BATCH):
                some = names[first : first + _BATCH]
                self._watch(move_on(self._shop, self._judge, self._book, some, watermark))
            late = [name for name in names if name in hurried]
            move_on(self._shop, self._judge, hurried, late, watermark)
        return self.rebuilt


def move_on(
    shop: Shop, judge: Judge, book: Mapping[str, Customer], names: Iterable[str], watermark: Millis
) -> Effects:
    """Fire the timers of customers that are due by a watermark."""
    due = [name for name in names if not book[name].new and book[name].due() <= watermark]
    return handle(shop, judge, [], due, book, watermark)
