"""Every customer of a backtest in a row: when they came, how often, and what they spent.

What the features keep is taken from there; the days are counted here, since late events do not
move the features' rhythm, but were days in the shop all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Final

from features import DAY, CustomerState, Definition, Millis
from streams.pipeline import Arrival
from streams.report import arrow, writing

_ROWS: Final = 32_768
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Days:
    """On which days (UTC) each customer did something that counts, a bit a day.

    Parameters
    ----------
    definition
        What counts.
    skew
        How far after its arrival an event's own time may lie, in milliseconds; who is beyond did
        nothing.

    Examples
    --------
    >>> from features import Event
    >>> days = Days(Definition(), skew=0)
    >>> for day in (3, 1, 3):
    ...     event = Event(event_id=str(day), user_id="ada", type="visit", time=day * DAY)
    ...     days.note([Arrival(0, event.at, event)])
    >>> days.of("ada"), days.of("grace")
    ([1, 3], [])
    """

    def __init__(self, definition: Definition, skew: Millis) -> None:
        self._counts = definition.counts_as_activity
        self._skew = skew
        #: Of each customer, the day of the first bit, and the bits.
        self._bits: dict[str, tuple[int, int]] = {}

    def note(self, arrivals: Iterable[Arrival]) -> None:
        """Note what customers did; a repeat falls on a day that is known."""
        bits = self._bits
        for arrival in arrivals:
            event = arrival.event
            at = event.at
            if at > arrival.timestamp + self._skew or not self._counts(event.type):
                continue
            day = at // DAY
            name = event.user_id
            first, held = bits.get(name, (day, 0))
            if day < first:
                first, held = day, held << (first - day)
            bits[name] = first, held | 1 << (day - first)

    def of(self, customer: str) -> list[int]:
        """Return the days of a customer since 1970, in their order."""
        first, held = self._bits.get(customer, (0, 0))
        found = []
        while held:
            lowest = held & -held
            found.append(first + lowest.bit_length() - 1)
            held ^= lowest
        return found


@lru_cache(maxsize=65_536)
def _month(day: int) -> int:
    """Return the months from the year 0 to that of a day since 1970."""
    moment = _EPOCH + timedelta(days=day)
    return moment.year * 12 + moment.month


def write_customers(path: Path, states: Mapping[str, CustomerState], days: Days) -> None:
    """Write ``customers.parquet``, in the order of the names.

    Parameters
    ----------
    path
        Where to.
    states
        What is known of each customer in the end.
    days
        When each of them was there.
    """
    pa, parquet = arrow()
    moment = pa.timestamp("ms", tz="UTC")
    schema = pa.schema(
        [
            ("customer", pa.string()),
            ("first_at", moment),
            ("last_at", moment),
            ("last_activity_at", moment),
            ("events", pa.int64()),
            ("activity_days", pa.int32()),
            ("orders", pa.int32()),
            ("spent", pa.float64()),
            ("active_months", pa.list_(pa.int16())),
        ]
    )
    # Of whom only events came that nobody could use, there is nothing to tell.
    names = sorted(name for name, state in states.items() if state.events)
    with writing(path), parquet.ParquetWriter(path, schema) as writer:
        for start in range(0, len(names), _ROWS):
            some = names[start : start + _ROWS]
            rows = [_row(states[name], days.of(name)) for name in some]
            columns = dict(zip(schema.names[1:], zip(*rows, strict=True), strict=True))
            writer.write_table(pa.table({"customer": some} | columns, schema=schema))


def _row(state: CustomerState, days: Sequence[int]) -> tuple[object, ...]:
    first = state.first_seen // DAY
    # An event so old that it may have been a repeat is not in what is known; nor is its day here.
    days = [day for day in days if day >= first]
    began = _month(first)
    return (
        state.first_seen,
        state.last_seen,
        state.last_activity if state.last_activity >= 0 else None,
        state.events,
        len(days),
        state.money.orders,
        float(state.money.spent),
        sorted({_month(day) - began for day in days}),
    )
