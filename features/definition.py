"""What "gone" means in this shop, and how closely its customers are watched."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Final

from features.timeline import DAY, MINUTE, Millis
from features.told import WORDS

#: Default waits of the silence ladder, as fractions of the horizon.
LADDER: Final = (0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 2.5)
#: What tells who somebody is, and not that they came: a shop's own server says it at night.
PASSIVE: Final = frozenset({"identified", "alias", "group"})


@dataclass(frozen=True)
class Definition:
    """The shop's own definition of churn, and the bounds of what is kept of a customer.

    Parameters
    ----------
    horizon
        H: a customer without activity in (t, t + H] had churned at t. Milliseconds.
    active
        A: who has had no activity for that long is gone, and is no longer scored. Milliseconds.
    activity
        Event types that count as activity; empty means any event that is not `passive`.
    passive
        Event types that do not count where any event does.
    session_gap
        Silence that ends a session, in milliseconds.
    waits
        Fixed waits of the silence ladder, in milliseconds since the last activity; empty means
        fractions of the horizon (`LADDER`).
    multiples
        Waits in multiples of the customer's own rhythm.
    traits
        Customer traits that become features, each one-hot by hash.
    amount_cap, quantity_cap
        What is above counts as this: one absurd price must not own a customer's history.

    Examples
    --------
    >>> shop = Definition(horizon=28 * DAY, active=84 * DAY, activity=frozenset({"purchase"}))
    >>> shop.counts_as_activity("purchase"), shop.counts_as_activity("coupon")
    (True, False)
    >>> [wait / DAY for wait in shop.ladder_waits][:3]
    [2.8, 7.0, 14.0]
    """

    horizon: Millis = 30 * DAY
    active: Millis = 90 * DAY
    activity: frozenset[str] = frozenset()
    passive: frozenset[str] = PASSIVE
    session_gap: Millis = 30 * MINUTE
    waits: tuple[Millis, ...] = ()
    multiples: tuple[float, ...] = (1.5, 2.0, 3.0, 5.0)
    traits: tuple[str, ...] = ()
    amount_cap: float = 1e6
    quantity_cap: float = 1e3

    @property
    def active_days(self) -> float:
        """A, in days."""
        return self.active / DAY

    @cached_property
    def horizon_days(self) -> float:
        """H in days."""
        return self.horizon / DAY

    def counts_as_activity(self, event_type: str) -> bool:
        """Whether an event of this type means that the customer is still one.

        To say that one wants no messages any more never does.
        """
        if not WORDS.get(event_type, True):
            return False
        if self.activity:
            return event_type in self.activity
        return event_type not in self.passive

    @cached_property
    def ladder_waits(self) -> tuple[Millis, ...]:
        """The fixed waits, shortest first, below `active`."""
        waits = self.waits or tuple(round(share * self.horizon) for share in LADDER)
        return tuple(sorted(wait for wait in set(waits) if 0 < wait < self.active))

    @cached_property
    def rhythm_steps(self) -> tuple[float, ...]:
        """The multiples, smallest first."""
        return tuple(sorted(multiple for multiple in self.multiples if multiple > 0))

    @cached_property
    def fingerprint(self) -> str:
        """Changes with whatever changes the stored state of a customer."""
        shaping = {field.name: getattr(self, field.name) for field in fields(self)}
        shaping["activity"], shaping["passive"] = sorted(self.activity), sorted(self.passive)
        return hashlib.blake2b(repr(sorted(shaping.items())).encode(), digest_size=6).hexdigest()
