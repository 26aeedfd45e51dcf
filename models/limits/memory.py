"""Limits in memory: for replay, and the reference that those in Redis are compared with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heappop, heappush

from features import Millis
from models.limits.port import (
    Answer,
    Filling,
    Request,
    Settlement,
    Take,
    checked,
    checked_settlements,
)


@dataclass
class _Reservation:
    takes: tuple[Take, ...]
    until: Millis
    #: None until the first settlement.
    spent: int | None = None


class MemoryLimits:
    """`Limits` that forget everything when the process ends.

    Examples
    --------
    >>> import asyncio
    >>> from models.limits import Pot
    >>> day = Pot("bargains/2026-11-29", limit=1_000, kept_until=10**13)
    >>> def ask(alert):
    ...     return Request(alert, (Take(day, 600),), until=10**12)
    >>> async def story():
    ...     limits = MemoryLimits()
    ...     print(await limits.reserve([ask("a"), ask("b")], now=0))
    ...     await limits.settle([Settlement("a", spent=0)], now=1)
    ...     print(await limits.reserve([ask("b")], now=2))
    >>> asyncio.run(story())  # doctest: +NORMALIZE_WHITESPACE
    [Answer(granted=True, blocked_by='', left=0),
     Answer(granted=False, blocked_by='bargains/2026-11-29', left=400)]
    [Answer(granted=True, blocked_by='', left=0)]
    """

    def __init__(self) -> None:
        self._fillings: dict[str, Filling] = {}
        self._reservations: dict[str, _Reservation] = {}
        self._ends: list[tuple[Millis, str]] = []
        self._kept: list[tuple[Millis, str]] = []
        self._kept_until: dict[str, Millis] = {}

    async def reserve(self, requests: Sequence[Request], now: Millis) -> list[Answer]:
        """Set aside what alerts need."""
        requests = checked(requests)
        self._end(now)
        return [self._reserve(request) for request in requests]

    def _reserve(self, request: Request) -> Answer:
        alert_id, takes, until = request
        if alert_id in self._reservations:
            return Answer(True)
        for pot, amount in takes:
            taken = self._fillings.get(pot.name, Filling()).taken
            if taken + amount > pot.limit:
                return Answer(False, pot.name, max(0, pot.limit - taken))
        for pot, amount in takes:
            self._fill(pot.name, amount, 0)
            if pot.kept_until > self._kept_until.get(pot.name, -1):
                self._kept_until[pot.name] = pot.kept_until
                heappush(self._kept, (pot.kept_until, pot.name))
        self._reservations[alert_id] = _Reservation(takes, until)
        heappush(self._ends, (until, alert_id))
        return Answer(True)

    async def settle(self, settlements: Sequence[Settlement], now: Millis) -> list[bool]:
        """Put back what was not used."""
        settlements = checked_settlements(settlements)
        self._end(now)
        return [self._settle(*settlement) for settlement in settlements]

    def _settle(self, alert_id: str, spent: int) -> bool:
        reservation = self._reservations.get(alert_id)
        if reservation is None:
            return False
        before = reservation.spent
        if before is None or spent > before:
            reservation.spent = spent
            for pot, amount in reservation.takes:
                if pot.money:
                    held = amount if before is None else before
                    self._correct(pot.name, spent - held, spent - (before or 0))
        return True

    async def look(self, pots: Sequence[str]) -> list[Filling]:
        """Return how pots stand."""
        return [self._fillings.get(pot, Filling()) for pot in pots]

    def _end(self, now: Millis) -> None:
        while self._ends and self._ends[0][0] <= now:
            _, alert_id = heappop(self._ends)
            reservation = self._reservations.pop(alert_id)
            if reservation.spent is None:
                for pot, amount in reservation.takes:
                    if pot.money:
                        self._correct(pot.name, -amount, 0)
        while self._kept and self._kept[0][0] <= now:
            until, name = heappop(self._kept)
            if self._kept_until.get(name) == until:
                del self._kept_until[name], self._fillings[name]

    def _fill(self, pot: str, taken: int, spent: int) -> None:
        before = self._fillings.get(pot, Filling())
        self._fillings[pot] = Filling(before.taken + taken, before.spent + spent)

    def _correct(self, pot: str, taken: int, spent: int) -> None:
        # A pot that is forgotten stays so.
        if pot in self._fillings:
            self._fill(pot, taken, spent)
