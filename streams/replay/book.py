"""The customers of one partition in memory, and when each must be looked at again.

What the live worker reads from its store and writes back, a backtest has at hand; the way between
is the same `streams.pipeline.handle`.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from typing import Final

from msgspec.structs import replace

from features import NEVER, CustomerState, Millis
from models.deciding import Ledger, Promised
from models.learning import Judge
from models.limits import MemoryLimits
from streams.pipeline import NO_WATERMARK, Arrival, Customer, Effects, Shop, handle

#: Customers with a timer due that go through `handle` together.
_AT_ONCE: Final = 10_000


class Book:
    """The customers of one partition.

    Parameters
    ----------
    shop
        The rules.
    limits
        What the shop may spend and do, which all partitions share.
    promised
        To the visitors of all partitions who have turned out to be customers, until these take
        it over.
    """

    def __init__(
        self, shop: Shop, limits: MemoryLimits, promised: dict[str, Promised | None]
    ) -> None:
        self._shop = shop
        self._grant = limits.grant
        self._promised = promised
        self.customers: dict[str, Customer] = {}
        self.watermark: Millis = NO_WATERMARK
        #: Customers by when they are to be looked at: never too late, but maybe too early, since
        #: whoever comes moves the time on, and that is found out when it is there.
        self._timers: list[tuple[Millis, str]] = []
        #: The earliest entry of each customer; any other of that name is void.
        self._armed: dict[str, Millis] = {}

    def take(self, judge: Judge, arrivals: Sequence[Arrival]) -> Iterator[Effects]:
        """Take arrivals through the pipeline, in their order."""
        customers, shop = self.customers, self._shop
        for arrival in arrivals:
            name = arrival.event.user_id
            if name not in customers and arrival.event.at <= arrival.timestamp + shop.skew:
                state = CustomerState(shop.definition)
                customers[name] = Customer(state, Ledger(), new=True)
        for some in self._pieces(arrivals) if shop.visitors else (arrivals,):
            yield self._handle(judge, some, (), self.watermark)

    def _pieces(self, arrivals: Sequence[Arrival]) -> Iterator[Sequence[Arrival]]:
        """Yield arrivals in pieces, each to be taken before the next one is asked for.

        What a visitor was promised is known when what came before has been taken. It is what is
        decided here that counts, and not what workers had decided; but where they moved the event
        before the visitor's partition has come so far, theirs is all there is.
        """
        piece: list[Arrival] = []
        for arrival in arrivals:
            history = arrival.history
            if history is not None and history.number == 0:
                if piece:
                    yield piece
                promised = self._promised.pop(history.visitor, arrival.promised)
                piece = [replace(arrival, promised=promised)]
            else:
                piece.append(arrival)
        if piece:
            yield piece

    def pass_until(self, judge: Judge, watermark: Millis) -> Iterator[Effects]:
        """Let time pass without an event: timers fire, labels mature."""
        if not self.customers:
            return
        watermark = max(watermark, self.watermark)
        while names := self._due(watermark):
            yield self._handle(judge, (), names, watermark)
        self.watermark = watermark

    def next_due(self) -> Millis:
        """Return a time before which nobody must be looked at; `NEVER` for nobody at all."""
        return self._timers[0][0] if self._timers else NEVER

    def _handle(
        self, judge: Judge, arrivals: Sequence[Arrival], due: Sequence[str], watermark: Millis
    ) -> Effects:
        effects = handle(self._shop, judge, arrivals, due, self.customers, watermark, self._grant)
        self.watermark = effects.watermark
        for passed in effects.passed:
            history = passed.handed.history
            if history.number == 0:
                self._promised[history.visitor] = passed.promised
        for name, customer in effects.changed.items():
            self._arm(name, customer.due())
        return effects

    def _arm(self, name: str, due: Millis) -> None:
        if due < self._armed.get(name, NEVER):
            self._armed[name] = due
            heapq.heappush(self._timers, (due, name))

    def _due(self, watermark: Millis) -> list[str]:
        """Take those who must be looked at by the watermark off the list, at most so many."""
        names: list[str] = []
        timers, armed = self._timers, self._armed
        while timers and timers[0][0] <= watermark and len(names) < _AT_ONCE:
            due, name = heapq.heappop(timers)
            if armed.get(name) != due:
                continue
            del armed[name]
            if (really := self.customers[name].due()) <= watermark:
                names.append(name)
            else:
                self._arm(name, really)
        return names
