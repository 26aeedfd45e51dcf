"""What an import met: counts, times, customers, and the rows that were no events."""

from __future__ import annotations

from collections import Counter
from hashlib import blake2b
from typing import Any, Final

import msgspec

from features import Event, Millis, encode_event, to_iso
from streams.recorded.sources import RejectedRow

SHOWN_REJECTIONS: Final = 20
SHOWN_EVENTS: Final = 3
#: More kinds than these are counted together: a wrong column may have a million.
_MOST_KINDS: Final = 1_000
_OTHERS: Final = "(others)"


class Distinct:
    """Counts different things: exactly up to a bound, then closely, in bounded memory.

    Beyond the bound only the things whose hash ends in ever more zeros are kept (adaptive
    sampling); the standard error is then about 1.2 / sqrt(bound).

    Parameters
    ----------
    bound
        Most hashes kept.

    Examples
    --------
    >>> customers = Distinct()
    >>> for name in ("ada", "grace", "ada"):
    ...     customers.add(name)
    >>> customers.count, customers.exact
    (2, True)
    """

    def __init__(self, bound: int = 200_000) -> None:
        self._bound = bound
        self._kept: set[int] = set()
        self._mask = 0

    def add(self, thing: str) -> None:
        """Count a thing."""
        digest = int.from_bytes(blake2b(thing.encode(), digest_size=8).digest())
        if digest & self._mask:
            return
        self._kept.add(digest)
        while len(self._kept) > self._bound:
            self._mask = self._mask << 1 | 1
            self._kept = {kept for kept in self._kept if not kept & self._mask}

    @property
    def count(self) -> int:
        """How many different things there were."""
        return len(self._kept) * (self._mask + 1)

    @property
    def exact(self) -> bool:
        """Whether `count` is exact."""
        return not self._mask


class Tally:
    """Counts what `read_events` gives, in bounded memory.

    Examples
    --------
    >>> tally = Tally()
    >>> tally.add(RejectedRow(7, "amount is not a number: 'x'", "amount is not a number"))
    >>> tally.add(Event(event_id="1", user_id="ada", type="purchase", time=0))
    >>> tally.events, tally.rejected, tally.customers.count, dict(tally.types)
    (1, 1, 1, {'purchase': 1})
    """

    def __init__(self) -> None:
        self.events = 0
        self.rejected = 0
        self.first: Millis | None = None
        self.last: Millis | None = None
        self.customers = Distinct()
        self.types: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.rejections: list[RejectedRow] = []
        self.samples: list[Event] = []

    def add(self, found: Event | RejectedRow) -> None:
        """Count an event, or a row that is none."""
        if isinstance(found, RejectedRow):
            self.rejected += 1
            _count(self.reasons, found.kind)
            if len(self.rejections) < SHOWN_REJECTIONS:
                self.rejections.append(found)
            return
        self.events += 1
        at = found.at
        self.first = at if self.first is None else min(self.first, at)
        self.last = at if self.last is None else max(self.last, at)
        self.customers.add(found.user_id)
        _count(self.types, found.type)
        if len(self.samples) < SHOWN_EVENTS:
            self.samples.append(found)

    @property
    def rows(self) -> int:
        """Rows of the file."""
        return self.events + self.rejected

    def as_dict(self) -> dict[str, Any]:
        """Return everything as plain data, for JSON."""
        return {
            "rows": self.rows,
            "events": self.events,
            "rejected": self.rejected,
            "rejected_by_reason": dict(self.reasons.most_common()),
            "rejected_rows": [{"line": row.line, "reason": row.reason} for row in self.rejections],
            "first": None if self.first is None else to_iso(self.first),
            "last": None if self.last is None else to_iso(self.last),
            "customers": self.customers.count,
            "customers_exact": self.customers.exact,
            "types": dict(self.types.most_common()),
            "first_events": [msgspec.json.decode(encode_event(event)) for event in self.samples],
        }


def _count(counter: Counter[str], kind: str) -> None:
    counter[kind if kind in counter or len(counter) < _MOST_KINDS else _OTHERS] += 1
