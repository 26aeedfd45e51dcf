"""Limits in memory: for replay, and the reference that those in Redis are compared with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush

from features import Millis
from models.limits.port import (
    KNOWN_FOR,
    MOST_TOLD,
    Answer,
    Choice,
    Filling,
    Lack,
    Request,
    Settlement,
    Take,
    checked,
    checked_settlements,
)


@dataclass
class _Reservation:
    choice: Choice
    #: What each outcome has cost; None for all that was set aside.
    told: dict[str, int | None] = field(default_factory=dict)
    closed: bool = False
    #: Closed by silence that means that it was used.
    used: bool = False

    def spent(self, take: Take) -> int:
        spent = sum(take.amount if cost is None else cost for cost in self.told.values())
        return max(spent, take.amount) if self.used else spent

    def held(self, take: Take) -> int:
        """Return what is not there for others: until all is known, at least what it may cost."""
        spent = self.spent(take)
        return spent if self.closed else max(spent, take.amount)


class MemoryLimits:
    """`Limits` that forget everything when the process ends.

    Examples
    --------
    >>> from models.limits import Pot
    >>> day = Pot("bargains/2026-11-29", limit=1_000, kept_until=10**13)
    >>> def ask(alert):
    ...     return Request(alert, (Choice("coupon", (Take(day, 600),), until=10**12),))
    >>> limits = MemoryLimits()
    >>> first, second = limits.grant([ask("a"), ask("b")], now=0)
    >>> first.granted, second.granted, second.lacks
    ('coupon', None, (Lack(choice='coupon', pot='bargains/2026-11-29', left=400),))
    >>> limits.note([Settlement("a", "declined-1", cost=0)], now=1)
    [True]
    >>> limits.grant([ask("b")], now=2)
    [Answer(granted='coupon', lacks=())]
    """

    def __init__(self) -> None:
        self._fillings: dict[str, Filling] = {}
        self._reservations: dict[str, _Reservation] = {}
        self._ends: list[tuple[Millis, str]] = []
        #: When each reservation is looked at next; any other entry of it is void.
        self._ends_at: dict[str, Millis] = {}
        self._kept: list[tuple[Millis, str]] = []
        self._kept_until: dict[str, Millis] = {}

    async def reserve(self, requests: Sequence[Request], now: Millis) -> list[Answer]:
        """Set aside what alerts need."""
        return self.grant(requests, now)

    async def settle(self, settlements: Sequence[Settlement], now: Millis) -> list[bool]:
        """Put back what was not used."""
        return self.note(settlements, now)

    async def look(self, pots: Sequence[str]) -> list[Filling]:
        """Return how pots stand."""
        return [self._fillings.get(pot, Filling()) for pot in pots]

    def grant(self, requests: Sequence[Request], now: Millis) -> list[Answer]:
        """Set aside what alerts need, as `reserve` does, where nobody can wait."""
        requests = checked(requests)
        self._end(now)
        return [self._reserve(request) for request in requests]

    def note(self, settlements: Sequence[Settlement], now: Millis) -> list[bool]:
        """Put back what was not used, as `settle` does, where nobody can wait."""
        settlements = checked_settlements(settlements)
        self._end(now)
        return [self._settle(settlement) for settlement in settlements]

    def _reserve(self, request: Request) -> Answer:
        alert_id, choices = request
        before = self._reservations.get(alert_id)
        if before is not None:
            if any(_alike(choice, before.choice) for choice in choices):
                return Answer(before.choice.name)
            # The rules have changed since: it is another thing that is done now.
            self._close(before, used=False)
            del self._reservations[alert_id], self._ends_at[alert_id]
        lacks: list[Lack] = []
        for choice in choices:
            lack = self._lack(choice)
            if lack is None:
                self._take(alert_id, choice)
                return Answer(choice.name, tuple(lacks))
            lacks.append(lack)
        return Answer(None, tuple(lacks))

    def _lack(self, choice: Choice) -> Lack | None:
        for pot, amount, room in choice.takes:
            left = pot.limit - self._fillings.get(pot.name, Filling()).taken
            if left < max(amount, room):
                return Lack(choice.name, pot.name, max(0, left))
        return None

    def _take(self, alert_id: str, choice: Choice) -> None:
        for pot, amount, _ in choice.takes:
            self._fill(pot.name, amount, 0)
            if pot.kept_until > self._kept_until.get(pot.name, -1):
                self._kept_until[pot.name] = pot.kept_until
                heappush(self._kept, (pot.kept_until, pot.name))
        if choice.takes:
            self._reservations[alert_id] = _Reservation(choice)
            self._look_again(alert_id, choice.until)

    def _look_again(self, alert_id: str, at: Millis) -> None:
        self._ends_at[alert_id] = at
        heappush(self._ends, (at, alert_id))

    def _settle(self, settlement: Settlement) -> bool:
        alert_id, outcome_id, cost, closes = settlement
        reservation = self._reservations.get(alert_id)
        if reservation is None:
            return False
        before = self._stands(reservation)
        if len(reservation.told) < MOST_TOLD:
            reservation.told.setdefault(outcome_id, cost)
        if closes:
            reservation.closed, reservation.used = True, False
        self._correct(reservation, before)
        return True

    def _close(self, reservation: _Reservation, *, used: bool) -> None:
        if not reservation.closed:
            before = self._stands(reservation)
            reservation.closed, reservation.used = True, used
            self._correct(reservation, before)

    @staticmethod
    def _stands(reservation: _Reservation) -> list[tuple[Take, int, int]]:
        return [
            (take, reservation.held(take), reservation.spent(take))
            for take in reservation.choice.takes
            if take.pot.money
        ]

    def _correct(self, reservation: _Reservation, before: list[tuple[Take, int, int]]) -> None:
        for take, held, spent in before:
            # A pot that is forgotten stays so.
            if take.pot.name in self._fillings:
                more = reservation.held(take) - held, reservation.spent(take) - spent
                self._fill(take.pot.name, *more)

    def _end(self, now: Millis) -> None:
        while self._ends and self._ends[0][0] <= now:
            at, alert_id = heappop(self._ends)
            if self._ends_at.get(alert_id) != at:
                continue
            reservation = self._reservations[alert_id]
            if at < reservation.choice.until + KNOWN_FOR:
                self._close(reservation, used=reservation.choice.silent_use)
                self._look_again(alert_id, reservation.choice.until + KNOWN_FOR)
            else:
                del self._reservations[alert_id], self._ends_at[alert_id]
        while self._kept and self._kept[0][0] <= now:
            until, name = heappop(self._kept)
            if self._kept_until.get(name) == until:
                del self._kept_until[name], self._fillings[name]

    def _fill(self, pot: str, taken: int, spent: int) -> None:
        before = self._fillings.get(pot, Filling())
        self._fillings[pot] = Filling(before.taken + taken, before.spent + spent)


def _alike(choice: Choice, before: Choice) -> bool:
    """Whether what was set aside for a choice is what it needs now."""
    return choice.name == before.name and [
        (take.pot.name, take.amount) for take in choice.takes
    ] == [(take.pot.name, take.amount) for take in before.takes]
